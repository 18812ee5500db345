#!/usr/bin/env python3
"""A mining client, pool and relay in plain Python, written from the dialects' public descriptions and sharing no
code with the agent or its other tests. It mines nothing: nonces are counters, and the pool accepts all of them.

Every part says on standard output what it does, one JSON object a line, and ends well when its standard input
closes, with status 1 and one line on standard error when the conversation did not go as it should.

    client.py pool  --dialect D [--family 4|6] [--jobs S]
    client.py relay --upstream PORT
    client.py miner --dialect D (--port N | -o URL) [--open HOW] [--send HOW] [--before http|junk] [--gap S] ...
    client.py receiver --dialect D --unix PATH       mines on the connection that it is passed
    client.py check          all of it against itself, without an agent
"""
import argparse, ctypes, errno, json, os, select, socket, struct, subprocess, sys, tempfile, threading, time

DIALECTS = ("stratum-v1", "cryptonote", "eth-proxy", "ethereum-stratum-1")
SESSION = "f00dfeedcafe0001"
HTTP_BYTES = 8192
TIMEOUT = 30
# Client and server, both without a cookie, on every socket that listens (ip-sysctl.rst).
FASTOPEN = "1543"
TCP_MD5SIG = 14
# linux/tcp.h: our data in the SYN was acknowledged.
SYN_DATA = 32


def say(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def h64(number, prefix=""):
    return prefix + ("%016x" % (0x9E3779B97F4A7C15 * (number + 1) % 2**64)) * 4


# --- what a client says -------------------------------------------------------------------------------------

def compact(message):
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def logins(o):
    """The opening messages as bytes, each with the id of its answer; key order and spacing as real clients have."""
    user = "%s.%s" % (o.wallet, o.worker)
    authorize = {"id": 2, "method": "mining.authorize", "params": [user, o.password]}
    if o.dialect == "stratum-v1":
        subscribe = {"id": 1, "method": "mining.subscribe", "params": [o.agent]}
        return [(1, json.dumps(subscribe).encode() + b"\n"), (2, json.dumps(authorize).encode() + b"\n")]
    if o.dialect == "ethereum-stratum-1":
        subscribe = {"id": 1, "method": "mining.subscribe", "params": [o.agent, "EthereumStratum/1.0.0"]}
        return [(1, compact(subscribe)), (2, compact(authorize))]
    if o.dialect == "cryptonote":
        params = {"login": o.wallet, "pass": o.password, "agent": o.agent, "rigid": o.worker,
                  "algo": ["rx/0", "cn/r", "argon2/chukwa"]}
        return [(1, compact({"id": 1, "jsonrpc": "2.0", "method": "login", "params": params}))]
    login = {"worker": o.worker, "jsonrpc": "2.0", "params": [o.wallet, o.password], "id": 2,
             "method": "eth_submitLogin"}
    work = {"worker": o.worker, "jsonrpc": "2.0", "params": [], "id": 3, "method": "eth_getWork"}
    return [(2, json.dumps(login).encode() + b"\n"), (3, json.dumps(work).encode() + b"\n")]


def share(o, count):
    user, number = "%s.%s" % (o.wallet, o.worker), 10 + count
    if o.dialect == "stratum-v1":
        # cgminer's order: params first.
        message = {"params": [user, "1f", "%08x" % count, "5a54f2b0", "%08x" % count], "id": number,
                   "method": "mining.submit"}
    elif o.dialect == "ethereum-stratum-1":
        message = {"id": number, "method": "mining.submit", "params": [user, "1f", "%012x" % count]}
    elif o.dialect == "cryptonote":
        message = {"id": number, "jsonrpc": "2.0", "method": "submit",
                   "params": {"id": SESSION, "job_id": "1f", "nonce": "%08x" % count, "result": h64(count)}}
    else:
        message = {"worker": o.worker, "jsonrpc": "2.0", "id": number, "method": "eth_submitWork",
                   "params": ["0x%016x" % count, h64(1, "0x"), h64(count, "0x")]}
    return number, compact(message)


# --- what a pool says ---------------------------------------------------------------------------------------

def work(dialect):
    if dialect == "stratum-v1":
        params = ["1f", h64(1), "01" * 60, "02" * 50, [h64(2), h64(3)], "20000000", "170b3ce9", "5a54f2b0", True]
        return {"id": None, "method": "mining.notify", "params": params}
    if dialect == "ethereum-stratum-1":
        return {"id": None, "method": "mining.notify", "params": ["1f", h64(1), h64(2), True]}
    if dialect == "cryptonote":
        job = {"blob": "1010" + "ab" * 74, "job_id": "1f", "target": "b88d0600", "algo": "rx/0",
               "height": 3100000, "seed_hash": h64(4)}
        return {"jsonrpc": "2.0", "method": "job", "params": job}
    return {"jsonrpc": "2.0", "id": 0, "result": [h64(1, "0x"), h64(2, "0x"), h64(3, "0x")]}


def answers(dialect, message):
    number, method = message.get("id"), message.get("method")
    ok = {"id": number, "result": True, "error": None}
    if method == "mining.subscribe" and dialect == "stratum-v1":
        pairs = [["mining.set_difficulty", SESSION], ["mining.notify", SESSION]]
        return [{"id": number, "result": [pairs, "08000002", 4], "error": None}]
    if method == "mining.subscribe":
        return [{"id": number, "result": [["mining.notify", SESSION, "EthereumStratum/1.0.0"], "080c"],
                 "error": None}]
    if method == "mining.authorize":
        return [ok, {"id": None, "method": "mining.set_difficulty", "params": [1]}, work(dialect)]
    if method == "mining.submit":
        return [ok, work(dialect)]
    if method == "login":
        job = work(dialect)["params"]
        result = {"id": SESSION, "job": job, "extensions": ["algo", "nicehash", "keepalive"], "status": "OK"}
        return [{"id": number, "jsonrpc": "2.0", "error": None, "result": result}]
    if method == "submit":
        return [{"id": number, "jsonrpc": "2.0", "error": None, "result": {"status": "OK"}}, work(dialect)]
    if method == "eth_getWork":
        return [{"id": number, "jsonrpc": "2.0", "result": work(dialect)["result"]}]
    if method in ("eth_submitLogin", "eth_submitWork"):
        return [{"id": number, "jsonrpc": "2.0", "result": True}]
    raise ValueError("no message of a client: %r" % method)


# --- the parts ----------------------------------------------------------------------------------------------

def until_input_closes():
    while os.read(0, 4096):
        pass


def give_jobs(connection, dialect, every):
    try:
        while True:
            time.sleep(every)
            connection.sendall(compact(work(dialect)))
            say(event="job")
    except OSError:
        pass  # the miner has left


def serve(connection, dialect, jobs=0):
    stream = connection.makefile("rb")
    while line := stream.readline(65536):
        if line.startswith(b"POST "):
            length = 0
            while (header := stream.readline(65536)).strip():
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            stream.read(length)
            body = b"x" * HTTP_BYTES
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            say(event="http", bytes=length)
            continue
        try:
            message = json.loads(line)
        except ValueError:
            say(event="junk", bytes=len(line))
            continue
        # One call: the job of another thread must not come in between.
        connection.sendall(b"".join(compact(answer) for answer in answers(dialect, message)))
        say(event="answered", method=message.get("method"))
        if jobs:
            threading.Thread(target=give_jobs, args=(connection, dialect, jobs), daemon=True).start()
            jobs = 0


def listen(family):
    server = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET)
    server.bind(("::1" if family == 6 else "127.0.0.1", 0))
    server.listen(64)
    say(event="listening", pid=os.getpid(), port=server.getsockname()[1])
    return server


