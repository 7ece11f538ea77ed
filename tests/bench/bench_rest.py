# SPDX-License-Identifier: BSD-3-Clause
"""REST and gRPC against nginx that serves a static body of the same size: both on one CPU, the client (wrk for HTTP/1.1, h2load for
HTTP/2) on another, in turns; plain and with TLS. nginx is asked by GET and keeps its file open: it does nothing but HTTP. Over
HTTP/2 a connection has one request under way, as over HTTP/1.1."""
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import struct
import subprocess
import time

from bench_memif import MODEL, spread

SECONDS = float(os.environ.get("BENCH_SECONDS", "1.5"))
HERE = os.path.dirname(os.path.abspath(__file__))
COLUMNS = 41
ROWS, FORMS, CONNECTIONS = (1, 64), ("binary", "JSON"), (1, 32)
GOAL = {"binary": 0.5, "JSON": 1 / 3, "gRPC": 0.5}  # of nginx's requests/s
WAYS = ("plain", "TLS", "h2c", "h2 TLS")
WRONG_SECONDS = 20  # a machine where others work keeps a client waiting
GRPC_PATH = "inference.GRPCInferenceService/ModelInfer"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def pin(pid, cpu):
    """All threads there are."""
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), {cpu})


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    f"{folder}/rest.key", "-out", f"{folder}/rest.pem", "-subj", "/CN=localhost", "-days", "2"],
                   check=True, capture_output=True)


def field(number, data):
    """Of protobuf: bytes, a text or a message; all of ours are shorter than 2 MiB."""
    size, varint = len(data), b""
    while size > 127:
        size, varint = size >> 7, varint + bytes([size & 127 | 128])
    return bytes([number << 3 | 2]) + varint + bytes([size]) + data


def grpc_message(rows, raw):
    """ModelInferRequest, and the five bytes before a message."""
    shape = bytes([rows, COLUMNS])  # packed; each is less than 128
    tensor = field(1, b"rows") + field(2, b"FP32") + field(3, shape)
    message = field(1, b"bench") + field(5, tensor) + field(7, raw)
    return struct.pack(">BI", 0, len(message)) + message


class Form:
    """What is sent for so many rows, and what comes back for it."""

    def __init__(self, folder, rows, kind):
        self.rows, self.kind, self.path = rows, kind, f"{folder}/rest-{rows}-{kind}"
        with open(f"{folder}/{MODEL}.f32", "rb") as f:
            raw = f.read(rows * COLUMNS * 4)
        if kind == "gRPC":
            self.type, self.more, body = "application/grpc", [], grpc_message(rows, raw)
            with open(self.path, "wb") as f:
                f.write(body)
            return
        rows_input = {"name": "rows", "datatype": "FP32", "shape": [rows, COLUMNS]}
        if kind == "binary":
            rows_input["parameters"] = {"binary_data_size": len(raw)}
            head = json.dumps({"inputs": [rows_input], "parameters": {"binary_data_output": True}}).encode()
            self.type, self.more, body = "application/octet-stream", [str(len(head))], head + raw
        else:
            rows_input["data"] = [float(f"{v:.9g}") for v in struct.unpack(f"<{rows * COLUMNS}f", raw)]
            self.type, self.more, body = "application/json", [], json.dumps({"inputs": [rows_input]}).encode()
        with open(self.path, "wb") as f:
            f.write(body)

    def answer(self, port):
        """Its body, which nginx is to serve, too."""
        if self.kind == "gRPC":
            return self.grpc_answer(port)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        headers = {"Content-Type": self.type}
        if self.more:
            headers["Inference-Header-Content-Length"] = self.more[0]
        with open(self.path, "rb") as f:
            connection.request("POST", "/v2/models/bench/infer", f.read(), headers)
        reply = connection.getresponse()
        body = reply.read()
        if reply.status != 200:
            raise SystemExit(f"{self.rows} rows in {self.kind} were refused: {body}")
        return body


    def grpc_answer(self, port):
        done = subprocess.run(["curl", "-s", "--http2-prior-knowledge", "-D", "-", "-o", f"{self.path}.answer", "-H", "TE: trailers",
                               "-H", f"Content-Type: {self.type}", "--data-binary", f"@{self.path}",
                               f"http://127.0.0.1:{port}/{GRPC_PATH}"], capture_output=True, text=True)
        with open(f"{self.path}.answer", "rb") as f:
            body = f.read()
        if done.returncode or "grpc-status: 0" not in done.stdout:
            raise SystemExit(f"{self.rows} rows by gRPC were refused: {done.stdout}{done.stderr}")
        return body


