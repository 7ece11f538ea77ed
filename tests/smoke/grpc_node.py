#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""gRPC by a second client, npm's @grpc/grpc-js, which shares no code with the first one: over the UNIX socket, in the clear and by
TLS. Its packages, of the versions in tests/node/package-lock.json, are fetched into the build directory at the first run."""
import os
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import BUILD, MARTLETCTL, ROOT, Appliance, Tap, enter_private_network, self_signed, skip_all

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
FEATURES, N = 41, 4
SOURCE = os.path.join(ROOT, "tests/node")


def client():
    """The folder of the client and its packages."""
    if not shutil.which("node") or not shutil.which("npm"):
        skip_all("node and npm are not installed")
    folder = os.path.join(BUILD, "node")
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(SOURCE):
        shutil.copy(os.path.join(SOURCE, name), folder)
    lock, done = os.path.join(folder, "package-lock.json"), os.path.join(folder, "installed.json")
    with open(lock) as f:
        wanted = f.read()
    if os.path.exists(done):
        with open(done) as f:
            if f.read() == wanted:
                return folder
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=30000"]
    try:
        installed = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        skip_all("the npm registry does not answer")
    if installed.returncode:
        skip_all("npm ci: " + (installed.stderr.strip().splitlines() or [""])[-1][:200])
    shutil.copy(lock, done)
    return folder


def offline(image, folder):
    rows = [((i * 37) % 101) / 4 for i in range(N * FEATURES)]
    file, out = os.path.join(folder, "rows.f32"), os.path.join(folder, "scores.f32")
    with open(file, "wb") as f:
        f.write(struct.pack(f"<{len(rows)}f", *rows))
    subprocess.run([MARTLETCTL, "model", "run", image, file, "-o", out], check=True, capture_output=True)
    return out


def main():
    if os.geteuid():
        skip_all("needs root")
    program = os.path.join(client(), "grpc.js")
    if not enter_private_network():
        skip_all("needs network namespaces")
    tap = Tap()
    image = frames.compile_lab_image("lab")
    with tempfile.TemporaryDirectory(prefix="martlet-grpc-") as folder:
        cert, key = self_signed(folder)
        control = f"""http = ( {{ listen = "127.0.0.1:7798"; serves = [ "infer" ]; }}, {{ listen = "127.0.0.1:7799"; serves = [ "infer" ];
            tls = {{ certificate = "{cert}"; key = "{key}"; }}; }} );"""
        with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}'], control=control) as a:
            with open(a.conf, "a") as f:  # all of eight connections' streams may wait
                f.write("scoring = { queue = 2048; };\n")
            a.start()
            scores = offline(image, folder)
            for name, address, *more in (("UNIX socket", "unix:" + a.sock), ("h2c", "127.0.0.1:7798"), ("TLS", "localhost:7799", cert)):
                out = subprocess.run(["node", program, address, os.path.join(ROOT, "ctl/server/grpc/proto"), scores, *more],
                                     capture_output=True, text=True, timeout=180)
                lines = [line for line in out.stdout.splitlines() if " - " in line and not line.startswith("#")]
                for line in lines:
                    ok, _, what = line.partition(" - ")
                    tap.check(f"{name}: {what}", ok == "ok", out.stdout[out.stdout.index(line) + len(line):][:600])
                tap.check(f"{name}: all is done", out.returncode == 0 and len(lines) >= 24, f"{out.returncode} {out.stderr[-800:]}")
            refused = a.api("GET", "/v1/status")[1]["api"]["refused"]
            tap.check("no connection was ended as if it were malformed", refused.get("malformed", 0) == 0, str(refused))
            tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-2000:])
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
