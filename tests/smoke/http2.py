#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""HTTP/2: the same answers as by HTTP/1.1, by curl, nghttp, h2load and frames of our own, without TLS, with it and on the
UNIX socket; hostile frames are refused as the protocol says, and counted, while a good client stays served."""
import http.client
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import Appliance, Tap, enter_private_network, self_signed, skip_all, wait_for

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
PLAIN, TLS = ("127.0.0.1", 7798), ("127.0.0.1", 7799)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RESET, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
ROW = [0.5] * 41
PREDICT = json.dumps({"instances": [ROW] * 3}).encode()


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def field(name, value):
    """HPACK: a literal that is not indexed, without Huffman."""
    def text(t):
        return (bytes([len(t)]) if len(t) < 127 else b"\x7f" + integer(len(t) - 127)) + t

    def integer(n):
        out = b""
        while n > 127:
            out += bytes([n % 128 + 128])
            n //= 128
        return out + bytes([n])
    return b"\0" + text(name) + text(value)


def head(method=b"GET", path=b"/v2/health/live", more=()):
    return b"".join(field(*f) for f in ((b":method", method), (b":scheme", b"http"), (b":path", path), (b":authority", b"a"), *more))


def get(stream, path=b"/v2/health/live"):
    return frame(HEADERS, END_STREAM | END_HEADERS, stream, head(path=path))


class Client:
    """A connection by frames: what came, in `got`, as (kind, flags, stream, payload)."""

    def __init__(self, address=PLAIN, first=PREFACE + frame(SETTINGS)):
        if isinstance(address, str):
            self.s = socket.socket(socket.AF_UNIX)
            self.s.settimeout(30)
            self.s.connect(address)
        else:
            self.s = socket.create_connection(address, timeout=30)
        self.raw, self.got = b"", []
        self.send(first)

    def send(self, data):
        try:
            self.s.sendall(data)
        except OSError:
            pass  # it was closed meanwhile: what came says why

    def until(self, condition):
        """Reads until the condition holds of a frame, which is returned; None where the connection ends before."""
        while True:
            while len(self.raw) >= 9:
                size = int.from_bytes(self.raw[:3], "big")
                if len(self.raw) < 9 + size:
                    break
                f = (self.raw[3], self.raw[4], int.from_bytes(self.raw[5:9], "big"), self.raw[9:9 + size])
                self.raw = self.raw[9 + size:]
                self.got.append(f)
                if condition(f):
                    return f
            try:
                more = self.s.recv(65536)
            except OSError:
                more = b""
            if not more:
                return None
            self.raw += more

    def ends(self):
        """Until the connection ends: the code of its GOAWAY, None where there was none."""
        self.until(lambda f: False)
        codes = [struct.unpack(">II", f[3][:8])[1] for f in self.got if f[0] == GOAWAY]
        return codes[-1] if codes else None

    def reset_of(self, stream):
        f = self.until(lambda f: f[0] == RESET and f[2] == stream)
        return f and struct.unpack(">I", f[3])[0]

    def body_of(self, stream):
        f = self.until(lambda f: f[0] in (DATA, HEADERS) and f[2] == stream and f[1] & END_STREAM or f[0] == RESET and f[2] == stream)
        return f and b"".join(g[3] for g in self.got if g[0] == DATA and g[2] == stream)

    def close(self):
        self.s.close()


def refused(a):
    return a.api("GET", "/v1/status")[1]["api"]["refused"]


def served():
    c = Client()
    c.send(get(1))
    ok = b"live" in (c.body_of(1) or b"")
    c.close()
    return ok


def curl(*args):
    out = subprocess.run(["curl", "-s", "-m", "30", "-w", "\n%{http_version} %{http_code} %{content_type}", *args], capture_output=True, timeout=60)
    body, _, last = out.stdout.rpartition(b"\n")
    return last.decode(), body


def same_answers(tap, folder, sock):
    """Each class of routes, by both, in three ways."""
    row = struct.pack("<41f", *ROW)
    rows = os.path.join(folder, "rows")
    big = os.path.join(folder, "big")
    with open(rows, "wb") as f:
        f.write(row)
    with open(big, "wb") as f:
        f.write(json.dumps({"instances": [ROW] * 4000}).encode())
    csv = os.path.join(folder, "csv")
    with open(csv, "w") as f:
        f.write(",".join(map(str, ROW)) + "\n")
    asked = (["/v2"], ["/v2/health/live"], ["/v2/health/ready"], ["/v2/models/lab"], ["/v2/models/lab/ready"], ["/v2/models/l%61b/config"],
             ["/v2/models/none"], ["/nothing"], ["/v2/models/lab", "-X", "DELETE"], ["/v2", "-I"],
             ["/v1/models/lab:predict", "-d", PREDICT.decode()], ["/v1/models/lab:predict", "-d", "{"],
             ["/v2/models/lab/infer", "--data-binary", "@" + rows, "-H", "Inference-Header-Content-Length: 0"],
             ["/v2/models/lab/infer", "--data-binary", "@" + csv, "-H", "Content-Type: text/csv"],
             ["/v1/models/lab:predict", "--data-binary", "@" + big], ["/v1/models/lab:predict", "--data-binary", "@" + big, "-H", "Expect: 100-continue"],
             ["/v2/models/lab/infer", "-d", "{}", "-H", "Content-Encoding: gzip"])
    ways = (("h2c", "http://127.0.0.1:7798", ["--http2-prior-knowledge"]), ("TLS", "https://127.0.0.1:7799", ["-k", "--http2"]),
            ("UNIX socket", "http://localhost", ["--http2-prior-knowledge", "--unix-socket", sock]))
    for name, base, how in ways:
        wrong = []
        for path, *more in asked:
            first = curl(base + path, *more, *[h if not h.startswith("--http2") else "--http1.1" for h in how])
            second = curl(base + path, *more, *how)
            # What a HEAD prints are headers, which differ in their form.
            alike = first[1] == second[1] or "-I" in more or path.endswith("/stats")
            if not (alike and first[0].startswith("1.1 ") and second[0] == "2 " + first[0][4:]):
                wrong.append((path, first, second))
        tap.check(f"{name}: {len(asked)} requests are answered as by HTTP/1.1", not wrong, str(wrong[:2])[:1500])
    status = curl("--unix-socket", sock, "--http2-prior-knowledge", "http://localhost/v1/status")
    tap.check("the operator's routes by HTTP/2", status[0] == "2 200 application/json" and b"uptime" in status[1], str(status)[:300])


def early_answers(tap, folder):
    """Refused before all of it has come, a body of more than a window: the answer arrives."""
    body = os.path.join(folder, "large")
    with open(body, "wb") as f:
        f.write(bytes(20 << 20))
    for name, base, *how in (("h2c", "http://127.0.0.1:7798", "--http2-prior-knowledge"), ("TLS", "https://127.0.0.1:7799", "-k", "--http2")):
        for path, status in (("/v2/models/lab/infer", 413), ("/nothing", 413)):
            said = [curl(base + path, *how, "--data-binary", "@" + body) for _ in range(3)]
            tap.check(f"{name}: {path} is refused early, and said so", all(s[0].startswith(f"2 {status} ") for s in said), str(said[0])[-300:])


def known_clients(tap):
    out = subprocess.run(["nghttp", "-nv", "http://127.0.0.1:7798/v2"], capture_output=True, text=True, timeout=60).stdout
    tap.check("nghttp", ":status: 200" in out and "MAX_CONCURRENT_STREAMS(0x03):128" in out, out[-800:])
    for url in ("http://127.0.0.1:7798/v2/health/live", "https://127.0.0.1:7799/v2/health/live"):
        out = subprocess.run(["h2load", "-n", "2000", "-c", "2", "-m", "1000", url], capture_output=True, text=True, timeout=120).stdout
        tap.check(f"h2load, 1,000 streams at a time, {url}: all are answered", "2000 succeeded, 0 failed" in out and "2000 2xx" in out, out[-800:])


def own_frames(tap):
    c = Client()
    c.send(frame(HEADERS, END_HEADERS, 1, head(b"POST", b"/v1/models/lab:predict")))
    for i in range(0, len(PREDICT), 100):
        c.send(frame(DATA, 0, 1, PREDICT[i:i + 100]))
    c.send(frame(DATA, END_STREAM, 1))
    body = c.body_of(1)
    tap.check("a body without a length, in pieces", b"predictions" in body, str(body))
    c.send(b"".join(get(i) for i in range(3, 103, 2)))
    tap.check("50 streams in a packet", all(b"live" in (c.body_of(i) or b"") or any(f[0] == DATA and f[2] == i for f in c.got) for i in range(3, 103, 2)))
    c.send(frame(PING, 0, 0, b"12345678"))
    tap.check("a PING is answered", c.until(lambda f: f[0] == PING and f[1] & ACK)[3] == b"12345678")
    # Requests that are cut off lose nothing of the connection's window: 100 of 64 KiB each.
    for i in range(103, 303, 2):
        c.send(frame(HEADERS, END_HEADERS, i, head(b"POST", b"/v1/models/lab:predict")))
        c.send(b"".join(frame(DATA, 0, i, bytes(16384)) for _ in range(4)) + frame(RESET, 0, i, struct.pack(">I", 8)))
    c.send(get(303))
    tap.check("100 requests that were broken off", b"live" in c.body_of(303))
    c.close()
    c = Client()
    whole = head(more=[(b"x-%d" % i, b"a" * 100) for i in range(20)])
    c.send(frame(HEADERS, END_STREAM, 1, whole[:1000]) + frame(CONTINUATION, 0, 1, whole[1000:2000]) + frame(CONTINUATION, END_HEADERS, 1, whole[2000:]))
    tap.check("a header in three frames", b"live" in c.body_of(1))
    c.close()


def refused_streams(tap, a):
    """Of one stream: the connection goes on."""
    for name, kind, status, more, data in (
            ("a large header", "head_large", b"431", [(b"x-a", b"a" * 15000), (b"x-b", b"b" * 15000)], None),
            ("a large body", "body_large", b"413", [(b"content-length", b"1048577")], None),
            ("a large body that was not announced", "body_large", b"413", [], bytes(1048577)),
            ("another method", "method_unknown", b"501", None, None)):
        before = refused(a).get(kind, 0)
        c = Client()
        block = head(b"BREW" if more is None else b"POST", b"/v1/models/lab:predict", more or ())
        c.send(frame(HEADERS, 0, 1, block[:16384]) + frame(CONTINUATION, END_HEADERS, 1, block[16384:]))
        for i in range(0, len(data or b""), 16384):
            c.send(frame(DATA, 0, 1, data[i:i + 16384]))
        body = c.body_of(1)
        header = next(f[3] for f in c.got if f[0] == HEADERS)
        code = c.reset_of(1)
        c.send(get(3))
        tap.check(f"{name}: {status.decode()} in JSON, counted; the connection goes on", list(json.loads(body)) == ["error"] and code == 0
                  and b"live" in c.body_of(3) and refused(a).get(kind, 0) == before + 1, f"{body} {header} {code}")
        c.close()
    for name, block in (("a field in capitals", head(more=[(b"X-A", b"a")])), ("Connection", head(more=[(b"connection", b"close")])),
                        ("no path", field(b":method", b"GET") + field(b":scheme", b"http")),
                        ("the end of a line in a value", head(more=[(b"x-a", b"a\r\nx-b: b")])),
                        ("the end of a line in the path", head(path=b"/v2 HTTP/1.1\r\nx: y\r\n\r\nGET /v2"))):
        c = Client()
        c.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
        code = c.reset_of(1)
        c.send(get(3))
        tap.check(f"{name}: the stream is reset", code == 1 and b"live" in c.body_of(3), f"{code} {c.got}")
        c.close()
    c = Client()
    c.send(frame(HEADERS, END_HEADERS, 1, head(b"POST", b"/v1/models/lab:predict", [(b"content-length", b"5")])) + frame(DATA, END_STREAM, 1, b"123456"))
    tap.check("a length that lies: the stream is reset", c.reset_of(1) == 1)
    c.close()


def hostile(tap, a):
    """What ends the connection: by GOAWAY, counted."""
    name_of_64k = field(b"x-a", b"a" * 4000)[:0] + b"\x40" + field(b"x-a", b"a" * 3900)[1:]  # kept in the table, ...
    bomb = head() + name_of_64k + b"\xbe" * 16000  # ... and named 16,000 times
    cancel = struct.pack(">I", 8)
    for name, kind, data in (
            ("an HPACK bomb", "head_large", frame(HEADERS, END_STREAM, 1, bomb[:16384]) + frame(CONTINUATION, END_HEADERS, 1, bomb[16384:])),
            ("a flood of CONTINUATION", "flood", frame(HEADERS, 0, 1, head()) + frame(CONTINUATION, 0, 1, b"") * 10000),
            ("a flood of resets", "resets", b"".join(get(i) + frame(RESET, 0, i, cancel) for i in range(1, 8001, 2))),
            ("streams that we are made to reset", "resets", b"".join(frame(HEADERS, END_HEADERS | END_STREAM, i, field(b":method", b"GET")) for i in range(1, 8001, 2))),
            ("a flood of SETTINGS", "flood", frame(SETTINGS) * 10000),
            ("a flood of PINGs", "flood", frame(PING, 0, 0, bytes(8)) * 10000),
            ("a flood of empty DATA", "flood", frame(HEADERS, END_HEADERS, 1, head(b"POST", b"/v1/models/lab:predict")) + frame(DATA, 0, 1) * 10000),
            ("a flood of padded DATA", "flood", frame(HEADERS, END_HEADERS, 1, head(b"POST", b"/v1/models/lab:predict")) + frame(DATA, 8, 1, b"\x07" + bytes(7)) * 5000),
            ("a flood of WINDOW_UPDATE", "flood", frame(WINDOW, 0, 0, struct.pack(">I", 1)) * 10000),
            ("a flood of PRIORITY", "flood", b"".join(frame(PRIORITY, 0, 2 * i + 1, struct.pack(">IB", 0, 1)) for i in range(10000))),
            ("a window beyond 2^31", "malformed", frame(WINDOW, 0, 0, struct.pack(">I", 0x7fffffff)) * 2),
            ("a frame of 2^24 - 1 bytes", "malformed", b"\xff\xff\xff" + frame(DATA, 0, 1)[3:]),
            ("a header that is no HPACK", "malformed", frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff" * 100)),
            ("a stream of an even number", "malformed", get(2)),
            ("DATA of no stream", "malformed", frame(DATA, 0, 1, b"abc")),
            ("a PING of 7 bytes", "malformed", frame(PING, 0, 0, bytes(7)))):
        before = refused(a).get(kind, 0)
        c = Client()
        c.send(data)
        good = served()
        code = c.ends()
        after = refused(a).get(kind, 0)
        tap.check(f"{name}: GOAWAY, counted as {kind}, and others are served", good and code not in (None, 0) and after > before,
                  f"{good} {code} {before} {after} {c.got[-2:]}")
        c.close()
    c = Client()
    c.send(frame(HEADERS, 0, 1, head()))
    tap.check("a header that does not end: GOAWAY", c.ends() not in (None, 0) and refused(a).get("head_slow", 0) >= 1)
    c.close()


def slow(tap, a):
    """Large answers that nobody reads are bounded, and end; a body that does not come on, too."""
    rows = json.dumps({"instances": [ROW] * 4000}).encode()
    c = Client(first=PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0)))  # a window of none
    for i in range(1, 9, 2):
        c.send(frame(HEADERS, END_HEADERS, i, head(b"POST", b"/v1/models/lab:predict")))
        for k in range(0, len(rows), 16384):
            c.send(frame(DATA, END_STREAM if k + 16384 >= len(rows) else 0, i, rows[k:k + 16384]))
    s = Client()
    s.send(frame(HEADERS, END_HEADERS, 1, head(b"POST", b"/v1/models/lab:predict", [(b"content-length", b"100")])) + frame(DATA, 0, 1, b"{"))
    code = c.reset_of(1)
    tap.check("a window that stays closed: the stream is reset", code == 0xb and refused(a).get("reads_slowly", 0) >= 1, f"{code} {refused(a)}")
    body = s.body_of(1)
    tap.check("a body that does not come: 408 in JSON", body and b"slower" in body, f"{body}")
    tap.check("others are served", served())
    c.close()
    s.close()
    tap.check("nothing is held", wait_for(lambda: a.api("GET", "/v1/status")[1]["api"]["body_bytes"] == 0), str(a.api("GET", "/v1/status")[1]["api"]))


def drain(tap, a):
    """A stream that the peer opens before it knows is served; the last stream is said, and the connection ends."""
    c = Client()
    c.send(get(1))
    c.body_of(1)
    c.send(frame(HEADERS, END_HEADERS, 3, head(b"POST", b"/v1/models/lab:predict")))
    c.send(frame(PING, 0, 0, b"is there"))
    c.until(lambda f: f[0] == PING)
    a.proc.terminate()
    notice = c.until(lambda f: f[0] == GOAWAY)
    ping = c.until(lambda f: f[0] == PING and not f[1] & ACK)
    c.send(get(5) + frame(PING, ACK, 0, ping[3]))
    last = c.until(lambda f: f[0] == GOAWAY)
    c.send(frame(DATA, END_STREAM, 3, PREDICT))
    body = c.body_of(3)
    c.until(lambda f: False)
    lasts = [struct.unpack(">II", f[3][:8]) for f in (notice, last)]
    tap.check("drain: a notice, then the last stream; all of them are answered, and it ends",
              lasts == [(0x7fffffff, 0), (5, 0)] and json.loads(body) and any(f[0] == DATA and f[2] == 5 for f in c.got), f"{lasts} {body}")
    c.close()


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        cert, key = self_signed(folder)
        control = f"""http = ( {{ listen = "127.0.0.1:7798"; serves = [ "infer" ]; }}, {{ listen = "127.0.0.1:7799"; serves = [ "infer" ];
            tls = {{ certificate = "{cert}"; key = "{key}"; }}; }} ); connections = 64; header_seconds = 2; body_megabytes = 1;"""
        with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{frames.compile_lab_image()}"; }}'], control=control) as a:
            a.start()
            same_answers(tap, folder, a.sock)
            early_answers(tap, folder)
            known_clients(tap)
            own_frames(tap)
            refused_streams(tap, a)
            hostile(tap, a)
            slow(tap, a)
            drain(tap, a)
            tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-2000:])
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
