#!/usr/bin/env python3
"""Conversations over loopback that look somewhat like mining and are not, between two processes of our own.

    benign.py NAME       one of CONVERSATIONS, or tls

A conversation is a list of turns, `>` for the client and `<` for the server, and both ends check each byte that
they get. Prints {"event":"pids"} first and {"event":"done"} last, one JSON object a line.
"""
import base64, hashlib, json, os, random, socket, ssl, struct, subprocess, sys, tempfile

TIMEOUT = 30
H64 = "0x" + "5c" * 32


def rpc(method, params, number=1, **more):
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params, **more}


def result(value, number=1):
    return {"jsonrpc": "2.0", "id": number, "result": value}


def line(message):
    return json.dumps(message).encode() + b"\n"


def post(path, message, *headers):
    body = json.dumps(message).encode()
    head = "\r\n".join(["POST %s HTTP/1.1" % path, "Host: 127.0.0.1", "Content-Type: application/json", *headers,
                        "Content-Length: %d" % len(body)])
    return head.encode() + b"\r\n\r\n" + body


def reply(message, status="200 OK", *headers):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    head = "\r\n".join(["HTTP/1.1 " + status, *headers, "Content-Length: %d" % len(body)])
    return head.encode() + b"\r\n\r\n" + body


def curl(path, body, *headers):
    """What curl -d sends."""
    head = "\r\n".join(["POST %s HTTP/1.1" % path, "Host: 127.0.0.1:8332", *headers, "User-Agent: curl/8.5.0", "Accept: */*",
                        "Content-Length: %d" % len(body), "Content-Type: application/x-www-form-urlencoded"])
    return head.encode() + b"\r\n\r\n" + body.encode()


def framed(message):
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def websocket(path):
    key = base64.b64encode(bytes(16)).decode()
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    ask = ["GET %s HTTP/1.1" % path, "Host: chat.example", "Upgrade: websocket", "Connection: Upgrade",
           "Sec-WebSocket-Key: " + key, "Sec-WebSocket-Version: 13", "", ""]
    answer = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
              "Sec-WebSocket-Accept: " + base64.b64encode(digest).decode(), "", ""]
    return [(">", "\r\n".join(ask).encode()), ("<", "\r\n".join(answer).encode())]


def text(who, message):
    """A frame of text (RFC 6455, 5.2), masked when the client sends it."""
    payload = json.dumps(message).encode()
    mask = hashlib.md5(payload).digest()[:4] if who == ">" else b""
    size = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + struct.pack("!H", len(payload))
    first = bytes([size[0] | (0x80 if mask else 0)])
    clear = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)) if mask else payload
    return who, b"\x81" + first + size[1:] + mask + clear


def random_flights(seed, *sizes):
    """What looks like ciphertext, in turns that the client begins."""
    noise = random.Random(seed)
    return [("><"[at % 2], noise.randbytes(size)) for at, size in enumerate(sizes)]


def records(who, *parts):
    """Records of TLS, each a type and a size, that hold random bytes."""
    noise = random.Random(11)
    return who, b"".join(struct.pack("!BHH", kind, 0x0303, size) + noise.randbytes(size) for kind, size in parts)


BASIC = "Authorization: Basic YWxpY2U6c2VjcmV0"
HEADER = {"number": "0x10", "hash": H64, "parentHash": H64, "sha3Uncles": H64, "nonce": "0x0000000000000042"}
PAGE = b"""<html><title>How Stratum works</title><pre>
{"id": 1, "method": "mining.subscribe", "params": ["cpuminer/2.5.1"]}
{"id": 2, "method": "mining.authorize", "params": ["alice.rig", "x"]}
</pre></html>"""
TEMPLATE = {"version": 0x20000000, "rules": ["csv", "segwit"], "previousblockhash": "00" * 8 + "5c" * 24, "transactions": [],
            "coinbaseaux": {}, "coinbasevalue": 312500000, "longpollid": "5c" * 32 + "7", "target": "0" * 16 + "f" * 48,
            "mintime": 1700000000, "mutable": ["time", "transactions", "prevblock"], "noncerange": "00000000ffffffff",
            "curtime": 1700000300, "bits": "17034219", "height": 860000}