class Servers:
    """The appliance and nginx on one CPU, each with a plain port and one with TLS."""

    def __init__(self, link):
        self.link, self.folder = link, link.folder
        self.ports = {"martlet": {"plain": free_port(), "TLS": free_port()}, "nginx": {how: free_port() for how in WAYS}}
        self.ports["martlet"] |= {"h2c": self.ports["martlet"]["plain"], "h2 TLS": self.ports["martlet"]["TLS"]}
        certificate(self.folder)
        self.martletd = self.nginx = None

    def start_martletd(self, lcores):
        mine, folder = self.ports["martlet"], self.folder
        tls = f'tls = {{ certificate = "{folder}/rest.pem"; key = "{folder}/rest.key"; }};'
        control = (f'http = ( {{ listen = "127.0.0.1:{mine["plain"]}"; serves = [ "infer" ]; }}, '
                   f'{{ listen = "127.0.0.1:{mine["TLS"]}"; serves = [ "infer" ]; {tls} }} );')
        self.martletd = self.link.appliance(lcores, control=control)

    def start(self):
        mine, folder = self.ports["martlet"], self.folder
        # Everything on one CPU, as nginx is: the lcore sleeps, having nothing to do.
        self.start_martletd(f'io = [ {self.link.cpu} ]; workers = [ ]; idle = "sleep";')
        pin(self.martletd.pid, self.link.cpu)
        forms = [Form(folder, rows, kind) for rows in ROWS for kind in (*FORMS, "gRPC")]
        os.makedirs(f"{folder}/www", exist_ok=True)
        for form in forms:
            with open(f"{folder}/www/{os.path.basename(form.path)}", "wb") as f:
                f.write(form.answer(mine["plain"]))
        self.start_nginx()
        return forms

    def start_nginx(self):
        peer, folder = self.ports["nginx"], self.folder
        with open(f"{folder}/nginx.conf", "w") as f:
            f.write(f"""
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; sendfile on; tcp_nodelay on; open_file_cache max=16; types {{ }}
  client_body_temp_path {folder}/n1; proxy_temp_path {folder}/n2; fastcgi_temp_path {folder}/n3;
  uwsgi_temp_path {folder}/n4; scgi_temp_path {folder}/n5;
  server {{
    listen 127.0.0.1:{peer["plain"]}; listen 127.0.0.1:{peer["TLS"]} ssl; root {folder}/www;
    ssl_certificate {folder}/rest.pem; ssl_certificate_key {folder}/rest.key;
  }}
  server {{
    # With sendfile header and body leave apart over HTTP/2, and the second waits for the peer's delayed ACK.
    listen 127.0.0.1:{peer["h2c"]} http2; listen 127.0.0.1:{peer["h2 TLS"]} ssl http2; root {folder}/www; sendfile off;
    ssl_certificate {folder}/rest.pem; ssl_certificate_key {folder}/rest.key;
  }}
}}
""")
        self.nginx = self.link.start(["nginx", "-e", f"{folder}/nginx.log", "-c", f"{folder}/nginx.conf"])
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", peer["plain"]), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        pin(self.nginx.pid, self.link.cpu)

    def stop(self):
        self.link.end(self.nginx)
        self.link.end(self.martletd)

    def url(self, who, how, form):
        mine = GRPC_PATH if form.kind == "gRPC" else "v2/models/bench/infer"
        path = mine if who == "martlet" else os.path.basename(form.path)
        return f"http{'s' if 'TLS' in how else ''}://127.0.0.1:{self.ports[who][how]}/{path}"

    def h2load(self, who, how, form, connections, seconds=SECONDS):
        log, what = f"{self.folder}/h2load.log", []
        if who == "martlet":
            what = ["-d", form.path, "-H", f"content-type: {form.type}"]
            what += ["-H", f"inference-header-content-length: {form.more[0]}"] if form.more else []
            what += ["-H", "te: trailers"] if form.kind == "gRPC" else []
        if os.path.exists(log):
            os.remove(log)  # it is added to
        command = ["taskset", "-c", str(self.link.load_cpu), "h2load", "-t1", f"-c{connections}", "-m1", "-D", str(max(1, round(seconds))),
                   f"--log-file={log}", *what, self.url(who, how, form)]
        done = subprocess.run(command, capture_output=True, text=True, preexec_fn=self.link.anywhere)
        rate = re.search(r"finished in [^,]*, ([0-9.]+) req/s", done.stdout)
        ends = re.search(r"(\d+) failed, (\d+) errored, (\d+) timeout", done.stdout)
        with open(log) as f:
            times = [line.split("\t") for line in f]
        bad = [t for t in times if t[1] != "200"]
        times = sorted(int(t[2]) for t in times)
        # What was under way at the end counts as failed.
        if done.returncode or not rate or not ends or bad or not times or int(ends[1]) > connections:
            raise SystemExit(f"{' '.join(command)} failed: {done.stdout}{done.stderr}")
        return {"per_second": float(rate[1]), "p50_us": times[len(times) // 2], "p99_us": times[len(times) * 99 // 100]}

    def load(self, who, how, form, connections):
        return (self.h2load if "h2" in how else self.wrk)(who, how, form, connections)

    def wrk(self, who, how, form, connections, seconds=SECONDS):
        what = [form.path, form.type, *form.more] if who == "martlet" else []
        # wrk knows whole seconds only.
        command = ["taskset", "-c", str(self.link.load_cpu), "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s",
                   "--timeout", f"{WRONG_SECONDS}s",
                   "-s", f"{HERE}/bench_rest.lua", self.url(who, how, form), "--", *what]
        done = subprocess.run(command, capture_output=True, text=True, preexec_fn=self.link.anywhere)
        last = done.stdout.strip().rsplit("\n", 1)[-1]
        if done.returncode or not last.startswith("{"):
            raise SystemExit(f"{' '.join(command)} failed: {done.stdout}{done.stderr}")
        figures = json.loads(last)
        if figures["bad"]:
            raise SystemExit(f"{' '.join(command)}: {figures['bad']} requests went wrong")
        return {"per_second": figures["requests"] / figures["us"] * 1e6, "p50_us": figures["p50_us"], "p99_us": figures["p99_us"]}


def run(link, rounds):
    for program in ("wrk", "nginx", "h2load", "curl"):
        if not shutil.which(program):
            raise SystemExit(f"{program} is not installed: scripts/setup.sh bench")
    servers = Servers(link)
    forms, result = servers.start(), []
    cases = [(how, form, n) for how in WAYS for form in forms for n in CONNECTIONS if "h2" in how or form.kind != "gRPC"]
    for how, form, connections in cases:
        print(f"rest, {how}, {form.rows} rows in {form.kind}, {connections} connections", flush=True)
        runs = {"martlet": [], "nginx": []}
        for _ in range(rounds):
            for who, of in runs.items():
                of.append(servers.load(who, how, form, connections))
        ratio = statistics.median([a["per_second"] / b["per_second"] for a, b in zip(runs["martlet"], runs["nginx"])])
        result.append({"how": how, "rows": form.rows, "kind": form.kind, "connections": connections, "ratio": ratio,
                       **{who: {key: spread([r[key] for r in of]) for key in of[0]} for who, of in runs.items()}})
    servers.stop()
    return result


def rows(result):
    for of in result:
        mine, peer = of["martlet"], of["nginx"]
        name = of["kind"] if of["kind"] == "gRPC" else f"REST {of['kind']}"
        what = f"{name}, {of['rows']} rows, {of['connections']} conn., {of['how']}"
        goal = GOAL[of["kind"]]
        yield (what, mine["per_second"]["median"] / 1e3, "k/s", peer["per_second"]["median"] / 1e3,
               f">= {goal:.0%} of nginx ({of['ratio']:.0%})", of["ratio"] >= goal)
        for key in ("p50_us", "p99_us"):
            yield f"  {key[:3]}", mine[key]["median"], "us", peer[key]["median"], "", None
