# SPDX-License-Identifier: BSD-3-Clause
"""REST against nginx that serves a static body of the same size: both on one CPU, the client (wrk) on another, in turns; plain and
with TLS. nginx is asked by GET and keeps its file open: it does nothing but HTTP."""
import http.client
import json
import os
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
GOAL = {"binary": 0.5, "JSON": 1 / 3}  # of nginx's requests/s


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


class Form:
    """What is sent for so many rows, and what comes back for it."""

    def __init__(self, folder, rows, kind):
        self.rows, self.kind, self.path = rows, kind, f"{folder}/rest-{rows}-{kind}"
        with open(f"{folder}/{MODEL}.f32", "rb") as f:
            raw = f.read(rows * COLUMNS * 4)
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


class Servers:
    """The appliance and nginx on one CPU, each with a plain port and one with TLS."""

    def __init__(self, link):
        self.link, self.folder = link, link.folder
        self.ports = {who: {"plain": free_port(), "TLS": free_port()} for who in ("martlet", "nginx")}
        certificate(self.folder)
        self.martletd = self.nginx = None

    def start(self):
        mine, folder = self.ports["martlet"], self.folder
        tls = f'tls = {{ certificate = "{folder}/rest.pem"; key = "{folder}/rest.key"; }};'
        control = (f'http = ( {{ listen = "127.0.0.1:{mine["plain"]}"; serves = [ "infer" ]; }}, '
                   f'{{ listen = "127.0.0.1:{mine["TLS"]}"; serves = [ "infer" ]; {tls} }} );')
        # Everything on one CPU, as nginx is: the lcore sleeps, having nothing to do.
        self.martletd = self.link.appliance(f'io = [ {self.link.cpu} ]; workers = [ ]; idle = "sleep";', control=control)
        pin(self.martletd.pid, self.link.cpu)
        forms = [Form(folder, rows, kind) for rows in ROWS for kind in FORMS]
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
        path = "v2/models/bench/infer" if who == "martlet" else os.path.basename(form.path)
        return f"http{'s' if how == 'TLS' else ''}://127.0.0.1:{self.ports[who][how]}/{path}"

    def wrk(self, who, how, form, connections, seconds=SECONDS):
        what = [form.path, form.type, *form.more] if who == "martlet" else []
        # wrk knows whole seconds only.
        command = ["taskset", "-c", str(self.link.load_cpu), "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s",
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
    for program in ("wrk", "nginx"):
        if not shutil.which(program):
            raise SystemExit(f"{program} is not installed: scripts/setup.sh bench")
    servers = Servers(link)
    forms, result = servers.start(), []
    cases = [(how, form, n) for how in ("plain", "TLS") for form in forms for n in CONNECTIONS]
    for how, form, connections in cases:
        print(f"rest, {how}, {form.rows} rows in {form.kind}, {connections} connections", flush=True)
        runs = {"martlet": [], "nginx": []}
        for _ in range(rounds):
            for who, of in runs.items():
                of.append(servers.wrk(who, how, form, connections))
        ratio = statistics.median([a["per_second"] / b["per_second"] for a, b in zip(runs["martlet"], runs["nginx"])])
        result.append({"how": how, "rows": form.rows, "kind": form.kind, "connections": connections, "ratio": ratio,
                       **{who: {key: spread([r[key] for r in of]) for key in of[0]} for who, of in runs.items()}})
    servers.stop()
    return result


def rows(result):
    for of in result:
        mine, peer = of["martlet"], of["nginx"]
        what = f"REST {of['kind']}, {of['rows']} rows, {of['connections']} conn., {of['how']}"
        goal = GOAL[of["kind"]]
        yield (what, mine["per_second"]["median"] / 1e3, "k/s", peer["per_second"]["median"] / 1e3,
               f">= {goal:.0%} of nginx ({of['ratio']:.0%})", of["ratio"] >= goal)
        for key in ("p50_us", "p99_us"):
            yield f"  {key[:3]}", mine[key]["median"], "us", peer[key]["median"], "", None
