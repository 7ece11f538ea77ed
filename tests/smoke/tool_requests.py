#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What each command of martletctl asks of the API, and how it ends, against a server of our own."""
import http.server
import json
import os
import socketserver
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, ROOT, Tap

LCORE = {"cpu": 1, "role": "run-to-completion", "busy_share": 0.5, "received": 1234, "replied": 1200,
         "rows_scored": 7, "bursts": 3, "sleeps": 0, "ring_full": 0}
PORT = {"name": "edge", "device": "net_ring0", "driver": "net_ring", "mac": "02:00:00:00:00:01", "link_up": True,
        "link_mbps": 10000, "mtu": 1500, "udp_port": 7797, "rx_queues": 1, "tx_queues": 2,
        "rx_checksum_offload": False, "tx_checksum_offload": True, "addresses": ["10.77.0.1/24"], "rx_packets": 1234,
        "rx_bytes": 2048, "tx_packets": 1200, "tx_bytes": 2000, "rx_missed": 1, "rx_errors": 0, "tx_errors": 0,
        "rx_nombuf": 0}
MODEL = {"name": "lab", "id": 7, "live": 3, "previous": None, "state": "READY", "reason": "", "requests": 5, "rows": 9,
         "not_finite": 0,
         "versions": [{"version": 3, "bytes": 10, "sha256": "ab", "state": "live"},
                      {"version": 11, "bytes": 10, "sha256": "cd", "state": "stored"}]}
LIVE = {"model": "lab", "id": 7, "live": 4, "previous": 3}
RATES = {"seconds": 1.0, "total": {"received": 5417957.4, "replied": 2.5, "requests": 7, "rows": 70, "drops": 0,
                                   "received_bytes": 2048, "replied_bytes": 100},
         "ports": [{"name": "edge", "received": 12, "replied": 11, "received_bytes": 3e9, "replied_bytes": 5, "drops": 1234}],
         "models": [{"id": 7, "name": "lab", "requests": 17, "rows": 170, "refused": 8888}]}
