#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""model replay: rows and captures with another version before any canary, beside a count by hand; versions out of the
running appliance's store; what is no such capture; bounds and the exit status."""
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, ROOT, Appliance, Tap, UnixHTTP
from versions import TREE

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
CLIENT, SERVER = (b"\x0a\0\0\1", 5000), (b"\x0a\0\0\2", 7797)


def tool(*args, **how):
    return subprocess.run([MARTLETCTL, *args], capture_output=True, timeout=60, **{"text": True, **how})


def udp(payload, source=CLIENT, to=SERVER, fragment=0):
    length = 8 + len(payload)
    return b"\2" * 6 + b"\4" * 6 + b"\x08\0" + struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, fragment, 64, 17, 0) + \
        source[0] + to[0] + struct.pack(">HHHH", source[1], to[1], length, 0) + payload


def head(kind, request_id, rows=0, columns=0, *, model=7, version=0, dtype=0, status=0, flags=0):
    return struct.pack("<2sBBHHQHHBBBBIHH", b"ML", 1, kind, model, version, request_id, rows, columns, dtype, status, flags, 0, 0, 9 if flags & 2 else 0, 0)


def write_pcap(path, packets, snap=65535):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i, packet in enumerate(packets):
            f.write(struct.pack("<IIII", i, 0, len(packet[:snap]), len(packet)) + packet[:snap])
    return path


def compile_tree(folder, name, text):
    source, image = os.path.join(folder, name + ".txt"), os.path.join(folder, name + ".mlt")
    with open(source, "w") as f:
        f.write(text)
    subprocess.run([MARTLETCTL, "model", "compile", source, "-o", image, "--name", "m"], check=True, stdout=subprocess.DEVNULL)
    return image


def exchanges():
    """Requests of one to three rows and their replies, whose scores are a's; and how many rows there are, and a score per row."""
    packets, rows = [], []
    for i in range(400):
        n = 1 + i % 3
        values = [(float((i + r) % 10), float(i)) for r in range(n)]
        scores = [1.0 if v[0] <= 4.5 else 1.5 for v in values]
        # Some are authenticated: the trailer is no part of the values, and nobody has the secret here.
        flags, trailer = (2, b"\x11" * 16) if i % 5 == 0 else (0, b"")
        request = head(1, i, n, 2, flags=flags) + b"".join(struct.pack("<2f", *v) for v in values) + trailer
        reply = head(2, i, n, 1, version=3, flags=flags) + struct.pack(f"<{n}f", *scores) + trailer
        packets += [udp(request), udp(reply, SERVER, CLIENT)]
        rows += values
    return packets, rows


def others():
    return [udp(head(3, 1)), udp(b"x" * 40, to=(SERVER[0], 53)), b"\1" * 60, udp(head(1, 1, 1, 2, model=8) + bytes(8)),
            udp(head(1, 1, 9, 2) + bytes(8)), udp(head(1, 1, 1, 2, flags=2) + bytes(8)), udp(head(1, 1, 1, 3) + bytes(12)),
            udp(head(1, 1, 1, 2) + bytes(8), fragment=0x2000)]


