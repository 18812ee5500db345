//! Addresses that others published to test their codecs with, as they are and changed.
//!
//! Sources, each named in the table: BIP 173 and BIP 350; EIP 55; the specification of CashAddr; zcash-test-vectors
//! (`unified_address.json`, ZIP 316) and librustzcash `zcash_address`; Ergo's documentation of addresses; `bip_utils`, as
//! ported in mrtnetwork/blockchain_utils `test/address` (Monero, Ergo, P2PKH, P2SH); xelis-blockchain `config.rs`.
use super::coin;

fn name(address: &str) -> Option<&'static str> {
    coin(address).map(super::Coin::name)
}

const MONERO: [&str; 6] = [
    // bip_utils, public addresses.
    "42z3MVZMRgE72dPA89MtCD6tYeWke8cV2B3YPYg1pe5x9X7VVqee6MWhjPrjCMiUFwejWkh8KL6MpN8cwX7B5WuZAxw2YbQ",
    "471SLbc2E2j7J5QMCEAV6K2bGd3C3TjrGaMiBQxAnR7z9ozebfZdbjJWbGWq7fuBWWj6nfj2PK8xJVCT6eVu9b7oKxCaZrA",
    "45mPJPfAqJe715SyK5n57QaRPh6WsAtHx8NZrZwr657s773aSMqd76qeQAxDxM9EHyTwRVxNFVSSSTJxJiJn9ft1Lm6rSJU",
    // bip_utils, integrated addresses.
    "4BUqMSeJfNQGudzEJNvzQ2LXh4tbUdW4YCM7mq55edxBT7t1297vwCMZSnJwGvEKEKbH8hGmhZZAGhdHbp2te6AA38ZMi4knaCKLprMPni",
    "4Di1CSUY6fnfg8bL2tDrvS2SMVfKaZZfZGjsyKsSih641LUNchchhAr3fP9zQy8oVM7MjWhK7TrbCZ8AY2VPmxNrjkTTVvgctWPJPxL5vz",
    // getmonero.org, a subaddress.
    "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H",
];

/// BIP 350, valid addresses of the main network, with BIP 173's.
const SEGWIT: [&str; 5] = [
    "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
    "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
];

/// P2PKH and P2SH of `bip_utils`.
const BASE58CHECK: [(&str, &str); 15] = [
    ("1HWTXYq89RczCD7ywiQLbo57kh2womH5L9", "bitcoin"),
    ("14h3JXGHwoRKv8qfYeQJAt8qwCjqY8pzdo", "bitcoin"),
    ("37xLrhtoYnTJ3womrCBAvjaD8mMCh6vhUf", "bitcoin"),
    ("3QK5TVrLPmYQg8F784jMmb8JR4zDsCe1Fu", "bitcoin"),
    ("MN9Lj8PUwww1VXCa1H5kDzwHgS3cCe37BX", "litecoin"),
    ("MWSqSixMJT1vqCjNHX4QbA3ub1aAZ72ZS4", "litecoin"),
    ("DRq8DVXBXNHTPyBctM1Wdx39wUxU47Fwyt", "dogecoin"),
    ("DNZp4h1dMXjif7L8GQa5KwYnnkv9DnLC8Y", "dogecoin"),
    ("XnXBaoFQb6VwHUypKtSf66f1AX1L9pbPPS", "dash"),
    ("XvvyZTcnkBeCNezVuvFVa7UmTjxqfMEWYH", "dash"),
    ("t1bQVBWqSRNUgfxRDGJLdSJBRZ25RnZafwq", "zcash"),
    ("t1KCueY6PVrrfxEjvEsJ7xMF1mRS27NkxWw", "zcash"),
    ("t3UTk6K3icSd7Bwaxe6zt6ioCrYbYB8TJZj", "zcash"),
    // librustzcash.
    ("t1Hsc1LR8yKnbbe3twRp88p6vFfC5t7DLbs", "zcash"),
    ("t3JZcvsuaXE6ygokL4XUiZSTrQBUoPYFnXJ", "zcash"),
];

