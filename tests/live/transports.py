#!/usr/bin/env python3
"""Mining conversations that are not plain JSON over TCP: both ends, written from the public descriptions of the
protocols and sharing no code with the agent. Nothing is mined: nonces are counters, and every share is accepted.

    transports.py server NAME -u WALLET
    transports.py client NAME -u WALLET --port N [--send bytes]

A conversation is a list of turns, `>` for the client and `<` for the server, and both ends check each byte that
they get. Prints one JSON object a line: the server `listening`; the client `done`, with all that it sent and got in
base64. Both end when their standard input closes.
"""
import argparse, base64, hashlib, json, os, random, socket, struct, sys

TIMEOUT = 30
RIG = "rig1"


def compact(message):
    return json.dumps(message, separators=(",", ":")).encode()


def h64(number):
    return hashlib.sha256(b"%d" % number).hexdigest()


# --- what carries it ----------------------------------------------------------------------------------------

def upgrade(path):
    key = base64.b64encode(bytes(range(16))).decode()
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    lines = ["GET %s HTTP/1.1" % path, "Host: pool.example:8443", "Upgrade: websocket", "Connection: Upgrade",
             "Sec-WebSocket-Key: " + key, "Sec-WebSocket-Version: 13"]
    answer = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
              "Sec-WebSocket-Accept: " + base64.b64encode(digest).decode()]
    return [(">", "\r\n".join(lines + ["", ""]).encode()), ("<", "\r\n".join(answer + ["", ""]).encode())]


def frame(message, mask=b""):
    """RFC 6455, 5.2: a text frame; a client masks it."""
    payload, bit = compact(message), 0x80 if mask else 0
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x81, bit | size)
    else:
        head = struct.pack("!BBH", 0x81, bit | 126, size)
    if mask:
        payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return head + mask + payload


def sent(message):
    return (">", frame(message, hashlib.md5(compact(message)).digest()[:4]))


def got(message):
    return ("<", frame(message))


def http(method, user, *headers):
    """A POST of JSON and the answer to it, as getwork's clients and bitcoind's kin speak."""
    def exchange(message, result):
        body, answer = compact(message) + b"\r\n", compact({"result": result, "error": None, "id": message["id"]})
        basic = base64.b64encode((user + ":x").encode()).decode()
        lines = ["POST / HTTP/1.1", "Authorization: Basic " + basic, "Host: pool.example:8332", "User-Agent: pyclient/1.0",
                 "Content-Type: application/json", *headers, "Content-Length: %d" % len(body), "", ""]
        reply = ["HTTP/1.1 200 OK", "Content-Type: application/json", "Content-Length: %d" % len(answer), "", ""]
        return [(">", "\r\n".join(lines).encode() + body), ("<", "\r\n".join(reply).encode() + answer)]
    return exchange


def cryptonote(wallet):
    job = {"blob": "1010" + "ab" * 74, "job_id": "1f", "target": "b88d0600", "algo": "rx/0", "height": 3100000,
           "seed_hash": h64(4)}
    login = {"id": 1, "jsonrpc": "2.0", "method": "login", "params": {
        "login": wallet, "pass": "x", "agent": "pyclient/1.0", "rigid": RIG, "algo": ["rx/0"]}}
    welcome = {"id": 1, "jsonrpc": "2.0", "error": None, "result": {
        "id": "f00dfeedcafe0001", "job": job, "extensions": ["algo", "keepalive"], "status": "OK"}}
    share = {"id": 2, "jsonrpc": "2.0", "method": "submit", "params": {
        "id": "f00dfeedcafe0001", "job_id": "1f", "nonce": "00000001", "result": h64(5)}}
    accepted = {"id": 2, "jsonrpc": "2.0", "error": None, "result": {"status": "OK"}}
    turns = [(">", login), ("<", welcome), (">", share), ("<", accepted)]
    return [(who, compact(message) + b"\n") for who, message in turns]


# --- the conversations --------------------------------------------------------------------------------------

def nimiq(wallet):
    block = base64.b64encode(hashlib.sha256(b"block").digest() * 4).decode()
    return upgrade("/") + [
        sent({"message": "register", "mode": "smart", "address": wallet, "deviceId": 42, "deviceName": RIG,
              "userAgent": "pyclient/1.0", "startDate": 1700000000, "genesisHash": base64.b64encode(bytes(32)).decode()}),
        got({"message": "registered"}),
        got({"message": "settings", "address": wallet, "extraData": base64.b64encode(b"pool.example").decode(),
             "target": "1766847064778384329583297500742918515827483896875618958121606201292619776",
             "targetCompact": 520159231, "nonce": 912831}),
        got({"message": "balance", "balance": 0, "confirmedBalance": 0, "payoutRequestActive": False}),
        sent({"message": "share", "block": block, "minerAddrProof": block[:64], "extraDataProof": block[:64]}),
        got({"message": "balance", "balance": 1, "confirmedBalance": 0, "payoutRequestActive": False}),
    ]


def dero(wallet):
    job = {"jobid": "1700000000123.0.notified", "blocktemplate_blob": "71" * 48, "blockhashing_blob": "71" * 48,
           "difficulty": "21000", "difficultyuint64": 21000, "height": 900000, "prev_hash": h64(1), "epochmilli": 0,
           "blocks": 0, "miniblocks": 0, "rejected": 0, "lasterror": "", "loggedin": False}
    share = {"jobid": job["jobid"], "mbl_blob": "71" * 47 + "01"}
    return upgrade("/ws/%s.%s" % (wallet, RIG)) + [got(job), sent(share), got({**job, "miniblocks": 1})]


