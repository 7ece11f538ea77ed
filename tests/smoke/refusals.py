#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Bad input from the operator's side is refused with one clear sentence each, and what was running goes on."""
import os
import random
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import MARTLETCTL, MARTLETD, Appliance, Tap, UnixHTTP, skip_all

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'


def one_sentence(text):
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return len(lines) == 1 and len(lines[0]) > 10


def refused(tap, name, command, *words, status=1):
    """The command ends with `status` and one sentence on stderr that holds every one of `words`."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    text = done.stderr.strip()
    tap.check(f"refused: {name}", done.returncode == status and one_sentence(text) and all(w in text for w in words),
              f"exit {done.returncode}: {text[:600]!r}")


def images(tap, a, good):
    data = open(good, "rb").read()
    rng = random.Random(7)
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "bad.mlt")
        wrong = 0
        cuts = sorted({0, 1, 7, 63, 64, 127, len(data) // 2, len(data) - 1, *(rng.randrange(len(data)) for _ in range(6))})
        flips = [(rng.randrange(len(data)), rng.randrange(8)) for _ in range(14)]
        for bad in [data[:n] for n in cuts] + [data[:i] + bytes([data[i] ^ 1 << b]) + data[i + 1:] for i, b in flips]:
            with open(path, "wb") as f:
                f.write(bad)
            status, reply = a.api("PUT", "/v1/models/lab/versions/9", bad)
            local = subprocess.run([MARTLETCTL, "model", "inspect", path], capture_output=True, text=True)
            if not (400 <= status < 500 and isinstance(reply, dict) and one_sentence(reply["error"]) and
                    local.returncode == 1 and one_sentence(local.stderr)):
                wrong += 1
                print(f"# {len(bad)} bytes: {status} {reply} / {local.returncode} {local.stderr!r}")
        tap.check(f"{len(cuts)} cut and {len(flips)} bit-flipped images are refused by tool and appliance", wrong == 0)
        models = a.api("GET", "/v1/models")[1]["models"]
        tap.check("none of them was stored", [v["version"] for m in models for v in m["versions"]] == [1], str(models))


def http(tap, a):
    def status_of(method, path, body=None):
        status, reply = a.api(method, path, body)
        return status if isinstance(reply, dict) and one_sentence(reply.get("error", "")) else (status, reply)

    tap.check("404 for an unknown path", status_of("GET", "/v1/nothing") == 404)
    tap.check("405 for a wrong method", status_of("DELETE", "/v1/status") == 405)
    tap.check("404 for an unknown model", status_of("POST", "/v1/models/nobody/rollback") == 404)
    tap.check("400 for JSON that is none", status_of("PUT", "/v1/models/lab/deployment", b"{\"live\": ") == 400)
    tap.check("400 for an unknown key", status_of("PUT", "/v1/models/lab/deployment", {"live": 1, "speed": 9}) == 400)
    tap.check("400 for a wrong type", status_of("PUT", "/v1/models/lab/deployment", {"live": "one"}) == 400)
    tap.check("404 for a version that is not stored", status_of("PUT", "/v1/models/lab/deployment", {"live": 77}) == 404)
    tap.check("409 for deleting the live version", status_of("DELETE", "/v1/models/lab/versions/1") == 409)
    tap.check("a path out of the store is refused", status_of("PUT", "/v1/models/..%2f..%2fetc/versions/1", b"x") in (400, 404))

    # 1 GiB announced, and 1 GiB sent without saying so.
    for name, headers in (("announced", {"Content-Length": str(1 << 30)}), ("chunked", {"Transfer-Encoding": "chunked"})):
        c = UnixHTTP(a.sock)
        c.connect()
        c.putrequest("PUT", "/v1/models/big/versions/1")
        for k, v in headers.items():
            c.putheader(k, v)
        c.endheaders()
        sent, block = 0, bytes(1 << 20)
        try:
            while sent < 1 << 30:
                c.send(b"100000\r\n" + block + b"\r\n" if name == "chunked" else block)
                sent += len(block)
        except (BrokenPipeError, ConnectionResetError, socket.timeout):
            pass
        try:
            status = c.getresponse().status
        except Exception:  # the connection may be closed before the answer is read
            status = None
        rss = int(next(l for l in open(f"/proc/{a.proc.pid}/status") if l.startswith("VmRSS")).split()[1])
        tap.check(f"a 1 GiB body, {name}: cut off", status in (413, 411, 400, None) and sent < 1 << 30, f"{status}, {sent} sent")
        tap.check(f"a 1 GiB body, {name}: not kept in memory", rss < 900 << 10, f"{rss} KiB resident")
        c.close()
    tap.check("still ready", a.api("GET", "/v1/status")[1]["state"] == "ready")


def configurations(tap, a):
    text = open(a.conf).read()

    def with_change(name, old, new, *words):
        assert old in text, old
        path = os.path.join(a.dir, "bad.conf")
        with open(path, "w") as f:
            f.write(text.replace(old, new, 1))
        refused(tap, name, [MARTLETD, "-c", path, "--check"], "bad.conf", *words)

    refused(tap, "no configuration there", [MARTLETD, "-c", "/nonexistent.conf", "--check"], "/nonexistent.conf")
    with_change("unknown key", "idle =", "idel =", "idel")
    with_change("wrong type", "mbufs = 8192", 'mbufs = "many"', "mbufs")
    with_change("out of range", "mbufs = 8192", "mbufs = 3", "mbufs")
    with_change("a CPU that does not exist", "io = [ 0 ]", "io = [ 999 ]", "999")
    with_change("an image that is missing", "/lab.mlt", "/gone.mlt", "gone.mlt")
    with_change("an address that is none", "10.77.0.1/24", "10.77.0.1/99", "10.77.0.1/99")
    with_change("a syntax error", "lcores = {", "lcores = {{")
    models = text[text.index('{ name = "lab"'):text.index("}", text.index('{ name = "lab"')) + 1]
    with_change("a duplicate model", models, models + ", " + models, "lab")
    done = subprocess.run([MARTLETD, "-c", a.conf, "--check"], capture_output=True, text=True)
    tap.check("--check accepts the good one", done.returncode == 0, done.stderr)


def starts(tap, a):
    refused(tap, "a second martletd on the same socket", [MARTLETD, "-c", a.conf], a.sock)
    tap.check("the first goes on", a.api("GET", "/v1/status")[1]["state"] == "ready")
    for device in ("net_memif0,role=nobody", "0000:99:00.0", "net_nosuch0", "net_af_packet0,iface=nosuch"):
        b = Appliance([RING.replace("net_ring0", device)])
        try:
            b.start()
            tap.check(f"refused: a port on {device}", False, "it started")
        except RuntimeError:
            last = b.log_text().strip().splitlines()
            tap.check(f"refused: a port on {device}", b.proc.returncode == 1 and any("edge" in l and device in l for l in last),
                      b.log_text()[-800:])
        b.close()
    tap.check("and all the while the first goes on", a.api("GET", "/v1/status")[1]["state"] == "ready")


def foreign_models(tap):
    with tempfile.TemporaryDirectory() as d:
        path, out = os.path.join(d, "bad.onnx"), os.path.join(d, "out.mlt")
        for name, data in (("an empty file", b""), ("noise", bytes(range(256)) * 40), ("a nesting bomb", b"\x3a\x7f" * 60000)):
            with open(path, "wb") as f:
                f.write(data)
            refused(tap, f"compiling {name}", [MARTLETCTL, "model", "compile", path, "-o", out], "bad.onnx")
            tap.check(f"nothing was written for {name}", not os.path.exists(out))
        rows = os.path.join(d, "rows.csv")
        with open(rows, "w") as f:
            columns = 41  # as many as the model has features
            f.write("\n".join(",".join(["1"] * n) for n in (columns, columns, columns - 1)) + "\n")
        image = frames.compile_lab_image()
        refused(tap, "a CSV with a short line", [MARTLETCTL, "model", "run", image, rows, "-o", os.path.join(d, "o.csv")], "rows.csv:3")


def main():
    tap = Tap()
    if os.geteuid():
        skip_all("needs root")
    image = frames.compile_lab_image()
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}']) as a:
        a.start()
        images(tap, a, image)
        http(tap, a)
        configurations(tap, a)
        starts(tap, a)
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-500:])
    foreign_models(tap)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