/// zcash-test-vectors, unified addresses; librustzcash, Sapling and ZIP 320.
const ZCASH: [&str; 5] = [
    "u1a9kfkzeg06yqx98lkcj4xau3q0fv5f3sapfkns5tjne4d7cl5sxnnwp7tljl2awn43pfhu5cdslwm7dhk268zngp3gmprfs2np2h4g6au92dfarxzzjw4gwy4tqp2a37e2sp6qsr0ck",
    "u1p5rt2l48lpmyyeypnffal288jgf2tz50fzn23jdp68vcujvwn0uz5u0evcp35jfmfvrl26az7suqqfm0skn9mmz9un86gqkq9va32v4s",
    "u1uvdts7wj9gsutwnpjhvyrk3p33m7pfm0z4flfahc3hpf66h4vpvzwh06nkxt0fehwtm39hdtdlz5myveg8nmm0ws7cgneqcfasdywukz",
    "zs1qqqqqqqqqqqqqqqqqqcguyvaw2vjk4sdyeg0lc970u659lvhqq7t0np6hlup5lusxle75c8v35z",
    "tex1s2rt77ggv6q989lr49rkgzmh5slsksa9khdgte",
];

/// Ergo's documentation, and `bip_utils`.
const ERGO: [&str; 4] = [
    "9fRAWhdxEsTcdb8PhGNrZfwqa65zfkuYHAMmkQLcic1gdLSV5vA",
    "9fWj4meAF1bnGA5FiGfh2ZXyaXXjEUZ4hTaX7vzrGo4BZdqpLFX",
    "9grKJayfgF6A1YHKaL19MF3S8Pe4MzFMosZ1GdazX7NwuZhggsB",
    "9i93U4cxR1hFDw9ZWD4nGkDY9eTyhxbYQqAbCkdXgTWbtCPLDpT",
];

/// The specification's translation of legacy addresses.
const CASHADDR: [&str; 6] = [
    "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
    "bitcoincash:qr95sy3j9xwd2ap32xkykttr4cvcu7as4y0qverfuy",
    "bitcoincash:qqq3728yw0y47sqn6l2na30mcw6zm78dzqre909m2r",
    "bitcoincash:ppm2qsznhks23z7629mms6s4cwef74vcwvn0h829pq",
    "bitcoincash:pr95sy3j9xwd2ap32xkykttr4cvcu7as4yc93ky28e",
    "bitcoincash:pqq3728yw0y47sqn6l2na30mcw6zm78dzq5ucqzc37",
];

/// Those that the specification translates.
const LEGACY: [&str; 6] = [
    "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu",
    "1KXrWXciRDZUpQwQmuM1DbwsKDLYAYsVLR",
    "16w1D5WRVKJuZUsSRzdLp9w3YGcgoxDXb",
    "3CWFddi6m4ndiGyKqzYvsFYagqDLPVMTzC",
    "3LDsS579y7sruadqu11beEJoTjdFiFCdX4",
    "31nwvkZwyPdgzjBJZXfDmSWsC4ZLKpYyUw",
];

const XELIS: &str = "xel:vs3mfyywt0fjys0rgslue7mm4wr23xdgejsjk0ld7f2kxng4d4nqqnkdufz";
const KASPA: &str = "kaspa:qzk3uh2twkhu0fmuq50mdy3r2yzuwqvstq745hxs7tet25hfd4egcafcdmpdl";
const NIMIQ: &str = "NQ0700000000000000000000000000000000";