def captures(tap, folder, a, b):
    packets, rows = exchanges()
    # b's threshold is a's less one: rows of which the feature is 4 are decided otherwise by more than the tolerance
    differ = sum(v[0] == 4 for v in rows)
    path = write_pcap(os.path.join(folder, "requests and replies"), packets + others())
    reply = json.loads(tool("--json", "model", "replay", path, "--live", a, "--against", b, "--show", "3").stdout)
    tap.check("a capture of requests, by hand", (reply["rows"], reply["differ"]) == (len(rows), differ), reply)
    tap.check("and how far they are apart", abs(reply["mean_difference"] - 0.5 * differ / len(rows)) < 1e-6 and
              reply["largest_difference"] == 0.5 and reply["interval"][0] < reply["share"] < reply["interval"][1], reply)
    seen = reply["capture"]
    tap.check("what else is in it is counted", (seen["requests"], seen["replies"], seen["pings"], seen["other_model"], seen["bad"],
              seen["bad_shape"], seen["not_wire"]) == (400, 400, 1, 1, 2, 1, 3), seen)
    tap.check("the rows are named by packet and request", len(reply["differing"]) == 3 and
              all(packets[row["packet"] - 1][14 + 28:][8:16] == struct.pack("<Q", int(row["request_id"])) for row in reply["differing"]), reply)
    tap.check("more than one in a hundred: not advised", reply["advice"] == "no" and reply["bound_broken"] is None, reply)
    done = tool("model", "replay", path, "--answered", "--against", b)
    tap.check("beside what was answered", f"{len(rows)} rows: {differ} decided" in done.stdout and "answered by version 3\n" in done.stdout,
              done.stdout + done.stderr)
    for bound, status in (("0.5", 0), ("0.01", 3)):
        done = tool("model", "replay", path, "--live", a, "--against", b, "--differ", bound)
        tap.check(f"--differ {bound}: exit {status}", done.returncode == status, done.stdout + done.stderr)
    tap.check("--mean: exit 3", tool("model", "replay", path, "--live", a, "--against", b, "--differ", "1", "--mean", "0.01").returncode == 3)
    with open(path, "rb") as f:
        done = tool("--json", "model", "replay", "-", "--wire", "--live", a, "--against", a, stdin=f)
    tap.check("through a pipe, beside itself", json.loads(done.stdout)["differ"] == 0 and json.loads(done.stdout)["rows"] == len(rows), done.stderr)
    short = write_pcap(os.path.join(folder, "short.pcap"), packets, 14 + 28 + 33)
    done = tool("model", "replay", short, "--live", a, "--against", b)
    tap.check("a short snap length: refused, and counted", done.returncode == 1 and "400 requests captured too short" in done.stdout
              and "no rows" in done.stderr, done.stdout + done.stderr)
    with open(path, "rb") as f, open(short, "wb") as g:
        g.write(f.read()[:-5])
    done = tool("model", "replay", short, "--live", a, "--against", b)
    tap.check("a cut capture: refused", done.returncode == 1 and "--partial" in done.stderr, done.stderr)
    done = tool("--json", "model", "replay", short, "--live", a, "--against", b, "--partial")
    tap.check("and by --partial taken", json.loads(done.stdout)["rows"] == len(rows) and json.loads(done.stdout)["capture"]["cut"], done.stderr)
    done = tool("model", "replay", path, "--flows", "--live", a, "--against", b)
    tap.check("--flows: a model of other features is refused by name", done.returncode == 1 and "'a'" in done.stderr, done.stderr)


def flows(tap, folder):
    """Other traffic: its flows, as `flow features` has them."""
    lab = os.path.join(folder, "lab.mlt")
    subprocess.run([MARTLETCTL, "model", "compile", os.path.join(ROOT, "data", "lab.onnx"), "-o", lab], check=True, stdout=subprocess.DEVNULL)
    packets = [udp(bytes(i), (CLIENT[0], 1000 + i), (SERVER[0], 53)) for i in range(60)]
    path = write_pcap(os.path.join(folder, "traffic.pcap"), packets)
    done = tool("--json", "model", "replay", path, "--flows", "--live", lab, "--against", lab)
    tap.check("--flows: one row a flow", done.returncode == 0 and json.loads(done.stdout)["rows"] == 60, done.stderr)
    values = [udp(head(1, i, 1, 41) + struct.pack("<41f", *[v] * 41)) for i, v in enumerate((0.0, float("nan"), float("inf"), 1.0))]
    done = json.loads(tool("--json", "model", "replay", write_pcap(path + ".nan", values), "--live", lab, "--against", lab).stdout)
    tap.check("values that no version takes are counted", (done["rows"], done["capture"]["not_finite"]) == (2, 2), done)
    return path


