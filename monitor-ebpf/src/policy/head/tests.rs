//! Which heads can be mining.
use super::*;

/// In the middle of a connection, received: only objects are heard there, and a job of Duino-Coin.
fn mining(bytes: &[u8]) -> bool {
    said(bytes, Place { egress: false, begins: false }) != Heard::Nothing
}

/// A segment of these bytes.
fn said(bytes: &[u8], place: Place) -> Heard {
    let mut head = [0; limits::HEAD];
    let length = bytes.len().min(limits::HEAD);
    head[..length].copy_from_slice(&bytes[..length]);
    let words = head.as_chunks::<8>().0;
    let head = std::array::from_fn(|word| u64::from_ne_bytes(words[word]));
    heard(&head, u32::try_from(bytes.len()).unwrap(), place)
}

/// The same, byte by byte.
fn plainly(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(limits::HEAD)];
    let blank = |byte: &u8| b" \t\r\n".contains(byte);
    head.iter().all(blank)
        || head.iter().enumerate().any(|(at, &byte)| {
            let next = head[at + 1..].iter().find(|byte| !blank(byte));
            byte == b'{' && matches!(next, None | Some(b'"' | b'\\'))
        })
}

#[test]
fn objects_and_blanks_can_be_mining() {
    for text in [
        "{\"id\":1",
        "{",
        " {",
        "{ \r\n\t\"method\"",
        "[{\"id\":1}",
        "x{\"",
        "{{\"",
        "\n",
        "{\\\"id\\\":1",
        "POST / HTTP/1.1\r\n\r\n{\"id\":1",
    ] {
        assert!(mining(text.as_bytes()), "{text:?}");
    }
    assert!(mining(&[b' '; 200]), "only blanks so far");
    assert!(mining(&[[b'x'; 63].as_slice(), b"{"].concat()), "the last byte of the head opens");
}

#[test]
fn other_bytes_cannot() {
    for text in [
        "x",
        "GET / HTTP/1.1\r\n",
        "\x16\x03\x01",
        "{x",
        "{ 1",
        "SSH-2.0-OpenSSH\r\n",
        "{\"\0".get(2..).unwrap(),
    ] {
        assert!(!mining(text.as_bytes()), "{text:?}");
    }
    assert!(!mining(&[[b'x'; 64].as_slice(), b"{\""].concat()), "behind the head");
}

#[test]
fn positions_at_once_say_what_a_loop_over_bytes_says() {
    // Letters that matter, their neighbours, and bytes that tell a wrong carry between bytes.
    const LETTERS: [u8; 16] = *b"{{{{\"\\ \t\r\n|z\x7f\x80\x00\xff";
    let mut random = 1_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % below
    };
    let mut said = [0; 2];
    for _ in 0..200_000 {
        let (length, letters, offset) =
            (1 + next(limits::HEAD + 2), 1 + next(LETTERS.len()), next(LETTERS.len()));
        let bytes: Vec<u8> = (0..length).map(|_| LETTERS[(offset + next(letters)) % LETTERS.len()]).collect();
        assert_eq!(mining(&bytes), plainly(&bytes), "{bytes:?}");
        said[usize::from(plainly(&bytes))] += 1;
    }
    assert!(said.iter().all(|&count| count > 20_000), "{said:?}");
}

const CLIENT: Place = Place { egress: true, begins: true };
const CLIENT_LATER: Place = Place { egress: true, begins: false };
const SERVER: Place = Place { egress: false, begins: true };
const SERVER_LATER: Place = Place { egress: false, begins: false };

/// Bytes that look random, the same each time.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut random = seed;
    let next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        random.to_le_bytes()[7]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A WebSocket frame as a client sends it.