def accept(server, handle):
    def one(connection):
        try:
            handle(connection)
        except ConnectionError:
            pass  # a miner that leaves with our last job unread resets the connection
        except (OSError, ValueError) as error:
            say(event="error", error=str(error))

    while True:
        connection, _ = server.accept()
        threading.Thread(target=one, args=(connection,), daemon=True).start()


def pool(o):
    if o.fastopen:
        with open("/proc/sys/net/ipv4/tcp_fastopen", "w") as setting:
            setting.write(FASTOPEN)
    server = listen(o.family)
    threading.Thread(target=accept, args=(server, lambda c: serve(c, o.dialect, o.jobs)), daemon=True).start()
    until_input_closes()


def copy(source, target):
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


def relay(o):
    def both(connection):
        upstream = socket.create_connection(("127.0.0.1", o.upstream), TIMEOUT)
        upstream.settimeout(None)
        threading.Thread(target=copy, args=(upstream, connection), daemon=True).start()
        copy(connection, upstream)
    threading.Thread(target=accept, args=(listen(4), both), daemon=True).start()
    until_input_closes()


def send(connection, how, data):
    if how == "sendfile":
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.flush()
            if os.sendfile(connection.fileno(), file.fileno(), 0, len(data)) != len(data):
                raise OSError("sendfile sent a part only")
    elif how == "splice":
        reader, writer = os.pipe()
        os.write(writer, data)
        if os.splice(reader, connection.fileno(), len(data)) != len(data):
            raise OSError("splice sent a part only")
        os.close(reader)
        os.close(writer)
    elif how == "bytes":
        for at in range(len(data)):
            connection.sendall(data[at:at + 1])
    elif how == "writev":
        third = len(data) // 3
        parts = [data[:third], data[third:2 * third], data[2 * third:]]
        if os.writev(connection.fileno(), parts) != len(data):
            raise OSError("writev wrote a part only")
    else:
        connection.sendall(data)


