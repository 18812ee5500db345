//! No shape of command line lets a secret through, and harmless ones stay as they are.
use super::*;

fn raw(args: &[&str]) -> Vec<u8> {
    args.iter().flat_map(|arg| arg.bytes().chain([0])).collect()
}

fn redacted(args: &[&str]) -> Vec<String> {
    command_line(&raw(args), false).args
}

/// Every line holds this secret once or more, and `KEEP` where a user or wallet must stay.
const SECRET: &str = "s3cr3t";

const SHAPES: &[&[&str]] = &[
    &["xmrig", "-p", "s3cr3t"],
    &["minerd", "-ps3cr3t"],
    &["minerd", "-p=s3cr3t"],
    &["minerd", "-qDp", "s3cr3t"],
    &["minerd", "-p", "-s3cr3t"],
    &["minerd", "-p", "-p", "s3cr3t"],
    &["minerd", "-passs3cr3t", "x"],
    &["minerd", "-passw0rd-s3cr3t"],
    &["minerd", "--p", "s3cr3t"],
    &["minerd", "--pas", "s3cr3t"],
    &["xmrig", "--pass", "s3cr3t"],
    &["xmrig", "--pass=s3cr3t"],
    &["xmrig", "--pass:s3cr3t"],
    &["xmrig", "--pass=a s3cr3t b"],
    &["xmrig", "--pass", "a s3cr3t b"],
    &["t-rex", "--pass2", "s3cr3t"],
    &["PhoenixMiner", "-pool", "ssl://eu:5555", "-wal", "KEEP", "-pass", "s3cr3t"],
    &["EthDcrMiner64", "-epool", "eu:4444", "-ewal", "KEEP", "-epsw", "s3cr3t"],
    &["SRBMiner", "--wallet", "KEEP", "--password", "s3cr3t"],
    &["x", "--passwd", "s3cr3t"],
    &["x", "--PASSWD=s3cr3t"],
    &["x", "--pwd", "s3cr3t"],
    &["x", "-pwd", "s3cr3t"],
    &["x", "--rpc_password=s3cr3t"],
    &["xmrig", "--http-access-token", "s3cr3t"],
    &["xmrig", "--http-access-token=s3cr3t"],
    &["x", "--api-key", "s3cr3t"],
    &["x", "--APIKEY=s3cr3t"],
    &["x", "--aws.access-key=s3cr3t"],
    &["x", "--client-secret", "s3cr3t"],
    &["x", "--proxy-pass-phrase", "s3cr3t"],
    &["x", "--bypass-password=s3cr3t"],
    &["cgminer", "-O", "KEEP:s3cr3t"],
    &["cgminer", "-OKEEP:s3cr3t"],
    &["cgminer", "--userpass", "KEEP:s3cr3t"],
    &["cgminer", "--userpass=KEEP:s3cr3t"],
    &["cgminer", "--userp", "KEEP:s3cr3t"],
    &["cgminer", "-O", "KEEP.rig:s3cr3t:s3cr3t"],
    &["nbminer", "-u", "KEEP.worker:s3cr3t"],
    &["nbminer", "-uKEEP.worker:s3cr3t"],
    &["nbminer", "--user=KEEP:s3cr3t"],
    &["nbminer", "--user", "KEEP%3As3cr3t"],
    &["nbminer", "-user:s3cr3t"],
    &["nbminer", "-u", "-KEEP:s3cr3t"],
    &["nbminer", "-u", "--pass=a:s3cr3t"],
    &["nbminer", "-u", "kaspa:KEEPqzq9yr2m7ww4qsgltn5kd5m0ajt3d:s3cr3t"],
    &["x", "--user-password", "s3cr3t"],
    &["curl", "--proxy-user", "KEEP:s3cr3t"],
    &["curl", "-U", "KEEP:s3cr3t"],
    &["xmrig", "-o", "stratum+tcp://KEEP:s3cr3t@pool.example:3333"],
    &["xmrig", "-ostratum+tcp://KEEP:s3cr3t@pool.example:3333"],
    &["xmrig", "--url=stratum+ssl://KEEP.w:s3cr3t@[::1]:3333/a@b"],
    &["xmrig", "-o", "KEEP:s3cr3t@pool.example:3333"],
    &["xmrig", "--url=KEEP:s3cr3t@pool.example:3333"],
    &["ethminer", "-P", "stratum1+tcp://KEEP/worker:s3cr3t@eu:9999"],
    &["ethminer", "-P", "stratum1+tcp://KEEP%2eworker%3As3cr3t@eu:9999"],
    &["ethminer", "-P", "stratum1+tcp://KEEP@mail.example:s3cr3t@eu:9999"],
    &["x", "http://KEEP:s3cr3t/s3cr3t@h"],
    &["x", "http://KEEP:s3cr3t@s3cr3t@h:1/"],
    &["x", "http://KEEP:s3cr3t@a/s3cr3t@h"],
    &["x", "http://KEEP:s3cr3t://s3cr3t@h"],
    &["x", "http://KEEP:s3cr3t?s3cr3t#s3cr3t@h"],
    &["x", "http://KEEP:s3cr3t s3cr3t@h"],
    &["x", "http://KEEP:a,s3cr3t@h"],
    &["x", "http://kaspa:KEEPqzq9yr2m7ww4qsgltn5kd5m0ajt3d:s3cr3t@h"],
    &["x", "http://BTC:s3cr3t@h"],
    &["x", "a://KEEP:s3cr3t@h1:1,b://KEEP:s3cr3t@h2:2;c://KEEP:s3cr3t@h3 d://KEEP:s3cr3t@h4"],
    &["x", "http://proxy:80/http://KEEP:s3cr3t@h"],
    &["x", "http://h/?user=KEEP&token=s3cr3t&y=KEEP"],
    &["env", "PASSWORD=s3cr3t", "x"],
    &["env", "PASSWORD=a s3cr3t", "x"],
    &["env", "MYSQL_PWD=s3cr3t", "POOL_API_KEY=s3cr3t", "x"],
    &["docker", "run", "-e", "WALLET=KEEP", "-ePASS=s3cr3t", "--env=PASS=s3cr3t"],
    &["java", "-Ddb.password=s3cr3t", "-jar", "KEEP.jar"],
    &["mount", "-o", "username=KEEP,password=s3cr3t,rw"],
    &["sh", "-c", "KEEP=1 xmrig -o stratum+tcp://w:s3cr3t@h:1 -u KEEP -p s3cr3t"],
    &["sh", "-c", "exec xmrig --pass='a s3cr3t' -p \"b s3cr3t\" -p c\\ s3cr3t"],
    &["sh", "-c", "sh -c 'sh -c \"xmrig -p s3cr3t\"'"],
    &["sh", "-c", "echo it's; xmrig -p s3cr3t"],
    &["xmrig -o pool.example:3333 -u KEEP -p s3cr3t"],
    &["-o pool -p s3cr3t"],
    &["x", "-a b=c -p s3cr3t"],
    &["x", "", "-p", "s3cr3t", ""],
];

