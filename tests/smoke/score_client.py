#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletctl score as a client: rows over the socket, TLS and UDP give the bits of model run, each row that fails says why, and
servers that lie, stop, never answer or send too much end in one sentence and leave no file."""
import ctypes
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import MARTLETCTL, ROOT, Appliance, FarEnd, Reply, Tap, enter_private_network, sh, skip_all
from http_tls import authority, issue

TEST = os.path.join(ROOT, "data", "lab-test.csv")
TEXTS = os.path.join(ROOT, "tests", "fixtures", "operators", "models", "text_columns.onnx")


def tool(*args, into=None, **how):
    command = ["nsenter", "-t", str(into), "-n"] if into else []
    return subprocess.run([*command, MARTLETCTL, *args], capture_output=True, timeout=60, **{"text": True, **how})


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def right_ways(tap, a, folder, far, image):
    """The same rows by every way, as model run scores them."""
    right, out = os.path.join(folder, "right.f32"), os.path.join(folder, "a file.f32")
    tool("model", "run", image, TEST, "-o", right)
    tls = ("--url", "https://localhost:7798", "--cacert", f"{folder}/ca.pem", "--cert", f"{folder}/good.pem", "--key", f"{folder}/good.key")
    for name, args, into in (("the socket", (), None), ("http", ("--url", "http://127.0.0.1:7799/"), far.pid), ("TLS", tls, far.pid),
                             ("UDP", ("--udp", "10.66.0.1:7797"), None)):
        done = tool("-s", a.sock, "score", "lab", TEST, "-o", out, *args, into=into)
        tap.check(f"{name}: the bits of model run", done.returncode == 0 and read(out) == read(right), done.stdout + done.stderr)
        if os.path.exists(out):
            os.remove(out)
    done = tool("score", "7", TEST, "--udp", "10.66.0.1:7797", "--outputs", "2", "-o", out, "--drop", "activity,label")
    tap.check("UDP alone, by the id", done.returncode == 0 and read(out) == read(right), done.stderr)
    done = tool("-s", a.sock, "score", "lab:1", TEST, "-o", out[:-3] + "npy")
    tap.check("a version, to .npy", done.returncode == 0 and read(out[:-3] + "npy")[128:] == read(right), done.stderr)
    for name, args, word in (("a stranger's certificate", ("--url", "https://localhost:7798", "--cacert", f"{folder}/other/ca.pem"), "certificate"),
                             ("another name", (*tls[2:], "--url", "https://127.0.0.2:7798"), "certificate"),
                             ("no certificate of ours", tls[:4], "failed"),
                             ("half of one", tls[:6], "together"), ("TLS files for http", ("--url", "http://a", "--cacert", "x"), "https"),
                             ("no URL", ("--url", "localhost:7798"), "wanted"), ("an authority that is not there", (*tls[:2], "--cacert", "/nowhere"), "/nowhere"),
                             ("http at a port of TLS", ("--url", "http://localhost:7798"), "7798")):
        done = tool("score", "lab", TEST, "-o", out, *args, into=far.pid)
        tap.check(f"refused: {name}", done.returncode == 1 and word in done.stderr and done.stderr.count("\n") == 1, done.stderr)


def columns(tap, a, folder, image):
    with open(TEST) as f:
        header, *lines = [line.rstrip("\n").split(",")[:41] for line in f.readlines()[:50]]
    odd = write(os.path.join(folder, "odd.csv"), "".join(",".join([str(i) if i else "when", *reversed(r)]) + "\n" for i, r in enumerate([header, *lines])))
    right = tool("model", "run", image, odd, "-o", "-", "--drop", "when").stdout
    done = tool("-s", a.sock, "score", "lab", odd, "--drop", "when")
    tap.check("--drop", done.returncode == 0 and done.stdout == right, done.stderr)
    done = tool("-s", a.sock, "score", "lab", odd, "--columns", ",".join(header))
    tap.check("--columns", done.returncode == 0 and done.stdout == right, done.stderr)
    done = tool("-s", a.sock, "score", "lab", odd, "--drop", "whem")
    tap.check("an unknown name: the nearest is named", done.returncode == 1 and "is 'when' meant?" in done.stderr, done.stderr)
    lines[7][3] = lines[30][0] = "nan"
    bad = write(os.path.join(folder, "bad.csv"), "\n".join(map(",".join, [header, *lines])) + "\n")
    for name, args, word in (("REST", (), "missing value"), ("UDP", ("--udp", "10.66.0.1:7797"), "NOT_FINITE")):
        done = tool("-s", a.sock, "score", "lab", bad, *args)
        out = done.stdout.splitlines()
        tap.check(f"{name}: rows that fail say why, the others are scored", done.returncode == 1 and len(out) == len(lines) + 1 and
                  out[0].endswith(",error") and [i for i, line in enumerate(out[1:]) if word in line] == [7, 30] and
                  all(line.endswith(",") for i, line in enumerate(out[1:]) if i not in (7, 30)) and "2 of 49 rows" in done.stderr, done.stdout + done.stderr)
    answer = json.loads(tool("-s", a.sock, "--json", "score", "lab", bad).stdout)
    tap.check("as JSON, too", [e["row"] for e in answer["errors"]] == [8, 31] and answer["scores"][7] is None and len(answer["scores"][8]) == 2)


def texts(tap, a, folder):
    path, image = os.path.join(folder, "text.csv"), os.path.join(folder, "text.mlt")
    write(path, "flag,protocol,duration\nS0,udp,0.5\nSF,tcp,-2\nREJ,other,1\n")
    subprocess.run([MARTLETCTL, "model", "compile", TEXTS, "-o", image, "--rows", path], check=True, capture_output=True)
    a.ctl("model", "push", image, "--name", "text")
    a.ctl("model", "promote", "text:1", "--id", "8")
    right = tool("model", "run", image, path, "-o", "-").stdout
    done = tool("-s", a.sock, "score", "text", path)
    tap.check("texts go through the image's tables", done.returncode == 0 and done.stdout == right, done.stdout + done.stderr)
    write(path, "flag,protocol,duration\nS0,udp,0.5\nS9,tcp,-2\nREJ,other,1\n")
    done = tool("-s", a.sock, "score", "text", path)
    tap.check("a text that is not known fails its row", done.returncode == 1 and "'S9'" in done.stdout.splitlines()[2]
              and done.stdout.splitlines()[3] == right.splitlines()[3] + ",", done.stdout + done.stderr)
    done = tool("-s", a.sock, "score", "text", path, "--udp", "10.66.0.1:7797")
    tap.check("over UDP it is refused by line, for the wire has numbers", done.returncode == 1 and ":3: column 1: 'S9' is none of the" in done.stderr, done.stderr)
    write(path, "protocol,duration,flag\nudp,0.5,S0\ntcp,-2,SF\nother,1,REJ\n")
    done = tool("-s", a.sock, "score", "text", path, "--udp", "10.66.0.1:7797")
    tap.check("over UDP texts are sent as the numbers that the appliance tells", done.returncode == 0 and done.stdout == right, done.stdout + done.stderr)


def udp_server(tap, folder):
    """One that loses, repeats, garbles and refuses: what comes out is right, and in order."""
    server, seen, lock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), {}, threading.Lock()
    server.bind(("127.0.0.1", 0))
    port = server.getsockname()[1]

    def serve():
        while True:
            data, who = server.recvfrom(65536)
            if data == b"end":
                return
            if len(data) < 32:
                continue
            ask = Reply(data)
            with lock:
                seen[ask.request_id] = seen.get(ask.request_id, 0) + 1
                n = seen[ask.request_id]
            head = lambda rid=ask.request_id, rows=ask.rows, columns=2, status=0, kind=2: struct.pack(
                "<2sBBHHQHHBBBBIHH", b"ML", 1, kind, 9, 1 + ask.request_id % 2, rid, rows, columns, 0, status, 0, 0, 0, 0, 0)
            values = struct.unpack(f"<{ask.rows}f", ask.payload[:4 * ask.rows])
            good = head() + b"".join(struct.pack("<2f", v, v + 1) for v in values)
            for lie in (head(rid=ask.request_id + 10 ** 9), head(rows=ask.rows + 1) + bytes(8), head(columns=3), good[:-4], b"", head(kind=1), bytes(40)):
                server.sendto(lie, who)
            if n == 1:
                if int(values[0]) % 3 == 0:
                    continue # lost
                if int(values[0]) % 3 == 1:
                    server.sendto(head(rows=0, columns=0, status=4), who) # BUSY
                    continue
            server.sendto(good, who)
            server.sendto(good, who)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    rows = write(os.path.join(folder, "one.csv"), "".join(f"{i}\n" for i in range(9000)))
    done = tool("score", "9", rows, "--udp", f"127.0.0.1:{port}", "--outputs", "2", "--no-header")
    tap.check("UDP: lost, busy and garbled: asked again by the same id", done.returncode == 0 and
              done.stdout.splitlines()[1:] == [f"{i},{i + 1}" for i in range(9000)] and max(seen.values()) > 1
              and "by version 1 and by version 2" in done.stderr.replace("version 2 and by version 1", "version 1 and by version 2"), done.stderr + done.stdout[:200])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"end", ("127.0.0.1", port))
    thread.join()
    server.close()
    done = tool("score", "9", rows, "--udp", f"127.0.0.1:{port}", "--outputs", "2", "-o", os.path.join(folder, "none.csv"))
    tap.check("UDP: nobody there", done.returncode == 1 and "answers" in done.stderr and not os.path.exists(os.path.join(folder, "none.csv")), done.stderr)
    for where in ("127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", "::1:7797", ":1", "no such host:1"):
        done = tool("score", "9", rows, "--udp", where, "--outputs", "2")
        tap.check(f"--udp {where}: refused", done.returncode == 1 and "--udp" in done.stderr, done.stderr)


META = json.dumps({"name": "m", "inputs": [{"name": "rows", "datatype": "FP32", "shape": [-1, 1]}],
                   "parameters": {"id": 9, "feature_names": ["a"], "output_names": ["s"]}}).encode()


def head_of(body, status="200 OK", extra=""):
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode()


def chunked(body):
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(b"1\r\n%c\r\n" % b for b in body) + b"0\r\n\r\n"


def hostile(tap, folder):
    """Servers of all sorts, for the first request and for the second."""
    answer, listener = None, socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def one(s):
        got = b""
        while b"\r\n\r\n" not in got:
            more = s.recv(65536)
            if not more:
                return
            got += more
        is_infer = got.startswith(b"POST")
        try:
            for part in answer(is_infer):
                s.sendall(part)
        except OSError:
            pass # the tool had enough

    def serve():
        while True:
            s = listener.accept()[0]
            with s:
                one(s)

    threading.Thread(target=serve, daemon=True).start()
    rows, out = write(os.path.join(folder, "rows.csv"), "a\n1\n2\n"), os.path.join(folder, "hostile.csv")
    good = [head_of(META, extra="Connection: close\r\n"), META]

    def headers():
        yield b"HTTP/1.1 200 OK\r\n"
        while True:
            yield b"X-Y: " + b"z" * 1000 + b"\r\n"

    def wrong(shape, values, extra="", status="200 OK"):
        text = json.dumps({"outputs": [{"name": "scores", "datatype": "FP32", "shape": shape, "parameters": {"binary_data_size": 4 * len(values)}}]}).encode()
        body = text + struct.pack(f"<{len(values)}f", *values)
        return [head_of(body, status, f"Inference-Header-Content-Length: {len(text)}\r\nConnection: close\r\n{extra}"), body]

    def case(name, word, first, second=None, status=1, timeout="20"):
        nonlocal answer
        answer = lambda is_infer: second if is_infer else first
        done = tool("score", "m", rows, "-o", out, "--url", url, "--timeout", timeout)
        tap.check(f"a server that {name}", done.returncode == status and word in done.stdout + done.stderr and os.path.exists(out) == (status == 0) and
                  not [f for f in os.listdir(folder) if f.startswith("hostile.csv.")], done.stdout + done.stderr)
        if os.path.exists(out):
            os.remove(out)

    case("closes without a word", "before its answer was whole", [])
    case("closes in the middle", "before its answer was whole", [head_of(META), META[:20]])
    case("sends garbage", "failed", [b"\0\1\2garbage" * 100])
    case("sends no JSON", "not JSON", [head_of(b"<html>"), b"<html>"])
    case("sends JSON of another kind", "names no features", [head_of(b"[1]"), b"[1]"])
    case("says a wrong length", "before its answer was whole", [head_of(META + b"  "), META])
    case("sends elsewhere", "redirects are not followed", [head_of(b"", "302 Found", f"Location: {url}/x\r\n")])
    case("sends headers without an end", "headers", headers())
    case("sends a body without an end", "over 64 MiB", (p for p in [b"HTTP/1.1 200 OK\r\n\r\n", *[bytes(1 << 20)] * 80]))
    case("promises 10 GB", "that is not martletd", (p for p in [b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n", *[bytes(1 << 20)] * 80]))
    case("answers in chunks", "2 rows", [chunked(META)], wrong([2, 1], [1, 2]), status=0)
    case("refuses without a reason", "status 500 and no reason", good, [head_of(b"", "500 Oh", "Connection: close\r\n")])
    case("scores other rows", "is not the scores of 2 rows", good, wrong([3, 1], [1, 2, 3]))
    case("scores too few", "is not the scores of 2 rows", good, wrong([2, 1], [1]))
    case("lies of its JSON's length", "is not the scores of 2 rows", good, [head_of(b"{}", extra="Inference-Header-Content-Length: 99\r\n"), b"{}"])
    case("stops in the scores", "before its answer was whole", good, [b"".join(wrong([2, 1], [1, 2]))[:-3]])

    class Never:
        def __iter__(self):
            return self

        def __next__(self):
            threading.Event().wait(3)
            raise StopIteration
    case("never answers", "did not answer within 1 s", Never(), timeout="1")
    answer = lambda is_infer: wrong([2, 1], [1, 2]) if is_infer else good
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", os.path.join(folder, "full")], check=True)
    try:
        for name in ("a b.csv", "b.npy"):
            with open(os.path.join(folder, "full", "junk"), "wb") as f:
                f.write(bytes(4096))
            done = tool("score", "m", rows, "-o", os.path.join(folder, "full", name), "--url", url)
            tap.check(f"a full disk: no half file, {name}", done.returncode == 1 and "could not be written" in done.stderr and
                      os.listdir(os.path.join(folder, "full")) == ["junk"], done.stderr + str(os.listdir(os.path.join(folder, "full"))))
    finally:
        subprocess.run(["umount", os.path.join(folder, "full")], check=True)
    with open("/dev/full", "w") as full:
        done = subprocess.run([MARTLETCTL, "score", "m", rows, "--url", url], stdout=full, stderr=subprocess.PIPE, text=True)
    tap.check("a standard output that is full", done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr)


def main():
    if os.geteuid() or not shutil.which("openssl") or not enter_private_network():
        skip_all("needs root and openssl")
    # Mounts of our own, which end with this process.
    if ctypes.CDLL(None, use_errno=True).unshare(0x00020000):  # CLONE_NEWNS
        skip_all("needs mounts of its own")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    tap, far, image = Tap(), FarEnd(), frames.compile_lab_image(options=["--exact"])  # the bits are compared, in batches of any size
    sh("ip address add 10.66.0.2/24 dev veth-c")
    sh(f"nsenter -t {far.pid} -n ip link set lo up; ip link set lo up")
    with tempfile.TemporaryDirectory(prefix="score client ") as folder:
        for name in ("", "other"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
            authority(os.path.join(folder, name))
        os.mkdir(os.path.join(folder, "full"))
        issue(folder, "good", 2)
        port = '{ name = "edge"; device = "net_af_packet0,iface=veth-m"; addresses = [ "10.66.0.1/24" ]; }'
        tls = f'tls = {{ certificate = "{folder}/good.pem"; key = "{folder}/good.key"; client_ca = "{folder}/ca.pem"; }};'
        with Appliance([port], netns=far.pid, models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}'], control=f"""
http = ( {{ listen = "127.0.0.1:7799"; serves = [ "infer" ]; }}, {{ listen = "0.0.0.0:7798"; serves = [ "infer" ]; {tls} }} ); """) as a:
            a.start()
            right_ways(tap, a, folder, far, image)
            columns(tap, a, folder, image)
            texts(tap, a, folder)
            tap.check("the appliance ends well", a.stop() == 0, a.log_text())
        udp_server(tap, folder)
        hostile(tap, folder)
    far.close()
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