# An address of the manual's kind: its checksum does not matter to a daemon that is a script.
ADDRESS = "44GBHzv6ZyQdJkjqZje6KLZ3xSyN1hBSFAnLP6EAqJtCRVzMzZmeXTC2AHKDS9aEDTRKmo6a6o9r9j86pYfhCWDkKjbtcns"
WORK = [H64, "0x" + "a7" * 32, "0x00000000" + "f" * 56]


def called(path, *calls):
    """A person who tries out the calls of a manual with curl, on one connection."""
    turns = []
    for body, answer in calls:
        turns += [(">", curl(path, body, BASIC)), ("<", reply(answer))]
    return turns


# What is carried as mining is, in HTTP, WebSocket and tunnels, or begins as an encrypted pool does.
CARRIED = {
    "json-api": [
        (">", post("/api/v2/orders", {"id": 7, "method": "submit", "params": {"job_id": "81", "result": "ok"}})),
        ("<", reply({"id": 7, "result": {"status": "OK", "id": "81"}})),
        (">", post("/api/v2/login", {"id": 8, "method": "login", "params": {"login": "alice", "pass": "x", "agent": "app/2"}})),
        ("<", reply({"id": 8, "result": {"id": "4711", "job": {"title": "clerk", "job_id": "9"}, "status": "OK"}})),
    ],
    "bitcoin-cli-by-hand": called(
        "/",
        ('{"jsonrpc": "1.0", "id": "curltest", "method": "getblockcount", "params": []}',
         {"result": 860000, "error": None, "id": "curltest"}),
        ('{"jsonrpc": "1.0", "id": "curltest", "method": "getblocktemplate", "params": [{"rules": ["segwit"]}]}',
         {"result": TEMPLATE, "error": None, "id": "curltest"}),
        ('{"jsonrpc": "1.0", "id": "curltest", "method": "getnetworkhashps", "params": []}',
         {"result": 6e20, "error": None, "id": "curltest"})),
    "fee-watcher": [turn for count in range(4) for turn in (
        (">", post("/", {"jsonrpc": "1.0", "id": count, "method": "getblocktemplate", "params": [{"rules": ["segwit"]}]}, BASIC)),
        ("<", reply({"result": TEMPLATE, "error": None, "id": count})))],
    "monero-daemon-by-hand": called(
        "/json_rpc",
        ('{"jsonrpc":"2.0","id":"0","method":"get_block_count"}', result({"count": 993163, "status": "OK"}, "0")),
        ('{"jsonrpc":"2.0","id":"0","method":"get_block_template","params":{"wallet_address":"%s","reserve_size":60}}' % ADDRESS,
         result({"blocktemplate_blob": "0e0e" + "5c" * 120, "blockhashing_blob": "0e0e" + "5c" * 74, "difficulty": 61043624293,
                 "height": 1561749, "prev_hash": "5c" * 32, "reserved_offset": 129, "status": "OK"}, "0"))),
    "ethereum-work-by-hand": called(
        "/", ('{"jsonrpc":"2.0","method":"eth_getWork","params":[],"id":73}', result(WORK, 73))),
    "ethereum-submit-by-hand": called(
        "/", ('{"jsonrpc":"2.0","method":"eth_submitWork","params":["0x0000000000000001","%s","%s"],"id":73}' % (H64, H64),
              result(True, 73))),
    "socks5-http": [
        (">", b"\x05\x02\x00\x02"), ("<", b"\x05\x00"),
        (">", b"\x05\x01\x00\x03\x0cwiki.example\x00\x50"), ("<", b"\x05\x00\x00\x01\x0a\x00\x00\x01\x9c\x40"),
        (">", b"GET /stratum.html HTTP/1.1\r\nHost: wiki.example\r\n\r\n"), ("<", reply(PAGE)),
        (">", post("/login", {"login": "alice", "pass": "x"})), ("<", reply({"status": "OK", "id": "1"})),
    ],
    "connect-tls": [
        (">", b"CONNECT pool.example:443 HTTP/1.1\r\nHost: pool.example:443\r\n\r\n"),
        ("<", b"HTTP/1.1 200 Connection established\r\n\r\n"),
        records(">", (22, 512)), records("<", (22, 122), (20, 1), (23, 2300)), records(">", (20, 1), (23, 53), (23, 180)),
        records("<", (23, 900)),
    ],
    "websocket-chat": websocket("/") + [
        text(">", {"type": "auth", "params": {"token": "5c" * 16, "user": "alice"}}),
        text("<", {"type": "authed", "params": {"user": "alice", "rooms": 4}}),
        text(">", {"id": 1, "method": "subscribe", "params": ["room/miners"]}), text("<", {"id": 1, "result": True}),
        text("<", {"type": "message", "from": "bob", "text": '{"method": "mining.subscribe", "params": []} does not work'}),
        text(">", {"type": "message", "message": "share", "text": "here is my share of the bill", "id": 2}),
        text("<", {"type": "job", "params": {"job_id": "17", "title": "clerk", "target": "London"}}),
    ],
    "print-queue": [
        ("<", b"2.1\n"), (">", b"JOB,alice,LOW,invoice.pdf\n"), ("<", b"QUEUED,17,2\n"), (">", b"17,1.5,letter\n"), ("<", b"GOOD\n"),
    ],
    "random-long-third": random_flights(1, 64, 234, 1400, 44, 60),
    "random-other-fourth": random_flights(2, 64, 234, 112, 100, 60, 200),
    "random-short-fifth": random_flights(3, 64, 234, 112, 44, 20, 44, 20),
}