/// Every address above with its coin, but for Ethereum's.
fn all() -> Vec<(&'static str, &'static str)> {
    let of = |addresses: &[&'static str], coin| addresses.iter().map(|a| (*a, coin)).collect::<Vec<_>>();
    [
        of(&MONERO, "monero"),
        of(&SEGWIT, "bitcoin"),
        BASE58CHECK.to_vec(),
        of(&ZCASH, "zcash"),
        of(&ERGO, "ergo"),
        of(&CASHADDR, "bitcoin-cash"),
        of(&LEGACY, "bitcoin"),
        vec![(XELIS, "xelis"), (KASPA, "kaspa"), (NIMIQ, "nimiq")],
    ]
    .concat()
}

#[test]
fn published_addresses_name_their_coins() {
    for (address, want) in all() {
        assert_eq!(name(address), Some(want), "{address}");
    }
}

/// BIP 350 and BIP 173, invalid addresses; addresses of test networks; `bip_utils`, Ergo's test network.
#[test]
fn what_was_published_as_invalid_or_for_tests_is_refused() {
    for address in [
        "tc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq5zuyut",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
        "tb1z0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqglt7rf",
        "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
        "tb1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq24jc47",
        "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",
        "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R",
        "bc1pw5dgrnzv",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav",
        "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",
        "tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf",
        "tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vpggkg4j",
        "bc1gmk9yu",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
        "bc10w508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kw5rljs90",
        "bc1zw508d6qejxtdg4y5r3zarvaryvqyzf3du",
        "tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy",
        "mx6uP6SkwNgbVqwEaTqd7oRNuAJgit3ER6",
        "2NCefBbdbkb9sxfEHW3UbU3VQPVwWBa25YB",
        "tmKupsDfg18XXwMXPxDipw5ab1E4RSXosGB",
        "nWQvRZTkyPzDmB5MnnwvRxDYdbpxXaHRgk",
        "3WvopqY4wWMLA248gTt9f3knuRDqDJJMB5NewqgRCaohrPcRygfw",
        "ztestsapling1qqqqqqqqqqqqqqqqqqcguyvaw2vjk4sdyeg0lc970u659lvhqq7t0np6hlup5lusxle75ss7jnk",
        "utest10c5kutapazdnf8ztl3pu43nkfsjx89fy3uuff8tsmxm6s86j37pe7uz94z5jhkl49pqe8yz75rlsaygexk6jpaxwx0esjr8wm5ut7d5s",
    ] {
        assert_eq!(name(address), None, "{address}");
    }
}

/// EIP 55: all capitals and all small letters have no checksum; of the others, any letter in the other case is wrong.
#[test]
fn the_vectors_of_eip_55() {
    for address in [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ] {
        assert_eq!(name(address), Some("ethereum"), "{address}");
        for at in (2..address.len()).filter(|at| address.as_bytes()[*at].is_ascii_alphabetic()) {
            let mut letters = address.as_bytes().to_vec();
            letters[at] ^= 0x20;
            let changed = String::from_utf8(letters).unwrap();
            assert_eq!(name(&changed), None, "{changed}");
        }
    }
    for address in [
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x27b1fdb04752bbc536007a920d24acb045561c26",
    ] {
        assert_eq!(name(address), None, "{address}");
    }
}

/// Where the part begins that the checksum is over: behind the coin's name.
fn body(address: &str) -> usize {
    match (address.find(':'), address.to_ascii_lowercase().as_str()) {
        (Some(colon), _) => colon + 1,
        (None, low) if low.starts_with("bc1") || low.starts_with("zs1") => 3,
        (None, low) if low.starts_with("u1") || low.starts_with("nq") => 2,
        (None, low) if low.starts_with("tex1") => 4,
        _ => 0,
    }
}

/// Letters in the form of the address, so that no change is refused for its looks alone.
fn alphabet(address: &str) -> &'static [u8] {
    match body(address) {
        0 => b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
        2 if address.starts_with("NQ") => b"0123456789ABCDEFGHJKLMNPQRSTUVXY",
        _ if address.starts_with("BC") => b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
        _ => b"qpzry9x8gf2tvdw0s3jn54khce6mua7l",
    }
}

#[test]
fn no_address_with_one_letter_changed_is_one() {
    let mut changes = 0;
    for (address, _) in all() {
        let letters = alphabet(address);
        for at in body(address)..address.len() {
            // A step without a common factor meets every letter over the positions, and each position several.
            for turn in 0..5 {
                let mut changed = address.as_bytes().to_vec();
                changed[at] = letters[(at * 7 + turn * 11) % letters.len()];
                let changed = String::from_utf8(changed).unwrap();
                if changed != address {
                    changes += 1;
                    assert_eq!(name(&changed), None, "{changed}, from {address}");
                }
            }
        }
    }
    assert!(changes > 10_000, "{changes}");
}

#[test]
fn every_change_of_one_letter_of_a_short_address_is_refused() {
    for address in [SEGWIT[1], LEGACY[0], BASE58CHECK[6].0, CASHADDR[0], ERGO[0], NIMIQ] {
        for at in body(address)..address.len() {
            for letter in alphabet(address) {
                let mut changed = address.as_bytes().to_vec();
                changed[at] = *letter;
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(name(&changed).is_some(), changed == address, "{changed}, from {address}");
            }
        }
    }
}

#[test]
fn no_address_with_two_letters_swapped_cut_or_doubled_is_one() {
    for (address, _) in all() {
        for at in body(address)..address.len() - 1 {
            let mut swapped = address.as_bytes().to_vec();
            swapped.swap(at, at + 1);
            let swapped = String::from_utf8(swapped).unwrap();
            let mut cut = address.to_owned();
            cut.remove(at);
            let doubled = format!("{}{}", &address[..=at], &address[at..]);
            for changed in [swapped, cut, doubled].iter().filter(|changed| *changed != address) {
                assert_eq!(name(changed), None, "{changed}, from {address}");
            }
        }
    }
}
