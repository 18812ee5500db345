//! Traffic that is not mining, made up and endless.

/// Gives that many bytes of one kind of stream.
type Stream = fn(usize) -> Vec<u8>;

/// What a host talks all day, by name.
pub(crate) const KINDS: [(&str, Stream); 5] =
    [("http", http), ("tls", tls), ("ssh", ssh), ("json-rpc", json_rpc), ("bulk", bulk)];

/// xorshift64: the same bytes in every run.
fn noise(length: usize, mut seed: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        bytes.extend_from_slice(&seed.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Pages over one connection that is kept open.
fn http(length: usize) -> Vec<u8> {
    let page = "<li class=\"entry\"><a href=\"/article/{id}\">A page's line, as pages have them</a></li>\n"
        .repeat(40);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: keep-alive\r\nCache-Control: max-age=600\r\n\r\n{page}",
        page.len()
    );
    answer.bytes().cycle().take(length).collect()
}

/// A client's hello, then records of noise.
fn tls(length: usize) -> Vec<u8> {
    let mut bytes = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
    bytes.extend(noise(506, 1));
    let mut seed = 2;
    while bytes.len() < length {
        bytes.extend_from_slice(b"\x17\x03\x03\x40\x00");
        bytes.extend(noise(0x4000, seed));
        seed += 1;
    }
    bytes.truncate(length);
    bytes
}

/// The banner, then packets of noise.
fn ssh(length: usize) -> Vec<u8> {
    let mut bytes = b"SSH-2.0-OpenSSH_9.6p1\r\n".to_vec();
    bytes.extend(noise(length, 3));
    bytes.truncate(length);
    bytes
}

/// An editor's and a node's calls, one object a line.
fn json_rpc(length: usize) -> Vec<u8> {
    let mut text = String::new();
    let mut id = 0;
    while text.len() < length {
        id += 1;
        text += &format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"eth_getBalance\",\"params\":[\"0x9c32a8c7e59e7935b1e5d3eea04ed8e08c41c1d3\",\"latest\"]}}\n\
             {{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"document/symbols\",\"params\":{{\"uri\":\"file:///src/a.rs\",\"range\":{{\"start\":{id},\"end\":99}}}}}}\n"
        );
    }
    text.truncate(length);
    text.into_bytes()
}

/// A file without structure, such as a compressed archive.
fn bulk(length: usize) -> Vec<u8> {
    noise(length, 4)
}