#[test]
fn no_secret_remains() {
    for args in SHAPES {
        let line = command_line(&raw(args), false);
        let joined = line.args.join(" ");
        assert!(!joined.contains(SECRET), "{args:?} gave {joined}");
        assert!(line.redacted && joined.contains(MASK), "{args:?} gave {joined}");
        assert_eq!(line.args.len(), args.len(), "{args:?}");
        assert_eq!(joined.contains("KEEP"), args.concat().contains("KEEP"), "{args:?} gave {joined}");
        let again = command_line(&raw(&line.args.iter().map(String::as_str).collect::<Vec<_>>()), false);
        assert_eq!(again.args, line.args, "not stable");
    }
}

/// However much of a line was captured, no two characters of the secret in a row are shown.
#[test]
fn no_part_of_a_cut_secret_remains() {
    for args in SHAPES {
        let whole = raw(args);
        for end in 0..whole.len() {
            let line = command_line(&whole[..end], true);
            for arg in &line.args {
                let shown = (2..=SECRET.len()).map(|n| &SECRET[..n]).find(|part| arg.contains(part));
                assert_eq!(shown, None, "{args:?} cut at {end}: {:?}", line.args);
            }
        }
    }
}

#[test]
fn harmless_lines_are_unchanged() {
    let lines: &[&[&str]] = &[
        &["xmrig", "-o", "stratum+tcp://pool.example:3333", "-u", "4ABC.rig", "-k", "--coin", "monero"],
        &["xmrig", "-o", "stratum+tcp://4ABC.rig@pool.example:3333", "--tls"],
        &["ethminer", "-U", "-P", "stratum1+tcp://0xabc@eu.example:9999/rig1/me@mail.example"],
        &["ethminer", "-P", "stratum1+ssl://0xabc.rig@[2001:db8::1]:9999"],
        &["rigel", "-u", "kaspa:qzq9yr2m7ww4qsgltn5kd5m0ajt3dw5xl5l4qjw0c3m8p2u6t6v7x"],
        &["x", "-u", "DOGE:D6XyzXyzXyzXyzXyzXyzXyzXyzXyzXy.rig#abcd"],
        &["PhoenixMiner", "-pool", "eu.example:4444", "-proto", "4", "-platform", "1", "-powlim", "80"],
        &["find", ".", "-path", "./x", "-print0", "-perm", "644", "-prune"],
        &["gcc", "-O2", "-pthread", "-pipe", "-pie", "-o", "a.out"],
        &["scp", "user@host:/tmp/x", "."],
        &["git", "clone", "git@github.com:a/b.git", "https://git@example.org/a/b"],
        &["docker", "pull", "registry.example/a:tag@sha256:0011"],
        &["docker", "pull", "docker://registry.example/a:tag@sha256:0011"],
        &["ffmpeg", "--passive", "x", "--compass", "1", "--tokenizer=bpe", "--no-password", "y"],
        &["rsync", "-a", "host:/export/@snap", "/mnt"],
        &["wget", "-O", "file", "http://host:8080/a@b", "http://[::1]:80/x@y"],
        &["python3", "-c", "print('a = b', 1)\nx = {'k': 2}"],
        &["systemctl", "--user", "status", "x.service"],
        &["x", "é=ü", "--=", "-", "--", "=", "://", "a://", "@", ":@", "-p"],
        &["", ""],
    ];
    for args in lines {
        let line = command_line(&raw(args), false);
        assert_eq!(line.args, *args);
        assert!(!line.redacted, "{args:?}");
    }
}