fn masked(opcode: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![opcode];
    match payload.len() {
        length @ ..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length @ ..0x1_0000 => {
            frame.push(0xfe);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(0xff);
            frame.extend(u64::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

#[test]
fn requests_that_carry_mining_are_heard_from_clients_only() {
    for request in [
        "POST / HTTP/1.1\r\n",
        "POST /json_rpc HTTP/1.1\r\n",
        "POST http://pool.example:8332/ HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\n",
        "GET /ws/dero1qy.rig HTTP/1.1\r\n",
        "GET /getheight HTTP/1.1\r\n",
        "GET /getinfo HTTP/1.1\r\n",
        "GET /LP HTTP/1.1\r\n",
        "GET /longpoll HTTP/1.1\r\n",
        "CONNECT pool.example:3333 HTTP/1.1\r\n",
        "JOB,alice,LOW,None\n",
    ] {
        let request = request.as_bytes();
        assert_eq!(said(request, CLIENT), Heard::Carrier);
        assert_eq!(said(request, CLIENT_LATER), Heard::Carrier, "on a connection that is kept");
        assert_eq!(said(request, SERVER), Heard::Nothing, "a server's own requests cost nothing");
        for cut in 1..request.len().min(8) {
            assert_eq!(said(&request[..cut], CLIENT), Heard::Carrier, "cut after {cut}");
        }
    }
}

#[test]
fn how_other_protocols_begin_is_nothing() {
    for text in [
        &b"GET /index.html HTTP/1.1\r\n"[..],
        b"GET /wp-login.php HTTP/1.1\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PUT / HTTP/1.1\r\n",
        b"HEAD / HTTP/1.1\r\n",
        b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
        b"EHLO mail.example\r\n",
        b"USER anonymous\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04rig1",
        b"\xff\xfd\x18\xff\xfa\0\0\x01",
        b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0",
        b"\0\0\0\x90\xfeSMB@\0\x01\0",
    ] {
        assert_eq!(said(text, CLIENT), Heard::Nothing, "{}", text.escape_ascii());
        assert_eq!(said(text, CLIENT_LATER), Heard::Nothing, "{}", text.escape_ascii());
    }
    for text in
        [&b"220 ESMTP\r\n"[..], b"+OK\r\n", b"HTTP/1.1 200 OK\r\n", b"SSH-2.0-x\r\n", b"J\0\0\0\n5.7.42\0"]
    {
        assert_eq!(said(text, SERVER), Heard::Nothing, "{}", text.escape_ascii());
    }
}

#[test]
fn tls_is_nothing_from_hello_to_records() {
    let hello = [b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".as_slice(), &noise(3, 506)].concat();
    let record = [b"\x17\x03\x03\x02\x30".as_slice(), &noise(4, 560)].concat();
    for place in [CLIENT, CLIENT_LATER, SERVER, SERVER_LATER] {
        assert_eq!(said(&hello, place), Heard::Nothing);
        assert_eq!(said(&record, place), Heard::Nothing);
    }
}

#[test]
fn socks_is_heard_by_its_greeting() {
    for greeting in [
        &b"\x05\x01\0"[..],
        b"\x05\x02\0\x02",
        b"\x05\x09\0\x01\x02\x03\x05\x06\x07\x08\x09",
        b"\x04\x01\x0d\x05\x0a\0\0\x01\0",
        b"\x04\x01\x0d\x05\0\0\0\x01alice\0pool.example\0",
    ] {
        assert_eq!(said(greeting, CLIENT), Heard::Carrier, "{greeting:?}");
        assert_eq!(said(greeting, CLIENT_LATER), Heard::Nothing, "only at the beginning: {greeting:?}");
        assert_eq!(said(greeting, SERVER), Heard::Nothing, "{greeting:?}");
    }
    for other in [
        &b"\x05\x02\0\x02\0"[..],
        b"\x05\x0a\0\x01\x02\x03\x04\x05\x06\x07\x08\x09",
        b"\x04\x01\0\0\x0a\0\0\x01\0",
    ] {
        assert_eq!(said(other, CLIENT), Heard::Nothing, "{other:?}");
    }
}

#[test]
fn masked_frames_in_which_an_object_opens_are_heard_anywhere() {
    let long = format!("{{\"message\": \"{}\"}}", "x".repeat(70_000));
    for length in [20, 125, 126, 65_535, 65_536] {
        for mask in [[0; 4], [1, 2, 3, 4], [0xff, 0x22, 0x7b, 0x80]] {
            let payload = &long.as_bytes()[..length];
            for place in [CLIENT_LATER, SERVER_LATER] {
                assert_eq!(said(&masked(0x81, mask, payload), place), Heard::Object, "{length} {mask:x?}");
                assert_eq!(said(&masked(2, mask, payload), place), Heard::Object, "a fragment of bytes");
            }
            if mask != [0; 4] {
                assert_eq!(said(&masked(0x88, mask, payload), CLIENT_LATER), Heard::Nothing, "closes");
                assert_eq!(said(&masked(0xc1, mask, payload), CLIENT_LATER), Heard::Nothing, "compressed");
            }
        }
    }
    let mask = [9, 8, 7, 6];
    assert_eq!(said(&masked(0x81, mask, b"[{\"id\":1}]"), CLIENT_LATER), Heard::Object);
    assert_eq!(said(&masked(0x81, mask, b"{ \"id\":1}"), CLIENT_LATER), Heard::Object);
    for other in [&b"hello"[..], b"{}", b"[1]", b"{x"] {
        assert_eq!(said(&masked(0x81, mask, other), CLIENT_LATER), Heard::Nothing, "{other:?}");
    }
}

#[test]
fn frames_of_a_server_are_heard_as_objects() {
    for frame in [
        &b"\x81\x12{\"message\":\"x\"}"[..],
        b"\x81\x7e\x01\x02{\"jobid\":",
        b"\x81\x7f\0\0\0\0\0\x01\0\x01{\"job",
    ] {
        assert_eq!(said(frame, SERVER_LATER), Heard::Object);
    }
}

#[test]
fn duino_is_heard_by_the_version_and_by_each_job() {
    for version in ["4.3", "4.3\n", "2.73", "4", "10.1\r\n"] {
        assert_eq!(said(version.as_bytes(), SERVER), Heard::Carrier, "{version:?}");
        assert_eq!(said(version.as_bytes(), SERVER_LATER), Heard::Nothing, "{version:?}");
    }
    for other in [".", "\n4", "4.3.3.3", "4,3", "v4.3"] {
        assert_eq!(said(other.as_bytes(), SERVER), Heard::Nothing, "{other:?}");
    }
    let job = format!("{},{},6500\n", "0123456789abcdef".repeat(3).get(..40).unwrap(), "f".repeat(40));
    assert_eq!(said(job.as_bytes(), SERVER_LATER), Heard::Carrier);
    for at in [0, 7, 20, 39] {
        let mut other = job.clone().into_bytes();
        for byte in *b"/:`gA, \x80\xb0" {
            other[at] = byte;
            assert_eq!(said(&other, SERVER_LATER), Heard::Nothing, "{byte:#x} at {at}");
        }
    }
    assert_eq!(said(job.replacen(',', ";", 1).as_bytes(), SERVER_LATER), Heard::Nothing);
}

#[test]
fn a_handshake_of_64_random_bytes_is_heard_and_a_part_of_one_is_a_hint() {
    let mut heard = 0;
    for seed in 0..2_000 {
        let handshake = noise(seed, 64);
        heard += usize::from(said(&handshake, CLIENT) == Heard::Carrier);
        assert_ne!(said(&handshake, SERVER), Heard::Carrier);
        assert_ne!(said(&handshake, CLIENT_LATER), Heard::Carrier);
        assert_ne!(said(&noise(seed, 65), CLIENT), Heard::Carrier, "longer");
    }
    assert!(heard > 1_990, "{heard} of 2000: one in a thousand has two zeros in a row");
    let mut heard = 0;
    for seed in 0..2_000 {
        assert_ne!(said(&noise(seed, 3), CLIENT), Heard::Nothing, "too little to tell");
        heard += usize::from(said(&noise(seed, 32), CLIENT) == Heard::Hint);
    }
    assert!(heard > 1_900, "{heard} of 2000 first halves");
    assert_eq!(said(b"HI\n", CLIENT), Heard::Hint);
    assert_eq!(said(b"HI\n", CLIENT_LATER), Heard::Nothing);
    assert_eq!(said(&[b'a'; 64], CLIENT), Heard::Nothing, "text");
    let mut binary = noise(5, 64);
    binary[20..22].fill(0);
    assert_eq!(said(&binary, CLIENT), Heard::Nothing, "two zeros, as lengths have");
}

#[test]
fn a_setup_in_the_clear_is_heard() {
    let setup = |protocol: u8, least: u8| {
        let mut frame = vec![0, 0, 0, 60, 0, 0, protocol, least, 0, 2, 0];
        frame.extend(*b"\x01\0\0\0\x0cpool.example\x2e\x0d");
        frame
    };
    for protocol in 0..=2 {
        assert_eq!(said(&setup(protocol, 2), CLIENT), Heard::Carrier);
        assert_eq!(said(&setup(protocol, 2), CLIENT_LATER), Heard::Nothing);
    }
    assert_eq!(said(&setup(3, 2), CLIENT), Heard::Nothing);
    assert_eq!(said(&setup(0, 3), CLIENT), Heard::Nothing);
    assert_eq!(said(&setup(0, 2)[..10], CLIENT), Heard::Nothing, "ends before the versions");
}