def duino(wallet):
    turns = [("<", b"4.3")]
    for count in range(3):
        last = hashlib.sha1(b"%d" % count).hexdigest()
        nonce = 1000 + 77 * count
        expected = hashlib.sha1((last + str(nonce)).encode()).hexdigest()
        turns += [(">", b"JOB,%s,LOW,None\n" % wallet.encode()), ("<", ("%s,%s,6500\n" % (last, expected)).encode()),
                  (">", ("%d,%d.42,Official PC Miner 4.3,%s,,2807\n" % (nonce, 540000 + count, RIG)).encode()),
                  ("<", b"GOOD\n")]
    return turns


def getwork(wallet):
    ask = http("getwork", wallet + "." + RIG, "X-Mining-Extensions: longpoll midstate rollntime submitold")
    # A block header of 80 bytes, padded as SHA-256 does it.
    header = "00000002" + h64(1) + h64(2) + "5a54f2b0" + "170b3ce9"
    padding = "80000000" + "0" * 80 + "80020000"
    work = {"data": header + "00000000" + padding, "hash1": "0" * 56 + "80000000" + "0" * 56 + "00010000",
            "target": "f" * 56 + "00000000", "midstate": h64(3)}
    share = header + "0000002a" + padding
    return (ask({"method": "getwork", "params": [], "id": 0}, work)
            + ask({"method": "getwork", "params": [share], "id": 1}, True))


def getblocktemplate(wallet):
    ask = http("getblocktemplate", wallet + "." + RIG, "X-Mining-Extensions: longpoll reject-reason")
    capabilities = {"capabilities": ["coinbasetxn", "coinbasevalue", "longpoll", "workid"]}
    template = {"version": 2, "previousblockhash": h64(1), "transactions": [], "coinbaseaux": {"flags": "062f503253482f"},
                "coinbasevalue": 2500000000, "longpollid": h64(1) + "5", "target": "0" * 16 + "f" * 48,
                "mintime": 1399980000, "mutable": ["time", "transactions", "prevblock"], "noncerange": "00000000ffffffff",
                "sigoplimit": 20000, "sizelimit": 1000000, "curtime": 1399986390, "bits": "1b0404cb", "height": 300000}
    block = "02000000" + h64(1) + h64(2) + "5372d896" + "1b0404cb" + "0000002a" + "01" + "01" * 100
    return (ask({"method": "getblocktemplate", "params": [capabilities], "id": 0}, template)
            + ask({"method": "submitblock", "params": [block], "id": 1}, None))


def socks5(wallet):
    host = b"pool.example"
    request = b"\x05\x01\x00\x03" + bytes([len(host)]) + host + struct.pack("!H", 3333)
    return [(">", b"\x05\x01\x00"), ("<", b"\x05\x00"), (">", request),
            ("<", b"\x05\x00\x00\x01\x0a\x00\x00\x01" + struct.pack("!H", 40000))] + cryptonote(wallet)


def connect(wallet):
    request = b"CONNECT pool.example:3333 HTTP/1.1\r\nHost: pool.example:3333\r\n\r\n"
    return [(">", request), ("<", b"HTTP/1.1 200 Connection established\r\n\r\n")] + cryptonote(wallet)


def stratum_v2(_wallet):
    """The sizes of a real conversation; what is ciphertext there is noise here."""
    noise = random.Random(7)

    def frames(*payloads):
        # A header of 6 bytes and a payload are encrypted apart, each with a tag of 16 bytes.
        return b"".join(noise.randbytes(22 + size + 16) for size in payloads)
    return [(">", noise.randbytes(64)), ("<", noise.randbytes(234)),
            (">", frames(74)), ("<", frames(6)),        # SetupConnection, its success
            (">", frames(69)), ("<", frames(82, 49, 48)),  # OpenStandardMiningChannel; success, a job, a previous hash
            (">", frames(24)), ("<", frames(20)),       # SubmitSharesStandard, its success
            (">", frames(24)), ("<", frames(20))]


CONVERSATIONS = {
    "nimiq": nimiq, "dero": dero, "duino": duino, "getwork": getwork, "getblocktemplate": getblocktemplate,
    "socks5": socks5, "connect": connect, "stratum-v2": stratum_v2,
}


# --- the parts ----------------------------------------------------------------------------------------------

def say(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise OSError("the other end left")
        data += piece
    return data


def send(connection, how, data):
    size = 1 if how == "bytes" else len(data)
    for at in range(0, len(data), size):
        connection.sendall(data[at:at + size])


def play(connection, own, o):
    connection.settimeout(TIMEOUT)
    # One write, one segment.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    turns = CONVERSATIONS[o.name](o.wallet)
    for who, data in turns:
        if who == own:
            send(connection, o.send, data)
        elif exactly(connection, len(data)) != data:
            raise OSError("not the bytes that were agreed on")
    return [b"".join(data for who, data in turns if who == side) for side in "><"]


def server(o):
    listener = socket.create_server(("127.0.0.1", 0))
    say(event="listening", pid=os.getpid(), port=listener.getsockname()[1])
    connection, _ = listener.accept()
    play(connection, "<", o)
    sys.stdin.read()


def client(o):
    connection = socket.create_connection(("127.0.0.1", o.port), TIMEOUT)
    there, back = play(connection, ">", o)
    say(event="done", sent=base64.b64encode(there).decode(), received=base64.b64encode(back).decode())
    sys.stdin.read()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=("server", "client"))
    parser.add_argument("name", choices=CONVERSATIONS)
    parser.add_argument("-u", "--wallet", required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--send", default="whole", choices=("whole", "bytes"))
    o = parser.parse_args()
    try:
        {"server": server, "client": client}[o.part](o)
    except OSError as error:
        raise SystemExit("%s: %s" % (o.part, error))


main()
