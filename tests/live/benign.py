#!/usr/bin/env python3
"""Conversations over loopback that look somewhat like mining and are not, between two processes of our own.

    benign.py NAME       one of CONVERSATIONS, or tls

A conversation is a list of turns, `>` for the client and `<` for the server, and both ends check each byte that
they get. Prints {"event":"pids"} first and {"event":"done"} last, one JSON object a line.
"""
import json, os, socket, ssl, subprocess, sys, tempfile

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


def framed(message):
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


BASIC = "Authorization: Basic YWxpY2U6c2VjcmV0"
HEADER = {"number": "0x10", "hash": H64, "parentHash": H64, "sha3Uncles": H64, "nonce": "0x0000000000000042"}
PAGE = b"""<html><title>How Stratum works</title><pre>
{"id": 1, "method": "mining.subscribe", "params": ["cpuminer/2.5.1"]}
{"id": 2, "method": "mining.authorize", "params": ["alice.rig", "x"]}
</pre></html>"""

CONVERSATIONS = {
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
