#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Authenticated datagrams as docs/wire.md has them: forged, replayed, reordered, cut, of a wrong, retired or rotated key;
models that answer no others. An ordinary kernel socket is the client; martletd is on the far end of a veth pair."""
import os
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import (MARTLETCTL, PING, PONG, ROOT, Appliance, FarEnd, Reply, Tap, enter_private_network, request, sh,
                       skip_all, wait_for)

OURS4, OURS6, PORT = "10.77.0.1", "fd00:77::1", 7797
M64 = (1 << 64) - 1


def siphash(key, data):
    """SipHash-2-4 of 64 bits, as the paper has it."""
    rotate = lambda x, n: (x << n | x >> (64 - n)) & M64
    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573]

    def rounds(n):
        for _ in range(n):
            v[0] = (v[0] + v[1]) & M64
            v[1] = rotate(v[1], 13) ^ v[0]
            v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[3]) & M64
            v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & M64
            v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & M64
            v[1] = rotate(v[1], 17) ^ v[2]
            v[2] = rotate(v[2], 32)

    data += bytes(7 - len(data) % 8) + bytes([len(data) & 255])
    for (word,) in struct.iter_unpack("<Q", data):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xff
    rounds(4)
    return struct.pack("<Q", v[0] ^ v[1] ^ v[2] ^ v[3])


def sealed(datagram, secret, counter):
    datagram += struct.pack("<Q", counter)
    return datagram + siphash(secret, datagram)


class Client:
    def __init__(self, secret, key_id, model=1, columns=8, family=socket.AF_INET):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.to = (OURS4 if family == socket.AF_INET else OURS6, PORT)
        self.secret, self.key_id, self.model, self.columns = secret, key_id, model, columns
        self.counter = time.time_ns()
        self.id = 0

    def make(self, counter=None, columns=None, pad=0, **fields):
        """A datagram of one row, and its counter."""
        self.id += 1
        self.counter += 1
        counter = self.counter if counter is None else counter
        columns = columns or self.columns
        fields = {"flags": 2, "key_id": self.key_id, "model": self.model, "request_id": self.id, "columns": columns, **fields}
        return sealed(request(struct.pack(f"<{columns}f", *range(columns)), pad=pad, **fields), self.secret, counter), counter

    def send(self, data, wait=5.0):
        """The reply's bytes, or None."""
        self.socket.sendto(data, self.to)
        end = time.time() + wait
        while (left := end - time.time()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                return None
            reply = self.socket.recv(65535)
            if reply[8:16] == data[8:16]:
                return reply
        return None

    def ask(self, wait=5.0, **fields):
        """The reply; its status is what is wrong with the trailer, if something is."""
        data, counter = self.make(**fields)
        raw = self.send(data, wait)
        if raw is None:
            return None
        reply = Reply(raw)
        if not reply.flags & 2 or reply.key_id != self.key_id:
            reply.status = f"flags {reply.flags}, key {reply.key_id}"
        elif raw[-16:-8] != struct.pack("<Q", counter):
            reply.status = f"the counter is {raw[-16:-8].hex()}"
        elif raw[-8:] != siphash(self.secret, raw[:-8]):
            reply.status = "the tag is wrong"
        elif len(raw) > len(data):
            reply.status = "longer than its request"
        return reply


def drops(appliance, reason):
    """How many there are by now."""
    listed = appliance.api("GET", "/v1/drops")[1]["drops"]
    return next((d["count"] for d in listed if d["name"] == reason), 0)


class Dropped:
    """Checks that datagrams get no answer and are counted, each under one reason. What comes behind them is answered."""

    def __init__(self, tap, appliance, good):
        self.tap, self.appliance, self.good = tap, appliance, good

    def check(self, what, reason, datagrams):
        before = drops(self.appliance, reason)
        for data in datagrams:
            self.good.socket.sendto(data, self.good.to)
        after = self.good.ask()
        counted = wait_for(lambda: drops(self.appliance, reason) - before >= len(datagrams), 5)
        silent = not select.select([self.good.socket], [], [], 0)[0]
        now = drops(self.appliance, reason) - before
        self.tap.check(f"{what}: dropped as {reason}", counted and silent and now == len(datagrams) and after is not None,
                       f"{now} of {len(datagrams)} counted, {'nothing' if silent else 'something'} came")


def keys_file(path, lines):
    with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write("\n".join(lines) + "\n")


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


A, B, C, D, E = (bytes([i] * 16) for i in b"ABCDE")
KEYS = [f"1 {A.hex()} gate-a * - -", f"2 {B.hex()} gate-b lab - -", f"3 {C.hex()} other another - -",
        f"4 {D.hex()} old * - 2020-01-01T00:00:00Z", f"5 {E.hex()} new * 2099-01-01T00:00:00Z -"]


def documented(tap):
    """docs/wire.md's client makes the same trailers."""
    with open(os.path.join(ROOT, "docs/wire.md")) as f:
        code = re.search(r"```python\n(.*?)```", f.read(), re.S).group(1)
    theirs = {}
    exec(compile(code, "docs/wire.md", "exec"), theirs)
    same = all(theirs["seal"](bytes(range(n)), A, n << 40) == sealed(bytes(range(n)), A, n << 40) for n in range(100))
    good = sealed(bytes(40), A, 9)
    tap.check("the client in docs/wire.md seals alike", same and theirs["is_sealed"](good, A, 9) and
              not theirs["is_sealed"](good, A, 8) and not theirs["is_sealed"](good[:-1] + b"x", A, 9))
    vector = siphash(bytes(range(16)), bytes(range(15)))
    tap.check("and the paper's vector holds", vector == struct.pack("<Q", 0xa129ca6149be45e5))


def with_tool(tap, a, keys, columns):
    """martletctl key, score and the rest as an operator uses them."""
    def tool(*args):
        return subprocess.run([MARTLETCTL, "--socket", a.sock, *args], capture_output=True, text=True)

    client, rows = os.path.join(a.dir, "client.key"), os.path.join(a.dir, "rows.csv")
    with open(rows, "w") as f:
        f.write("\n".join(",".join(str(i + j) for i in range(columns)) for j in range(40)) + "\n")
    made = tool("key", "generate", "tool", "--keys", keys, "--client", client, "--models", "lab")
    tap.check("key generate", made.returncode == 0 and "key 7 (tool) is in" in made.stdout, made.stdout + made.stderr)
    with open(client) as f:
        secret = f.read().split()[1]
    listed = tool("key", "list", "--keys", keys)
    shown = listed.stdout + tool("--json", "key", "list", "--keys", keys).stdout + made.stdout
    tap.check("key list, which shows no secret", listed.returncode == 0 and "tool" in listed.stdout and secret not in shown and
              A.hex() not in shown, shown)
    tap.check("nor does anything martletd says", secret not in a.log_text() and A.hex() not in a.log_text())
    before = a.log_text().count("reload")
    a.proc.send_signal(1)
    wait_for(lambda: a.log_text().count("reload") > before)
    udp = ("score", "1", rows, "--udp", f"{OURS4}:{PORT}", "--outputs", "1")
    outputs = a.api("GET", "/v2/models/lab")[1]["outputs"][0]["shape"][-1]
    udp = (*udp[:-1], str(outputs))
    plain = tool("score", "lab", rows)
    done = tool(*udp, "--wire-key", client)
    tap.check("score --udp --wire-key, as over the API", done.returncode == 0 and
              [l for l in done.stdout.splitlines()[1:]] == plain.stdout.splitlines()[1:], done.stderr + done.stdout[:200] + plain.stdout[:200])
    done = tool(*udp, "--wire-key", keys)
    tap.check("of several keys one must be named", done.returncode == 1 and "has 7 keys; say which by --key-id" in done.stderr, done.stderr)
    retired = tool("key", "retire", "7", "--keys", keys, "--after", "0s")
    tap.check("key retire", retired.returncode == 0 and "retires at" in retired.stdout, retired.stderr)
    before = a.log_text().count("reload")
    a.proc.send_signal(1)
    wait_for(lambda: a.log_text().count("reload") > before)
    done = tool(*udp, "--wire-key", client)
    tap.check("a retired key is not answered, and the tool says where to look", done.returncode == 1 and
              "does it take the key (martletctl drops)" in done.stderr, done.stderr)

    # Of a service user that has another name than martlet.
    os.chown(keys, 65534, 65534)
    done = tool("key", "list", "--keys", keys)
    tap.check("somebody else's file of keys is refused", done.returncode == 1 and "belongs to uid 65534" in done.stderr, done.stderr)
    os.environ["MARTLET_USER"] = "nobody"
    done = tool("key", "retire", "7", "--keys", keys)
    del os.environ["MARTLET_USER"]
    tap.check("but not the service user's, and it stays his", done.returncode == 0 and os.stat(keys).st_uid == 65534, done.stderr)
    os.chown(keys, 0, 0)


def good_ones(tap, a, columns):
    for key, secret in ((1, A), (2, B)):
        client = Client(secret, key, columns=columns)
        for pad in range(0, 24, 5):
            r = client.ask(pad=pad)
            tap.check(f"key {key}, padded by {pad}: scored, the reply sealed", r and r.status == "OK", str(r and r.status))
        plain = Client(secret, key, columns=columns)
        data = request(struct.pack(f"<{columns}f", *range(columns)), request_id=77, columns=columns)
        r2 = plain.send(data)
        tap.check("the scores are those of a plain request", r and r2 and r.scores() == Reply(r2).scores())
        r = client.ask(type=PING, pad=33)
        tap.check("PING gets its PONG, sealed", r and r.type == PONG and r.status == "OK", str(r and r.status))
    client = Client(A, 1, columns=columns, family=socket.AF_INET6)
    r = client.ask(pad=3)
    tap.check("over IPv6", r and r.status == "OK", str(r and r.status))
    for name, fields in (("BAD_SHAPE", {"columns": columns + 1}), ("NO_MODEL", {"model": 999}), ("BAD_REQUEST", {"rows": 0})):
        r = Client(A, 1, columns=columns).ask(**fields)
        tap.check(f"{name} is sealed too", r and r.status == name, str(r and r.status))
    # The trailer is no part of the row.
    data = request(struct.pack(f"<{columns}f", *range(columns))[:-16], flags=2, key_id=1, request_id=9, columns=columns)
    raw = client.send(sealed(data, A, time.time_ns()))
    tap.check("a row that only the trailer makes long enough", raw and Reply(raw).status == "BAD_REQUEST",
              str(raw and Reply(raw).status))
    r = Client(C, 3, columns=columns).ask()
    tap.check("a key of another model is FORBIDDEN", r and r.status == "FORBIDDEN", str(r and r.status))
    r = Client(C, 3, columns=columns).ask(columns=columns + 1)
    tap.check("and learns no more of it", r and r.status == "FORBIDDEN", str(r and r.status))


def bad_ones(tap, a, columns):
    good = Client(A, 1, columns=columns)
    gone = Dropped(tap, a, good)
    data, _ = good.make()
    gone.check("each bit of a tag turned", "auth_bad_tag",
               [data[:-8] + bytes(x ^ (1 << bit % 8 if i == bit // 8 else 0) for i, x in enumerate(data[-8:])) for bit in range(64)])
    gone.check("each byte turned that it covers, beside the header's own checks", "auth_bad_tag",
               [data[:i] + bytes([data[i] ^ 1]) + data[i + 1:] for i in range(32, len(data) - 8)])
    gone.check("cut by a byte to the header and the trailer's last one", "auth_bad_tag",
               [data[:-n] for n in range(1, len(data) - 47)])
    gone.check("shorter than header and trailer", "auth_short", [data[:n] for n in range(32, 48)])
    gone.check("a wrong secret", "auth_bad_tag", [Client(bytes(16), 1, columns=columns).make()[0]])
    gone.check("another key's secret", "auth_bad_tag", [Client(B, 1, columns=columns).make()[0]])
    gone.check("keys that are not there", "auth_unknown_key",
               [Client(A, key, columns=columns).make()[0] for key in (0, 6, 65535)])
    gone.check("a key that has retired", "auth_key_not_valid", [Client(D, 4, columns=columns).make()[0]])
    gone.check("a key that is not valid yet", "auth_key_not_valid", [Client(E, 5, columns=columns).make()[0]])
    r = good.send(data)
    tap.check("none of these spends a counter", r is not None)
    gone.check("the same once more", "auth_replayed", [data, data])
    gone.check("the clock set back", "auth_replayed", [good.make(counter=good.counter - 10**9)[0]])
    r = good.ask()
    tap.check("until it has grown", r and r.status == "OK")
    # Reordered: a burst of 1024 counters backwards.
    good.counter += 5000
    top = good.counter
    in_window = [good.make(counter=top - i)[0] for i in range(0, 1024, 31)]
    answered = sum(good.send(d) is not None for d in in_window)
    tap.check("reordered within the window: all answered", answered == len(in_window), f"{answered} of {len(in_window)}")
    good.counter = top
    client = Client(B, 2, columns=columns)
    r = client.send(client.make(counter=top + 10**15)[0])
    gone.check("1024 and more below the newest", "auth_replayed",
               [client.make(counter=top + 10**15 - i)[0] for i in (1024, 1025, 4096)])
    raw = client.send(client.make(counter=top + 10**15 - 1023)[0])
    tap.check("1023 below it is answered", r and raw)


def rotated(tap, a, keys, columns):
    """Key 1 gives way to key 6 while requests are on their way: none is lost."""
    old, new, lost, asked = Client(A, 1, columns=columns), Client(b"F" * 16, 6, columns=columns), [0], [0]
    stop = threading.Event()

    def ask(client):
        while not stop.is_set():
            asked[0] += 1
            r = client.ask()
            if r is None or r.status != "OK":
                lost[0] += 1
                print(f"# lost: key {client.key_id}, {r and r.status}", flush=True)

    thread = threading.Thread(target=ask, args=(old,))
    thread.start()
    time.sleep(0.3)
    lines = KEYS[1:] + [f"6 {(b'F' * 16).hex()} gate-a2 * - -"]
    for step in ([KEYS[0]] + lines, [f"1 {A.hex()} gate-a * - {stamp(3600)}"] + lines):
        keys_file(keys, step)
        before = a.log_text().count("reload")
        a.proc.send_signal(1)
        wait_for(lambda: a.log_text().count("reload") > before)
        time.sleep(0.3)
    other = threading.Thread(target=ask, args=(new,))
    other.start()
    time.sleep(0.3)
    stop.set()
    thread.join()
    other.join()
    tap.check(f"a key rotated mid-stream: none of {asked[0]} requests lost", lost[0] == 0 and asked[0] > 20, f"{lost[0]} lost")
    replay, _ = old.make()
    tap.check("before a reload", old.send(replay) is not None)
    gone = Dropped(tap, a, new)

    def reload(seconds):
        """Key 1 retires so much later."""
        keys_file(keys, [f"1 {A.hex()} gate-a * - {stamp(seconds)}"] + lines)
        before = a.log_text().count("reload")
        a.proc.send_signal(1)
        wait_for(lambda: a.log_text().count("reload") > before)

    reload(3600)
    gone.check("what was seen before a reload is a replay after it", "auth_replayed", [replay])
    reload(2)
    before = drops(a, "auth_key_not_valid")
    wait_for(lambda: old.ask(wait=0.2) is None and drops(a, "auth_key_not_valid") > before, 60)
    new.ask()  # behind all that may still be on its way
    gone.check("retired when its time comes, without a reload", "auth_key_not_valid", [old.make()[0]])
    with open(keys, "a") as f:
        f.write("7 tooshort x * - -\n")
    a.proc.send_signal(1)
    said = wait_for(lambda: re.search(r"trust.keys: .*:7: key 7: its secret is not 32 hexadecimal digits", a.log_text()))
    tap.check("a bad line is refused by name, and all stays", said and new.ask() is not None, a.log_text()[-500:])
    os.chmod(keys, 0o620)
    a.proc.send_signal(1)
    said = wait_for(lambda: re.search(r"keys: others can write it", a.log_text()))
    tap.check("a file that others can write is refused, and all stays", said and new.ask() is not None, a.log_text()[-500:])
    os.chmod(keys, 0o600)


def required(tap, a, keys, columns, what):
    """Only authenticated datagrams are answered, as trust.require_authentication says."""
    keys_file(keys, KEYS)
    with open(a.conf) as f:
        text = re.sub(r"require_authentication = \[.*?\];", f"require_authentication = [ {what} ];", f.read())
    with open(a.conf, "w") as f:
        f.write(text)
    before = a.log_text().count("reload")
    a.proc.send_signal(1)
    wait_for(lambda: a.log_text().count("reload") > before)
    good = Client(A, 1, columns=columns)
    gone = Dropped(tap, a, good)
    row = struct.pack(f"<{columns}f", *range(columns))
    plain = request(row, request_id=5, columns=columns)
    gone.check(f"without authentication, {what}", "auth_missing", [plain, request(row[:-1], request_id=6, columns=columns)])
    ping = request(type=PING, request_id=7, model=1)
    elsewhere = request(row, request_id=8, columns=columns, model=4711)
    if what == '"*"':
        gone.check("pings and other models, too", "auth_missing", [ping, elsewhere])
    else:
        tap.check("a ping is answered", good.send(ping) is not None)
        raw = good.send(elsewhere)
        tap.check("another model is as ever", raw and Reply(raw).status == "NO_MODEL")
    status, _ = a.api("POST", "/v2/models/lab/infer", {
        "inputs": [{"name": a.api("GET", "/v2/models/lab")[1]["inputs"][0]["name"], "shape": [1, columns], "datatype": "FP32", "data": list(range(columns))}]})
    tap.check("REST is not affected", status == 200, str(status))


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    far = FarEnd(mtu=3900)
    sh(f"ip addr add 10.77.0.2/24 dev veth-c; ip -6 addr add fd00:77::2/64 dev veth-c nodad")
    documented(tap)
    image = frames.compile_lab_image()
    a = None
    try:
        for workers in ((), (1,)) if os.cpu_count() > 1 else ((),):
            print(f"# workers {list(workers)}", flush=True)
            port = (f'{{ name = "edge"; device = "net_af_packet0,iface=veth-m,qpairs=2,framesz=4096,blocksz=4096"; mtu = 3900; '
                    f'addresses = [ "{OURS4}/24", "{OURS6}/64" ]; }}')
            a = Appliance([port], workers=workers, models=[f'{{ name = "lab"; id = 1; image = "{image}"; }}'], netns=far.pid)
            keys = os.path.join(a.dir, "keys")
            keys_file(keys, KEYS)
            with open(a.conf, "a") as f:
                f.write(f'trust = {{ keys = "{keys}"; require_authentication = [ ]; }};\n')
            a.start()
            columns = a.api("GET", "/v2/models/lab")[1]["inputs"][0]["shape"][-1]
            good_ones(tap, a, columns)
            bad_ones(tap, a, columns)
            rotated(tap, a, keys, columns)
            keys_file(keys, [*KEYS[:5], f"6 {(b'F' * 16).hex()} gate-a2 * - -"][:6])
            with_tool(tap, a, keys, columns)
            required(tap, a, keys, columns, '"lab"')
            required(tap, a, keys, columns, '"*"')
            a.stop()
            a = None
    except RuntimeError as e:
        tap.check("martletd", False, str(e).replace("\n", "\n# "))
    finally:
        if a:
            a.stop()
        far.close()
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