CONVERSATIONS = {
    **CARRIED,
    "ethereum-rpc": [
        (">", line(rpc("eth_syncing", []))), ("<", line(result(False))),
        (">", line(rpc("eth_getBlockByNumber", ["latest", False], 2))), ("<", line(result(HEADER, 2))),
        (">", line(rpc("eth_subscribe", ["newHeads"], 3))), ("<", line(result("0x9cef478923ff08bf67fde6c64013158d", 3))),
        ("<", line({"jsonrpc": "2.0", "method": "eth_subscription", "params": {"subscription": "0x9c", "result": HEADER}})),
        (">", line(rpc("eth_mining", [], 4))), ("<", line(result(False, 4))),
        (">", line(rpc("eth_getLogs", [{"topics": [H64, H64, H64]}], 5))), ("<", line(result([H64, H64, H64], 5))),
    ],
    "ethereum-rpc-http": [
        (">", post("/", rpc("eth_hashrate", []))), ("<", reply(result("0x0"))),
        (">", post("/", [rpc("eth_blockNumber", []), rpc("net_version", [], 2)])), ("<", reply([result("0x1"), result("1", 2)])),
    ],
    "electrum": [
        (">", line({"id": 0, "method": "server.version", "params": ["electrum/4.5.5", "1.4"]})),
        ("<", line({"id": 0, "result": ["ElectrumX 1.16.0", "1.4"]})),
        (">", line({"id": 1, "method": "blockchain.headers.subscribe", "params": []})),
        ("<", line({"id": 1, "result": {"hex": "00" * 80, "height": 860000}})),
        (">", line({"id": 2, "method": "blockchain.scripthash.subscribe", "params": ["8b" * 32]})),
        ("<", line({"id": 2, "result": None})),
        ("<", line({"method": "blockchain.headers.subscribe", "params": [{"hex": "01" * 80, "height": 860001}]})),
    ],
    "lsp": [
        (">", framed(rpc("initialize", {"processId": 1, "rootUri": "file:///src/miner", "capabilities": {}}))),
        ("<", framed(result({"capabilities": {"hoverProvider": True}}))),
        (">", framed({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": {
            "uri": "file:///src/miner/pool.py", "text": 'send({"method": "mining.submit", "params": [user]})'}}})),
        ("<", framed({"jsonrpc": "2.0", "method": "textDocument/publishDiagnostics", "params": {"uri": "x", "diagnostics": []}})),
    ],
    "mcp": [
        (">", line(rpc("initialize", {"protocolVersion": "2025-06-18", "clientInfo": {"name": "agent", "version": "1"}}))),
        ("<", line(result({"protocolVersion": "2025-06-18", "serverInfo": {"name": "files", "version": "2"}}))),
        (">", line({"jsonrpc": "2.0", "method": "notifications/initialized"})),
        (">", line(rpc("tools/call", {"name": "submit", "arguments": {"job_id": "7", "result": "ok"}}, 2))),
        ("<", line(result({"content": [{"type": "text", "text": "job accepted"}], "status": "OK"}, 2))),
    ],
    "json-rpc-login": [
        (">", line(rpc("login", {"username": "alice", "password": "open sesame", "agent": "crm/3.1"}))),
        ("<", line(result({"id": "4711", "token": "t0k3n", "status": "OK"}))),
        (">", line(rpc("submit", {"form": "holiday", "id": "4711"}, 2))), ("<", line(result({"status": "OK"}, 2))),
    ],
    "bitcoind-rpc": [
        (">", post("/", {"method": "getmininginfo", "params": [], "id": 1}, BASIC)),
        ("<", reply({"result": {"blocks": 860000, "difficulty": 8.9e13, "networkhashps": 6e20}, "error": None, "id": 1})),
        (">", post("/", {"method": "getblockhash", "params": [1], "id": 2}, BASIC)),
        ("<", reply({"result": "00" * 32, "error": None, "id": 2})),
    ],
    "transmission-rpc": [
        (">", post("/transmission/rpc", {"method": "session-get"})),
        ("<", reply(b"<h1>409: Conflict</h1>", "409 Conflict", "X-Transmission-Session-Id: abc")),
        (">", post("/transmission/rpc", {"method": "torrent-get", "arguments": {"fields": ["id", "name"]}, "tag": 4},
                   "X-Transmission-Session-Id: abc")),
        ("<", reply({"arguments": {"torrents": [{"id": 1, "name": "debian.iso"}]}, "result": "success", "tag": 4})),
    ],
    "mqtt": [
        (">", b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04rig1"), ("<", b"\x20\x02\x00\x00"),
        (">", b"\x82\x12\x00\x01\x00\x0dmining/notify\x00"), ("<", b"\x90\x03\x00\x01\x00"),
        (">", b"\x30\x27\x00\x09telemetry" + json.dumps({"method": "report", "id": 1}).encode()),
        (">", b"\xc0\x00"), ("<", b"\xd0\x00"),
    ],
    "redis": [
        (">", b"*1\r\n$4\r\nPING\r\n"), ("<", b"+PONG\r\n"),
        (">", b"*3\r\n$3\r\nSET\r\n$3\r\njob\r\n$16\r\n{\"method\":\"job\"}\r\n"), ("<", b"+OK\r\n"),
        (">", b"*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\njobs\r\n"), ("<", b"*3\r\n$9\r\nsubscribe\r\n$4\r\njobs\r\n:1\r\n"),
    ],
    "http": [
        (">", b"GET /stratum.html HTTP/1.1\r\nHost: wiki.example\r\nUser-Agent: curl/8.5\r\n\r\n"), ("<", reply(PAGE)),
        (">", post("/login", {"login": "alice", "pass": "x"})), ("<", reply({"status": "OK", "id": "1"})),
    ],
}


def exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise SystemExit("the other end left")
        data += piece
    return data


def play(connection, own, turns):
    connection.settimeout(TIMEOUT)
    for who, data in turns:
        if who == own:
            connection.sendall(data)
        elif exactly(connection, len(data)) != data:
            raise SystemExit("not the bytes that were agreed on")


def certificate(folder):
    files = folder + "/key.pem", folder + "/cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-keyout", files[0], "-out", files[1]], check=True, capture_output=True)
    return files


def wrap(connection, own, files):
    if own == "<":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files[1], files[0])
        return context.wrap_socket(connection, server_side=True)
    context = ssl.create_default_context(cafile=files[1])
    return context.wrap_socket(connection, server_hostname="localhost")


def main(name):
    with tempfile.TemporaryDirectory() as folder:
        files = certificate(folder) if name == "tls" else None
        turns = CONVERSATIONS["http" if name == "tls" else name]
        server = socket.create_server(("127.0.0.1", 0))
        child = os.fork()
        if child == 0:
            connection, _ = server.accept()
            play(wrap(connection, "<", files) if files else connection, "<", turns)
            os._exit(0)
        port = server.getsockname()[1]
        server.close()
        print(json.dumps({"event": "pids", "client": os.getpid(), "server": child, "port": port}), flush=True)
        connection = socket.create_connection(("localhost" if files else "127.0.0.1", port), TIMEOUT)
        play(wrap(connection, ">", files) if files else connection, ">", turns)
        if os.waitpid(child, 0)[1]:
            raise SystemExit("the server's end failed")
    print(json.dumps({"event": "done"}), flush=True)
    sys.stdin.read()


if len(sys.argv) != 2 or sys.argv[1] not in (*CONVERSATIONS, "tls"):
    raise SystemExit("benign.py NAME, one of: tls " + " ".join(CONVERSATIONS))
main(sys.argv[1])