def ask(connection, stream, how, number, data):
    send(connection, how, data)
    sent = time.time_ns()
    while line := stream.readline(65536):
        answer = json.loads(line)
        if answer.get("id") == number:
            if not answer.get("result"):
                raise ValueError("the pool refused: %s" % line)
            return sent
    raise ValueError("the pool closed the connection")


def before(connection, stream, what):
    if what == "junk":
        # Neither a letter of JSON nor a word of any protocol, and one line end, so that the pool can skip it.
        connection.sendall(bytes(0x80 + i * 37 % 0x7F for i in range(700)) + b"\n")
    if what == "http":
        head = b"POST /upload HTTP/1.1\r\nHost: files.example\r\nContent-Length: %d\r\n\r\n" % HTTP_BYTES
        connection.sendall(head + b"y" * HTTP_BYTES)
        while stream.readline(65536).strip():
            pass
        if len(stream.read(HTTP_BYTES)) != HTTP_BYTES:
            raise ValueError("the HTTP answer was cut")


def fill(connection):
    """Uses up what the kernel grants a socket for its options (net.core.optmem_max), with keys for strangers."""
    for number in range(1 << 16):
        stranger = struct.pack("=H2x4B120x", socket.AF_INET, 192, 0, 2 + number // 256, number % 256)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, stranger + struct.pack("=2xH4x80s", 4, b"none"))
        except OSError as error:
            if error.errno == errno.ENOMEM:
                return
            raise
    raise OSError("the socket takes any number of keys")


def connect(o, address):
    """A connected socket, come by in the way that was asked for."""
    if o.open not in ("options", "nonblocking", "reused", "full"):
        return socket.create_connection(address, TIMEOUT)
    connection = socket.socket(socket.AF_INET6 if o.family == 6 else socket.AF_INET)
    if o.open == "options":
        padding = bytes((0, 0, 1, 4, 0, 0, 0, 0))
        connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_HOPOPTS, padding)
        connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, padding)
        connection.connect(address)
    if o.open == "full":
        fill(connection)
        connection.connect(address)
    if o.open == "nonblocking":
        connection.setblocking(False)
        connection.connect_ex(address)
        select.select([], [connection], [], TIMEOUT)
    if o.open == "reused":
        # More junk than is looked at, and then another connection of the same socket.
        connection.connect(address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(200):
            connection.sendall(b"\xff\xfe\n")
        nowhere = bytes(16)
        if ctypes.CDLL(None, use_errno=True).connect(connection.fileno(), nowhere, len(nowhere)):
            raise OSError(ctypes.get_errno(), "cannot take the socket back")
        connection.connect(address)
    connection.settimeout(TIMEOUT)
    connection.getpeername()
    return connection


def open_fast(o, address):
    """A connection whose SYN carries the first message; the conversation goes on without it."""
    number, data = logins(o)[0]
    connection = socket.socket()
    connection.settimeout(TIMEOUT)
    connection.sendto(data, socket.MSG_FASTOPEN, address)
    stream = connection.makefile("rb")
    while json.loads(stream.readline(65536)).get("id") != number:
        pass
    if not connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5] & SYN_DATA:
        raise OSError("the SYN carried no data")
    return connection, stream, logins(o)[1:]


def miner(o):
    if o.open == "thread":
        errors = []

        def apart():
            try:
                mine(o)
            except (OSError, ValueError) as error:
                errors.append(error)
        thread = threading.Thread(target=apart)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
    else:
        mine(o)


