#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""gRPC on the wire: what is no call is refused in HTTP's way, a call that is wrong by its status; hostile messages, streams that
never end and answers that nobody reads are bounded and counted, while a good client is served."""
import json
import os
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "fixtures")]
import frames
from appliance import Appliance, Tap, enter_private_network, skip_all, wait_for
from http2 import DATA, END_HEADERS, END_STREAM, HEADERS, PLAIN, PREFACE, SETTINGS, Client, frame, head, refused
from protobuf import contents, framed, number, parameter, tensor, text, varint

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
BASE = "http://127.0.0.1:7798"
INFER, LIVE = "/inference.GRPCInferenceService/ModelInfer", "/inference.GRPCInferenceService/ServerLive"
GRPC = [(b"content-type", b"application/grpc"), (b"te", b"trailers")]
MODEL = text(1, "lab")
RAW = struct.pack("<41f", *[0.5] * 41)
GOOD = framed(MODEL + tensor("rows", "FP32", [1, 41]) + text(7, RAW))


class Curl:
    def __init__(self, folder):
        self.body, self.head, self.out = (os.path.join(folder, n) for n in ("body", "head", "out"))

    def __call__(self, path, message, *more, version="--http2-prior-knowledge", type="application/grpc"):
        """(status, fields of header and trailers, body)"""
        with open(self.body, "wb") as f:
            f.write(message)
        command = ["curl", "-s", "-m", "30", version, "--data-binary", "@" + self.body, "-H", "Content-Type:" + (" " + type if type else ""),
                   "-D", self.head, "-o", self.out, BASE + path, *more]
        subprocess.run(command, timeout=60, check=True)
        with open(self.head) as f:
            first, *lines = f.read().split("\n")
        fields = dict(line.strip().split(": ", 1) for line in lines if ": " in line)
        with open(self.out, "rb") as f:
            return first.split(" ")[1], {k.lower(): v for k, v in fields.items()}, f.read()


def no_calls(tap, curl, a):
    for type, status in (("application/json", "415"), ("application/grpc+json", "415"), ("application/grpc-web", "415"),
                         ("application/grpc-web+proto", "415"), ("application/grpcx", "415"), ("", "415"), ("application/grpc", "200"),
                         ("application/grpc+proto", "200"), ("application/grpc;charset=utf-8", "200"), ("Application/GRPC", "200")):
        for path in (LIVE, "/grpc.health.v1.Health/Check") if status == "415" else (LIVE,):
            before = refused(a).get("content_type", 0)
            got = curl(path, framed(b""), type=type)
            ok = got[0] == status and (list(json.loads(got[2])) == ["error"] and got[1]["content-type"] == "application/json" and
                                       refused(a)["content_type"] == before + 1 if status == "415" else got[1].get("grpc-status") == "0")
            tap.check(f"{path} as '{type}': {status}", ok, str(got))
    for method in ("GET", "PUT", "DELETE"):
        got = curl(LIVE, framed(b""), "-X", method)
        tap.check(f"by {method}: 405", got[0] == "405" and got[1].get("allow") == "POST" and b"takes POST" in got[2], str(got))
    got = curl(LIVE, framed(b""), version="--http1.1")
    tap.check("over HTTP/1.1: 505", got[0] == "505" and b"gRPC goes over HTTP/2" in got[2], str(got))
    got = curl(LIVE, b"{}", version="--http1.1", type="application/json")
    tap.check("over HTTP/1.1 as JSON: 415", got[0] == "415", str(got))
    got = curl("/inference.Other/ServerLive", b"{}", type="application/json")
    tap.check("a service that is none: 404", got[0] == "404", str(got))


def wrong_calls(tap, curl):
    def status(name, wanted, words, path, message, *more):
        got = curl(path, message, *more)
        tap.check(f"{name}: {wanted}", got[0] == "200" and got[1].get("grpc-status") == str(wanted) and words in got[1].get("grpc-message", "")
                  and got[1].get("grpc-accept-encoding") == "identity", str(got))
    status("good", 0, "", INFER, GOOD)
    status("without te", 0, "", INFER, GOOD, "-H", "te:")
    status("a compressed message", 12, "identity", LIVE, framed(b"", flag=1))
    status("a compressed message, and grpc-encoding", 12, "identity", LIVE, framed(b"x", flag=1), "-H", "grpc-encoding: gzip")
    status("a flag that is none", 13, "the byte 2", LIVE, framed(b"", flag=2))
    status("two messages", 13, "more than one message", LIVE, framed(b"") * 2)
    status("no message", 13, "no message", LIVE, b"")
    status("a message that is cut off", 13, "cut off", LIVE, framed(b"abc")[:-1])
    status("a prefix that is cut off", 13, "cut off", LIVE, b"\0\0\0")
    status("a message of 4 GiB", 8, "at most 4194304", LIVE, struct.pack(">BI", 0, 0xffffffff) + b"x")
    status("no method", 12, "there is no method", "/inference.GRPCInferenceService/Nothing", framed(b""))
    status("no service", 12, "there is no method", "/x.Y/Z", framed(b""))
    for timeout in ("", "1", "S", "123456789S", "1.5S", "-1S", "1s", "1Sx", "+1S", "0x1S"):
        status(f"a timeout of '{timeout}'", 3, "grpc-timeout", LIVE, framed(b""), "-H", "grpc-timeout;" if not timeout else "grpc-timeout: " + timeout)
    for timeout in ("99999999H", "1M", "60S", "60000m", "60000000u", "99999999n"):
        status(f"a timeout of {timeout}", 0, "", LIVE, framed(b""), "-H", "grpc-timeout: " + timeout)
    status("a timeout that is over", 4, "deadline", INFER, GOOD, "-H", "grpc-timeout: 0n")


def hostile_messages(tap, curl):
    inner = b""
    for _ in range(20000):
        inner = text(5, inner) if len(inner) < 60000 else inner
    rows = tensor("rows", "FP32", [1, 41])
    wide = parameter(4, "x", bool_param=True) * 50000
    bad = {
        "a length that lies": MODEL + varint(5 << 3 | 2) + varint(1 << 30) + b"x",
        "a length beyond 2^64": MODEL + varint(5 << 3 | 2) + b"\xff" * 9 + b"\x7f",
        "a group": MODEL + varint(5 << 3 | 3) + varint(5 << 3 | 4),
        "the end of a group": MODEL + varint(5 << 3 | 4),
        "field number 0": MODEL + b"\x02\x01x",
        "a kind that is none": MODEL + varint(5 << 3 | 7),
        "20,000 levels": MODEL + inner,
        "a shape beyond 2^64": MODEL + tensor("rows", "FP32", [1 << 33, 1 << 33]) + text(7, b""),
        "a shape whose bytes wrap to what there is": MODEL + tensor("rows", "FP32", [(1 << 62) + 1, 41]) + text(7, RAW),
        "a negative shape": MODEL + tensor("rows", "FP32", [-1, 41]) + text(7, RAW),
        "2^62 rows of nothing": MODEL + tensor("rows", "FP32", [1 << 62, 0]) + text(7, b""),
        "a million dimensions": MODEL + tensor("rows", "FP32", [1] * 1000000) + text(7, RAW),
        "100,000 inputs": MODEL + tensor("a", "FP32", [0]) * 100000,
        "2 million nameless inputs": MODEL + text(5, b"") * 2000000,
        "a million outputs": MODEL + rows + text(6, text(1, "scores")) * 400000 + text(7, RAW),
        "a million raw contents": MODEL + rows + text(7, b"") * 1000000,
        "more texts than the shape has": MODEL + tensor("rows", "BYTES", [1, 41], contents(bytes=[b""] * 1000000)),
        "no UTF-8": MODEL + text(3, b"\xff") + rows + text(7, RAW),
        "a name with a zero": MODEL + tensor("rows\0x", "FP32", [1, 41]) + text(7, RAW),
        "NaN": MODEL + rows + text(7, struct.pack("<f", float("nan")) + RAW[4:]),
    }
    for name, message in bad.items():
        got = curl(INFER, framed(message))
        tap.check(f"{name}: INVALID_ARGUMENT with a sentence", got[1].get("grpc-status") == "3" and len(got[1].get("grpc-message", "")) > 10,
                  f"{len(message)} {got}"[:800])
    fine = {"50,000 parameters": MODEL + wide + rows + text(7, RAW), "unknown fields": number(1000, 7) + MODEL + text(999, b"x" * 1000) + rows + text(7, RAW)}
    for name, message in fine.items():
        got = curl(INFER, framed(message))
        tap.check(f"{name}: passed over, and scored", got[1].get("grpc-status") == "0", str(got)[:300])


def streams(tap, a, curl):
    """On one connection each; what is slow is looked after every five seconds."""
    path = INFER.encode()
    large = framed(MODEL + tensor("rows", "FP32", [20000, 41]) + text(7, bytes(20000 * 41 * 4)))
    r = Client(first=PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0)))  # reads nothing
    for i in range(1, 9, 2):
        r.send(frame(HEADERS, END_HEADERS, i, head(b"POST", path, GRPC)))
        r.send(b"".join(frame(DATA, END_STREAM if k + 16384 >= len(large) else 0, i, large[k:k + 16384]) for k in range(0, len(large), 16384)))
    e = Client()  # 100 calls that never end: a prefix, a part of a message, a whole one
    parts = (b"", GOOD[:3], GOOD[:20], GOOD)
    for i in range(1, 201, 2):
        e.send(frame(HEADERS, END_HEADERS, i, head(b"POST", path, GRPC)) + frame(DATA, 0, i, parts[i // 2 % 4]))
    d = Client()  # one that has a deadline
    d.send(frame(HEADERS, END_HEADERS, 1, head(b"POST", path, GRPC + [(b"grpc-timeout", b"100m")])) + frame(DATA, 0, 1, GOOD))
    f = d.until(lambda f: f[0] == HEADERS and f[2] == 1)
    tap.check("a call without an end, at its deadline: ended", f and f[1] & END_STREAM)
    good = curl(INFER, GOOD)
    tap.check("others are served meanwhile", good[1].get("grpc-status") == "0", str(good))
    tap.check("100 calls without an end are reset, by the least rate, and counted", all(e.reset_of(i) == 0xb for i in range(1, 201, 2)[:1])
              and wait_for(lambda: refused(a).get("body_slow", 0) >= 100), str(refused(a)))
    tap.check("answers that nobody reads are reset, and counted", r.reset_of(1) == 0xb and wait_for(lambda: refused(a).get("reads_slowly", 0) >= 4),
              str(refused(a)))
    e.send(frame(HEADERS, END_HEADERS, 201, head(b"POST", path, GRPC)) + frame(DATA, END_STREAM, 201, GOOD))
    tap.check("the connection goes on", len(e.body_of(201)) > 8)
    for c in (r, e, d):
        c.close()
    tap.check("nothing is held", wait_for(lambda: a.api("GET", "/v1/status")[1]["api"]["body_bytes"] == 0), str(a.api("GET", "/v1/status")[1]["api"]))


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="martlet-grpc-") as folder, \
            Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{frames.compile_lab_image()}"; }}'],
                      control=f'http = ( {{ listen = "{PLAIN[0]}:{PLAIN[1]}"; serves = [ "infer" ]; }} ); resets_per_second = 100;') as a:
        a.start()
        curl = Curl(folder)
        no_calls(tap, curl, a)
        wrong_calls(tap, curl)
        hostile_messages(tap, curl)
        streams(tap, a, curl)
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-2000:])
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
