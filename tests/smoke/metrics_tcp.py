#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""metrics.listen: a Prometheus of Debian's scrapes martletd over TCP, promtool finds nothing to say about the text, statuses and
states by model are in it, and peers that misbehave there disturb neither the API nor the scoring."""
import ctypes
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import BUILD, MARTLETD, Appliance, FarEnd, Tap, enter_private_network, request, sh, skip_all

LISTEN = "127.0.0.1:9797"


def prometheus():
    """The folder of prometheus and promtool: the machine's, or Debian's package unpacked below build/; None without."""
    found = shutil.which("prometheus")
    if found:
        return os.path.dirname(found)
    folder = os.path.join(os.path.abspath(BUILD), "prometheus")
    programs = os.path.join(folder, "usr", "bin")
    if not os.path.exists(os.path.join(programs, "promtool")):
        os.makedirs(folder, exist_ok=True)
        done = subprocess.run("apt-get -qq -o APT::Sandbox::User=root download prometheus && dpkg -x prometheus_*.deb .", shell=True,
                              cwd=folder, capture_output=True, timeout=300)
        if done.returncode:
            return None
    return programs


def get(path="/metrics", method="GET", address=LISTEN, fresh=True):
    if fresh and path == "/metrics" and method == "GET":
        time.sleep(0.6)  # a page may be half a second old
    connection = http.client.HTTPConnection(address, timeout=20)
    connection.request(method, path)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, reply.getheader("Content-Type"), text


def value(text, name, **labels):
    """The sample with these labels among its own; None where there is none."""
    for line in text.splitlines():
        found = re.fullmatch(r"martlet_(\w+)(?:\{(.*)\})? (\S+)", line)
        if found and found[1] == name and all(f'{k}="{v}"' in (found[2] or "").split(",") for k, v in labels.items()):
            return float(found[3])
    return None


def statuses(tap, a, client):
    """What was answered is counted by model and status."""
    client.settimeout(0.5)
    columns = a.api("GET", "/v2/models/lab")[1]["inputs"][0]["shape"][-1]
    asked = [("OK", dict(columns=columns, payload=bytes(4 * columns))), ("BAD_SHAPE", dict(columns=columns + 1, payload=bytes(4 * columns + 4))),
             ("NO_MODEL", dict(columns=columns, payload=bytes(4 * columns), model_version=9)),
             ("NOT_FINITE", dict(columns=columns, payload=b"\0\0\xc0\x7f" * columns))]
    wanted = {"OK": 0, "BAD_SHAPE": 0, "NO_MODEL": 0, "NOT_FINITE": 0, "BUSY": 0}
    for i, (status, fields) in enumerate(asked):
        for n in range(i + 1):
            for _ in range(20):
                client.sendto(request(model=7, pad=64, request_id=n, **fields), ("10.77.0.1", 7797))
                try:
                    client.recv(2048)
                    break
                except socket.timeout:
                    pass
            wanted[status] += 1
    # Another model's id is nobody's: it is in the totals alone.
    client.sendto(request(model=8, columns=columns, payload=bytes(4 * columns)), ("10.77.0.1", 7797))
    client.recv(2048)
    text = get()[2]
    found = {s: value(text, "model_results_total", model="lab", status=s) for s in wanted}
    tap.check("statuses by model", found == wanted, str(found))
    tap.check("and in total", value(text, "results_total", status="NO_MODEL") == wanted["NO_MODEL"] + 1)
    tap.check("busy seconds", 0 < value(text, "lcore_busy_seconds_total", cpu=0) < 60)


def states(tap, a):
    seen = {}
    for name, step in (("READY", lambda: None), ("UNAVAILABLE", lambda: a.ctl("model", "unload", "lab"))):
        step()
        text = get()[2]
        seen[name] = {s: value(text, "model_state", model="lab", state=s) for s in ("READY", "LOADING", "UNLOADING", "UNAVAILABLE")}
    tap.check("a model's state is 1, and the others 0", all(
        {k for k, v in states.items() if v == 1} == {name} and set(states.values()) == {0, 1} for name, states in seen.items()), str(seen))
    a.ctl("model", "load", "lab")  # whose counters begin anew


def refusals(tap):
    for method, path, status in (("POST", "/metrics", 405), ("PUT", "/metrics", 405), ("DELETE", "/metrics", 405), ("GET", "/", 404),
                                 ("GET", "/v1/status", 404), ("PUT", "/v1/models/lab/versions/2", 404), ("GET", "/v2/health/ready", 404)):
        got, kind, text = get(path, method)
        tap.check(f"{method} {path}: {status}", got == status and kind == "application/json" and json.loads(text)["error"], text)


def misbehave(tap, a):
    """Crowds of peers that are silent, or whose headers never end; half-closed and reset ones."""
    for name, begin in (("silent peers", b""), ("peers whose headers do not come on", b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: ")):
        crowd = [socket.create_connection(("127.0.0.1", 9797)) for _ in range(300)]
        for s in crowd:
            try:
                s.send(begin)
            except OSError:
                pass  # it was closed for another
        tap.check(f"with 300 {name} the page is had", all(get(fresh=False)[0] == 200 for _ in range(20)))
        tap.check("and the API answers", all(a.api("GET", "/v1/status")[0] == 200 for _ in range(20)))
        api = a.api("GET", "/v1/status")[1]["api"]
        tap.check("and no more are open than may be", api["connections"] <= api["connections_max"], str(api))
        tap.check("who was closed for others is counted", api["refused"]["silent"] > 100, str(api))
        for s in crowd:
            s.close()
    tap.check("they gone, the page is had again", get()[0] == 200)
    for i in range(30):
        s = socket.create_connection(("127.0.0.1", 9797))
        s.send(b"GET /metrics HTTP/1.1\r\n\r\n"[:1 + i])
        if i % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        s.close()
    tap.check("after 30 that break off, too", get()[0] == 200)
    lines = [line for line in a.log_text().splitlines() if re.search("warning|error", line)]
    tap.check("a line of it is in the log", len(lines) == 1 and "those silent longest are closed" in lines[0], "\n# ".join(lines[:5]))


def scraped(tap, a, programs):
    config = os.path.join(a.dir, "prometheus.yml")
    with open(config, "w") as f:
        f.write("global: { scrape_interval: 1s }\nscrape_configs:\n- job_name: martlet\n"
                f"  static_configs: [ {{ targets: [ '{LISTEN}' ] }} ]\n")
    done = subprocess.run([os.path.join(programs, "promtool"), "check", "metrics"], input=get()[2], text=True, capture_output=True)
    tap.check("promtool check metrics says nothing", done.returncode == 0 and not done.stderr + done.stdout, done.stdout + done.stderr)
    with open(os.path.join(a.dir, "prometheus.log"), "w") as log:
        server = subprocess.Popen([os.path.join(programs, "prometheus"), f"--config.file={config}", f"--storage.tsdb.path={a.dir}/tsdb",
                                   "--web.listen-address=127.0.0.1:9990"], stdout=log, stderr=log)
    try:
        found, end = {}, time.time() + 60
        queries = ("up", "martlet_ready", 'martlet_model_results_total{model="lab",status="OK"}', 'martlet_model_state{state="READY"}')
        while time.time() < end and len(found) < len(queries):
            for query in queries:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:9990/api/v1/query?query={urllib.parse.quote(query)}", timeout=5) as f:
                        for result in json.load(f)["data"]["result"]:
                            found[query] = result["value"][1]
                except OSError:
                    pass
            time.sleep(0.3)
        tap.check("Prometheus has scraped it", list(found.get(q) for q in queries) == ["1"] * 4, str(found))
    finally:
        server.terminate()
        server.wait()


def main():
    if os.geteuid():
        skip_all("needs root and network namespaces")
    tap = Tap()
    programs = prometheus()
    if not enter_private_network():
        skip_all("needs root and network namespaces")
    far = FarEnd()
    sh("ip addr add 10.77.0.2/24 dev veth-c")
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # stays in this network, while we go where martletd is
    with open(f"/proc/{far.pid}/ns/net") as there:
        if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), 0):
            skip_all("needs setns")
    sh("ip link set lo up")
    port = '{ name = "edge"; device = "net_af_packet0,iface=veth-m"; addresses = [ "10.77.0.1/24" ]; }'
    with Appliance([port], models=[f'{{ name = "lab"; id = 7; image = "{frames.compile_lab_image()}"; }}']) as a:
        with open(a.conf, "a") as f:
            f.write(f'metrics = {{ listen = "{LISTEN}"; }};\n')
        a.start()
        status, kind, text = get()
        tap.check("GET /metrics", (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8") and value(text, "ready") == 1, text[:200])
        states(tap, a)
        statuses(tap, a, client)
        refusals(tap)
        misbehave(tap, a)
        if programs:
            scraped(tap, a, programs)
        else:
            tap.skip("Prometheus has scraped it", "Debian's prometheus could not be had")
        done = subprocess.run([MARTLETD, "-c", a.conf], capture_output=True, text=True)
        tap.check("a second martletd is refused", done.returncode == 1)
        a.stop()
        with socket.create_server(("127.0.0.1", 9797)):
            done = subprocess.run([MARTLETD, "-c", a.conf], capture_output=True, text=True, timeout=120)
        tap.check("a port that is taken is refused, by name", done.returncode == 1
                  and "martletd: metrics.listen: port 9797 cannot be listened on: Address already in use" in done.stderr, done.stderr)
    far.close()
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