def mine(o):
    url = o.url.split("@")[-1].split("//")[-1] if o.url else ""
    address = ("::1" if o.family == 6 else "127.0.0.1", int(url.rsplit(":", 1)[1]) if url else o.port)
    if o.open == "fast":
        connection, stream, hello = open_fast(o, address)
    else:
        connection = connect(o, address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream, hello = connection.makefile("rb"), logins(o)
    say(event="connected", pid=os.getpid())
    if o.open == "passed":
        with socket.socket(socket.AF_UNIX) as channel:
            channel.connect(o.unix)
            socket.send_fds(channel, [b"x"], [connection.fileno()])
        stream.close()
        connection.close()
        say(event="passed")
        until_input_closes()
        return
    if o.open == "inherited" and (child := os.fork()):
        status = os.waitpid(child, 0)[1]
        if status:
            raise OSError("the child ended with %d" % status)
        return
    if o.open == "orphaned":
        parent = os.getpid()
        if os.fork():
            os._exit(0)
        while os.getppid() == parent:
            time.sleep(0.01)
        say(event="orphan", pid=os.getpid())
    talk(o, connection, stream, hello)


def receiver(o):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(o.unix)
        server.listen(1)
        say(event="listening", pid=os.getpid(), port=0)
        channel, _ = server.accept()
    with channel:
        fds = socket.recv_fds(channel, 1, 1)[1]
    connection = socket.socket(fileno=fds[0])
    connection.settimeout(TIMEOUT)
    talk(o, connection, connection.makefile("rb"), logins(o))


def talk(o, connection, stream, hello):
    before(connection, stream, o.before)
    if o.wait:
        sys.stdin.readline()
    if o.gap and select.select([0], [], [], o.gap)[0]:
        return
    for number, data in hello:
        say(event="sent", unix_nanos=ask(connection, stream, o.send, number, data))
    count = 0
    while count < o.shares or o.every:
        if count >= o.shares and select.select([0], [], [], o.every)[0]:
            break
        count += 1
        number, data = share(o, count)
        ask(connection, stream, o.send, number, data)
        if count <= o.shares:
            say(event="accepted", shares=count)
    say(event="done")
    until_input_closes()


def start(*args):
    return subprocess.Popen([sys.executable, __file__, *args], stdin=-1, stdout=-1, text=True)


def wait_for(child, event):
    for line in child.stdout:
        if (said := json.loads(line))["event"] == event:
            return said
    raise SystemExit("no %s from pid %d" % (event, child.pid))


def check(_):
    """Every dialect and every way of sending, through a relay too."""
    tried = 0
    for dialect in DIALECTS:
        for family in ("4", "6"):
            server = start("pool", "--dialect", dialect, "--family", family)
            port = wait_for(server, "listening")["port"]
            ways = [["--send", "whole"], ["--send", "writev"], ["--send", "bytes"], ["--send", "sendfile"],
                    ["--send", "splice"], ["--open", "nonblocking"], ["--open", "thread"], ["--open", "inherited"],
                    ["--open", "reused"], ["--before", "http"],
                    ["--before", "junk", "--gap", "0.1", "--every", "0.1"]]
            children = [server]
            if family == "4":
                children.append(start("relay", "--upstream", str(port)))
                ways.append(["--port", str(wait_for(children[-1], "listening")["port"])])
            for way in ways:
                child = start("miner", "--dialect", dialect, "--family", family, "--port", str(port), *way)
                if "--every" in way:
                    wait_for(child, "accepted")
                    child.stdin.close()
                wait_for(child, "done")
                children.append(child)
                tried += 1
            for child in reversed(children):
                child.stdin.close()
                if child.wait(TIMEOUT):
                    raise SystemExit("pid %d ended with %d" % (child.pid, child.returncode))
    say(event="checked", conversations=tried)


def main():
    parser = argparse.ArgumentParser()
    parts = parser.add_subparsers(dest="part", required=True)
    for name in ("pool", "relay", "miner", "receiver", "check"):
        part = parts.add_parser(name)
        part.set_defaults(run=globals()[name])
        part.add_argument("--dialect", choices=DIALECTS)
        part.add_argument("--family", type=int, default=4, choices=(4, 6))
        part.add_argument("--upstream", type=int)
        part.add_argument("--port", type=int)
        part.add_argument("-o", "--url")
        part.add_argument("-u", "--wallet", default="47WalletOfNobody1111111111111111")
        part.add_argument("--worker", default="rig1")
        part.add_argument("-p", "--pass", dest="password", default="x")
        part.add_argument("--agent", default="pyclient/1.0")
        part.add_argument("--send", default="whole", choices=("whole", "writev", "bytes", "sendfile", "splice"))
        part.add_argument("--open", default="plain", choices=(
            "plain", "nonblocking", "thread", "inherited", "orphaned", "passed", "reused", "full", "options", "fast"))
        part.add_argument("--unix")
        part.add_argument("--jobs", type=float, default=0)
        part.add_argument("--fastopen", action="store_true")
        part.add_argument("--wait", action="store_true")
        part.add_argument("--before", default="", choices=("", "http", "junk"))
        part.add_argument("--gap", type=float, default=0)
        part.add_argument("--shares", type=int, default=1)
        part.add_argument("--every", type=float, default=0)
    options = parser.parse_args()
    try:
        options.run(options)
    except (OSError, ValueError) as error:
        raise SystemExit("%s: %s" % (options.part, error))


main()