def refusals(tap, a, b, path, rows):
    for name, args, word in (
            ("nothing decides now", (rows, "--against", b), "--live"),
            ("a model without a version", (rows, "--against", "m"), "say which version"),
            ("--answered of rows", (rows, "--against", b, "--answered"), "a capture"),
            ("--live and --with", (rows, "--against", b, "--live", a, "--with", a), "only one"),
            ("--wire and --flows", (path, "--against", b, "--live", a, "--wire", "--flows"), "only one"),
            ("rows that are no capture", (rows, "--wire", "--live", a, "--against", b), "not a capture"),
            ("no such file", (path + "x", "--wire", "--live", a, "--against", b), "cannot be opened")):
        done = tool("model", "replay", *args)
        tap.check(f"refused: {name}", done.returncode == 1 and word in done.stderr, done.stdout + done.stderr)


def of_the_store(tap, folder, a, b, rows):
    with Appliance([RING]) as appliance:
        appliance.start()
        for version, image in ((3, a), (4, b)):
            appliance.ctl("model", "push", image, "--name", "m", "--version", str(version))
        done = appliance.ctl("model", "replay", rows, "--against", "m:4", check=False)
        tap.check("none is live: refused", done.returncode == 1 and "no version of model 'm' is live" in done.stderr, done.stderr)
        appliance.ctl("model", "promote", "m:3", "--id", "7")
        by_hand = json.loads(tool("--json", "model", "replay", rows, "--live", a, "--against", b).stdout)
        done = json.loads(appliance.ctl("--json", "model", "replay", rows, "--against", "m:4").stdout)
        tap.check("a version of the store beside the live one", (done["with"], done["against"]) == ("m:3", "m:4") and
                  all(done[k] == by_hand[k] for k in ("rows", "differ", "interval", "mean_difference")), done)
        for version, word in (("m:5", "no version 5"), ("n:1", "no model 'n'")):
            done = appliance.ctl("model", "replay", rows, "--against", version, check=False)
            tap.check(f"{version}: refused", done.returncode == 1 and word in done.stderr, done.stderr)
        connection = UnixHTTP(appliance.sock)
        connection.request("GET", "/v1/models/m/versions/4")
        reply = connection.getresponse()
        body = reply.read()
        with open(b, "rb") as f:
            tap.check("GET gives the image that was pushed", body == f.read() and
                      reply.getheader("ETag") == f'"{hashlib.sha256(body).hexdigest()}"' and reply.getheader("Content-Length") == str(len(body)),
                      str(reply.headers))
        connection.request("HEAD", "/v1/models/m/versions/4")
        reply = connection.getresponse()
        tap.check("HEAD its size", (reply.read(), reply.getheader("Content-Length")) == (b"", str(len(body))), str(reply.headers))
        with open(os.path.join(appliance.dir, "store", "models", "m", "4.mlt"), "r+b") as f:
            f.write(b"\0")
        done = appliance.ctl("model", "replay", rows, "--against", "m:4", check=False)
        tap.check("an image that was changed there: refused", done.returncode == 1 and "not the one that was stored" in done.stderr, done.stderr)
        tap.check("the appliance ends well", appliance.stop() == 0, appliance.log_text())


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        a = compile_tree(folder, "a", TREE.format(1))
        b = compile_tree(folder, "b", TREE.format(1).replace("threshold=4.5", "threshold=3.5"))
        rows = os.path.join(folder, "rows.csv")
        with open(rows, "w") as f:
            f.write("a,b\n" + "".join(f"{i % 10},{i}\n" for i in range(1000)))
        captures(tap, folder, a, b)
        path = flows(tap, folder)
        refusals(tap, a, b, path, rows)
        of_the_store(tap, folder, a, b, rows)
    return tap.finish()


sys.exit(main())