ANSWERS = {
    "GET /v1/status": {"version": "v1", "pid": 42, "uptime_seconds": 192, "state": "ready", "config": "/etc/m.conf",
                       "isa": "avx2", "ports": [PORT], "lcores": [LCORE], "models": [MODEL],
                       "counters": {"received": 1234, "replied": 1200, "dropped": 34, "rows_scored": 7},
                       "drops": {"bad_magic": 34}, "mempool": {"size": 4096, "in_use": 12}},
    "GET /v1/models": {"models": [MODEL]},
    "GET /v1/stats": {"since": {"time": "2026-11-29T00:00:00Z", "unix_seconds": 1.5, "uid": 1000, "by": "uid 1000"}, "counters": {"received": 1234, "status": {"OK": 5, "BUSY": 0}, "drops": {"bad_magic": 34}},
                      "lcores": [{"cpu": 1, "role": "io", "counters": {"received": 1234, "status": {"OK": 5},
                                                                       "drops": {"bad_magic": 34}}}],
                      "totals": {"received": 2000}, "rates": {"second": RATES, "minute": {**RATES, "seconds": 60.1}}},
    "POST /v1/stats/reset": {"since": {"time": "2026-11-29T00:00:00Z", "unix_seconds": 1.5, "uid": 1000, "by": "uid 1000"}},
    "GET /v1/drops": {"drops": [{"name": "bad_magic", "text": "first two bytes are not 4D 4C", "count": 34}]},
    "GET /v1/ports": {"ports": [PORT]},
    "GET /v1/lcores": {"lcores": [LCORE]},
    "GET /v1/latency": {"models": [{"id": 7, "name": "lab", "count": 5, "min_ns": 300, "p50_ns": 350, "p90_ns": 400,
                                    "p99_ns": 1500, "p999_ns": 2e6, "p9999_ns": 2e6, "max_ns": 2e6, "mean_ns": 401.5}]},
    "GET /v2/models/lab/versions/3": {"name": "lab", "versions": ["3"], "platform": "martlet",
                           "inputs": [{"name": "row", "datatype": "FP32", "shape": [-1, 41]}],
                           "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 2]}],
                           "parameters": {"id": 7, "class_labels": ["benign", "attack"],
                                          "plan": [{"op": "Dense", "kernels": [{"batch": 1, "kernel": "k1"}, {"batch": 16, "kernel": "k2"}]}]}},
    "GET /v1/models/lab/versions": {"model": "lab", "retention": "latest 5", "from": "model",
                                    "versions": [{"version": 3, "bytes": 2048, "sha256": "ab" * 32, "state": "live", "stored_at": 1764374400,
                                                  "source": "lab.onnx"},
                                                 {"version": 11, "bytes": 10, "sha256": "cd" * 32, "state": "stored"}]},
    "PUT /v1/models/lab/deployment": LIVE,
    "POST /v1/models/lab/rollback": LIVE,
    "POST /v2/repository/models/lab/unload": {},
    "POST /v2/repository/models/lab/load": {},
    "DELETE /v1/models/lab/versions/3": {},
}
seen = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *args):
        pass

    def reply(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        what = f"{self.command} {self.path}"
        seen.append((what, body))
        status, answer = 200, ANSWERS.get(what)
        if "/versions/" in what and self.command == "PUT":
            status, answer = 201, {"model": "x", "version": 12, "bytes": len(body), "sha256": "ab" * 32}
        if answer is None:
            status, answer = 404, {"error": f"no such thing: {self.path}"}
        text = b"not JSON" if "garbled" in what else json.dumps(answer).encode()
        self.send_response(200 if "garbled" in what else status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_DELETE = reply


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def ctl(sock, *args, env=None):
    del seen[:]
    return subprocess.run([MARTLETCTL, *(["-s", sock] if sock else []), *args], capture_output=True, text=True,
                          timeout=60, env={**os.environ, **(env or {})})


def reading(tap, sock):
    """Every command that reads: the one request, and what its table must hold."""
    cases = [(["status"], "/v1/status", ["ready", "3 min 12 s", "run-to-completion", "edge", "bad_magic 34", "1,234"]),
             (["model", "list"], "/v1/models", ["lab", "3 11", "READY"]),
             (["stats"], "/v1/stats", ["received", "1,234", "status.OK", "drops.bad_magic", "CPU 1 io", "counted since 2026-11-29T00:00:00Z",
                                     "uid 1000", "over the last 1.0 s", "over the last 60.1 s", "5,417,957", "2.50", "port edge",
                                     "1,234", "2.79 GiB", "model lab", "8,888"]),
             (["drops"], "/v1/drops", ["first two bytes are not 4D 4C", "total"]),
             (["ports"], "/v1/ports", ["10.77.0.1/24", "10 Gb/s", "2.00 KiB", "by the device"]),
             (["lcores"], "/v1/lcores", ["50.0 %", "1,200"]),
             (["latency"], "/v1/latency", ["350 ns", "1.50 µs", "2.00 ms"])]
    for args, path, words in cases:
        done = ctl(sock, *args)
        asked = [s[0] for s in seen]
        missing = [w for w in words if w not in done.stdout]
        tap.check(" ".join(args), done.returncode == 0 and asked == [f"GET {path}"] and not missing
                  and "\x1b" not in done.stdout and not done.stderr, f"{asked} {missing} {done.stderr}")
        done = ctl(sock, *args, "--json")
        tap.check(f"{' '.join(args)} --json: the answer as it is", done.returncode == 0
                  and done.stdout == json.dumps(ANSWERS[f"GET {path}"]) + "\n", done.stdout + done.stderr)


def showing(tap, sock):
    """model show asks what is stored, and what a version in service is."""
    stored, about = "GET /v1/models/lab/versions", "GET /v2/models/lab/versions/3"
    words = ["[-1, 41]", "benign, attack", "Dense", "1: k1, 16: k2"]
    versions = ["live", "2.00 KiB", "2025-11-29T00:00:00Z", "lab.onnx"]
    for args, asked, has, lacks in ((["lab"], [stored, about], words + versions + ["latest 5 (the model's own", "11"], []),
                                    (["lab", "3"], [stored, about], words + versions, ["latest 5", "cdcd"]),
                                    (["lab:3"], [stored, about], words + versions, ["latest 5", "cdcd"]),
                                    (["lab:11"], [stored], ["cdcd", "stored"], words + ["live"])):
        done = ctl(sock, "model", "show", *args)
        tap.check(f"model show {' '.join(args)}", done.returncode == 0 and [s[0] for s in seen] == asked and not done.stderr
                  and all(w in done.stdout for w in has) and not any(w in done.stdout for w in lacks), f"{seen} {done.stdout} {done.stderr}")
        done = ctl(sock, "model", "show", *args, "--json")
        wanted = {**(ANSWERS[about] if about in asked else {"name": "lab"}), "retention": "latest 5", "stored": ANSWERS[stored]["versions"]}
        tap.check(f"model show {' '.join(args)} --json", done.returncode == 0 and json.loads(done.stdout) == wanted, done.stdout + done.stderr)
    done = ctl(sock, "model", "show", "lab:4")
    tap.check("model show of a version that is not there", done.returncode == 1 and "no version 4 of model 'lab'" in done.stderr, done.stderr)


def changing(tap, sock):
    cases = [(["model", "promote", "lab", "4", "--id", "7"], "PUT /v1/models/lab/deployment", {"live": 4, "id": 7}),
             (["model", "promote", "lab", "4"], "PUT /v1/models/lab/deployment", {"live": 4}),
             (["model", "promote", "lab", "4", "--force"], "PUT /v1/models/lab/deployment", {"live": 4, "force": True}),
             (["model", "rollback", "lab"], "POST /v1/models/lab/rollback", None),
             (["model", "unload", "lab"], "POST /v2/repository/models/lab/unload", None),
             (["model", "load", "lab"], "POST /v2/repository/models/lab/load", None),
             (["model", "delete", "lab", "3"], "DELETE /v1/models/lab/versions/3", None)]
    for args, what, body in cases:
        done = ctl(sock, *args, *([] if "delete" in args else ["--no-cost"])) # change_cost.py has the other way
        got = seen[0] if len(seen) == 1 else (str(seen), b"")
        sent = json.loads(got[1]) if got[1] else None
        tap.check(" ".join(args), done.returncode == 0 and got[0] == what and sent == body and "lab" in done.stdout,
                  f"{seen} {done.stderr}")


def refusals(tap, sock, here):
    done = ctl(sock, "model", "show", "nobody")
    tap.check("the server's words are passed on", done.returncode == 1
              and done.stderr == "martletctl: no such thing: /v1/models/nobody/versions\n", done.stderr)
    done = ctl(sock, "model", "show", "garbled")
    tap.check("an answer that is not JSON is refused", done.returncode == 1 and "not JSON" in done.stderr, done.stderr)
    done = ctl(os.path.join(here, "nobody.sock"), "status")
    tap.check("nobody there: one sentence with the remedy", done.returncode == 1 and done.stderr.count("\n") == 1
              and "martletd -c" in done.stderr, done.stderr)
    done = ctl("/" + "x" * 200, "status")
    tap.check("a socket path too long", done.returncode == 1 and "107" in done.stderr, done.stderr)
    done = ctl(None, "drops", env={"MARTLET_SOCK": sock})
    tap.check("MARTLET_SOCK names the socket", done.returncode == 0 and len(seen) == 1, done.stderr)
    with open("/dev/full", "w") as full:
        code = subprocess.run([MARTLETCTL, "-s", sock, "drops"], stdout=full, stderr=subprocess.PIPE).returncode
    tap.check("a full standard output is a failure", code == 1, str(code))
    image = os.path.join(here, "bad.mlt")
    with open(image, "wb") as f:
        f.write(b"not an image")
    done = ctl(sock, "model", "push", image)
    tap.check("a damaged image is refused before it travels", done.returncode == 1 and not seen
              and image in done.stderr, f"{seen} {done.stderr}")
    for args in ([], ["nothing"], ["model"], ["model", "nothing"], ["status", "extra"], ["drops", "--nothing"],
                 ["model", "show", "../x"], ["model", "promote", "lab", "0"], ["model", "promote"],
                 ["model", "delete", "lab", "65536"], ["model", "promote", "lab", "1", "--id", "x"],
                 ["model", "compile", "a.onnx"], ["model", "run", image, "rows.csv"],
                 ["model", "run", image, "rows.csv", "-o", "out.txt"], ["model", "bench", image, "--isa", "mmx"]):
        done = ctl(sock, *args)
        tap.check(f"usage: martletctl {' '.join(args)}", done.returncode == 2 and not seen and done.stderr
                  and not done.stdout, f"{done.returncode} {seen} {done.stderr}")


def pushing(tap, sock, here):
    """Needs a real image, of the bundled model."""
    onnx = os.path.join(ROOT, "data", "lab.onnx")
    if not os.path.exists(onnx):
        tap.skip("push of a real image", "there is no data/lab.onnx")
        return
    image = os.path.join(here, "lab.mlt")
    made = ctl(sock, "model", "compile", onnx, "-o", image, "--name", "lab")
    tap.check("model compile", made.returncode == 0 and os.path.exists(image) and not seen, made.stderr)
    data = open(image, "rb").read()
    tap.check("model compile says what comes next", made.stdout.endswith(f"\nnext: martletctl model push {image}\n"), made.stdout)
    for args, path, then in ((["--version", "5"], "/v1/models/lab/versions/5", "lab 5"), ([], "/v1/models/lab/versions/12", "lab 12"),
                             (["--name", "new"], "/v1/models/new/versions/1", "new 1 --id 1")):
        done = ctl(sock, "model", "push", image, *args)
        tap.check(f"model push {' '.join(args)}", done.returncode == 0 and len(seen) == 2
                  and done.stdout.endswith(f" martletctl model promote {then}\n")
                  and seen[-1] == (f"PUT {path}", data), f"{[s[0] for s in seen]} {done.stderr}")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as here:
        sock = os.path.join(here, "api.sock")
        server = Server(sock, Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        reading(tap, sock)
        showing(tap, sock)
        changing(tap, sock)
        refusals(tap, sock, here)
        pushing(tap, sock, here)
        server.shutdown()
        done = ctl(None, "doctor", "--json", env={"MARTLET_DOCTOR_ROOT": here})
        levels = {f["level"] for f in json.loads(done.stdout)["findings"]}
        tap.check("doctor needs no daemon", done.returncode == 0 and levels == {"ok", "warn"}, done.stdout + done.stderr)
        done = ctl(None, "doctor", "-c", os.path.join(here, "nothing.conf"))
        tap.check("doctor: a configuration that cannot be read is a failure", done.returncode == 1
                  and "nothing.conf" in done.stdout, done.stdout)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