#[test]
fn shows_what_is_left() {
    assert_eq!(redacted(&["xmrig", "-p", "x", "-o", "h:1"]), ["xmrig", "-p", "***", "-o", "h:1"]);
    assert_eq!(redacted(&["x", "-p=x"]), ["x", "-p=***"]);
    assert_eq!(redacted(&["x", "-px"]), ["x", "-p***"]);
    assert_eq!(redacted(&["x", "-p", "", "y"]), ["x", "-p", "", "y"]);
    assert_eq!(redacted(&["x", "-O", "w.r:x"]), ["x", "-O", "w.r:***"]);
    assert_eq!(redacted(&["x", "s://w:x@h:1,t://v:y@i:2/p@q"]), ["x", "s://w:***@h:1,t://v:***@i:2/p@q"]);
    assert_eq!(redacted(&["sh", "-c", "A=b  x -u w -p 'p q' > f"]), ["sh", "-c", "A=b  x -u w -p '***' > f"]);
    assert_eq!(redacted(&["mkdir", "-p", "dir"]), ["mkdir", "-p", "***"], "hiding too much is accepted");
}

#[test]
fn splits_as_the_kernel_joined() {
    let args = |raw: &[u8], truncated| command_line(raw, truncated).args;
    assert!(args(b"", false).is_empty());
    assert_eq!(args(b"\0", false), [""]);
    assert_eq!(args(b"a\0\0", false), ["a", ""]);
    assert_eq!(args(b"a\0b", false), ["a", "b"], "a process may overwrite the last NUL");
    assert_eq!(args(b"a\0\xff\xfeb\0", false), ["a", "\u{fffd}\u{fffd}b"]);
    assert_eq!(args(b"a\0http://h:33", true), ["a", "http://h:***"], "may be the begin of a password");
    assert_eq!(args(b"a\0http://h:33\0", true), ["a", "http://h:33"], "whole");
    assert!(command_line(b"a\0", true).truncated);
}

#[test]
fn free_text_loses_passwords_of_urls() {
    assert_eq!(
        text("tried http://u:s3cr3t@h:1/x, then 'a://v:s3cr3t@h'"),
        "tried http://u:***@h:1/x, then 'a://v:***@h'"
    );
    assert_eq!(
        text("wallet at stratum+tcp://4ABC.rig@h:1 me@x"),
        "wallet at stratum+tcp://4ABC.rig@h:1 me@x"
    );
}

/// Lines that would cost a lot if any step looked ahead from every position.
#[test]
fn hostile_lines_take_linear_time() {
    let begin = std::time::Instant::now();
    for unit in
        ["://", "a://", "a://b:c,", "a://b:c@", "=", "pass", "'", "=' ", "\\", "@:", "a=b&", "-p ", "%3A"]
    {
        let line = unit.repeat(131_072 / unit.len());
        assert!(!command_line(line.as_bytes(), false).args.is_empty());
        assert!(!text(&line).is_empty());
    }
    assert!(begin.elapsed() < std::time::Duration::from_secs(20), "{:?}", begin.elapsed());
}
