#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A pipe, a socket, a device and a folder where a file is named: each command says so at once, and waits for nobody."""
import os
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import LOAD, MARTLETCTL, MARTLETD, Tap

CONF = """lcores = {{ control = 0; io = [ 0 ]; idle = "sleep"; }};
memory = {{ hugepages = false; megabytes = 64; mbufs = 1024; }};
ports = ( {{ name = "edge"; device = "{device}"; addresses = [ "10.77.0.1/24" ]; }} );
control = {{ socket = "{dir}/ctl.sock"; }};
store = {{ path = "{dir}/store"; }};
models = ( {models} );
{more}
"""


def commands(d, path, image, rows):
    """(what is named, the command): path(ending) stands where a file should."""
    def conf(name, device="net_ring0", models="", more=""):
        text = CONF.format(dir=d, device=device, models=models, more=more)
        with open(os.path.join(d, name), "w") as f:
            f.write(text)
        return [MARTLETD, "-c", os.path.join(d, name), "--check"]

    load = [LOAD, "--device", "net_ring0", "--no-huge", "--from", "10.0.0.1", "--to", "10.0.0.2", "--model", "1"]
    return [
        ("model compile SRC", [MARTLETCTL, "model", "compile", path("onnx"), "-o", os.path.join(d, "o.mlt")]),
        ("model compile --rows", [MARTLETCTL, "model", "compile", os.path.join(frames.ROOT, "data/lab.onnx"), "-o",
                                  os.path.join(d, "o.mlt"), "--rows", path("csv")]),
        ("model inspect", [MARTLETCTL, "model", "inspect", path("mlt")]),
        ("model bench", [MARTLETCTL, "model", "bench", path("mlt")]),
        ("model run IMAGE", [MARTLETCTL, "model", "run", path("mlt"), rows, "-o", "-"]),
        ("model run ROWS", [MARTLETCTL, "model", "run", image, path("csv"), "-o", "-"]),
        ("model run -o", [MARTLETCTL, "model", "run", image, rows, "-o", path("csv")]),
        ("model push", [MARTLETCTL, "-s", os.path.join(d, "none.sock"), "model", "push", path("mlt")]),
        ("flow features CAPTURE", [MARTLETCTL, "flow", "features", path("pcap")]),
        ("flow features -o", [MARTLETCTL, "flow", "features", os.path.join(frames.ROOT, "tests/fuzz/corpus/pcap/ethernet.pcap"),
                              "-o", path("csv")]),
        ("doctor -c", [MARTLETCTL, "doctor", "-c", path("conf")]),
        ("martlet-load --rows", load + ["--rows", path("csv")]),
        ("martletd -c", [MARTLETD, "-c", path("conf"), "--check"]),
        ("a configuration's image", conf("a.conf", models='{ name = "m"; id = 1; image = "%s"; }' % path("mlt"))),
        ("a configuration's @include", conf("c.conf", more='@include "%s"' % path("inc"))),
    ]


def main():
    tap = Tap()
    image = frames.compile_lab_image()
    with tempfile.TemporaryDirectory() as d:
        rows = os.path.join(d, "rows.csv")
        with open(rows, "w") as f:
            f.write(",".join(["1"] * 41) + "\n")
        held = []

        def make(kind, ending):
            path = os.path.join(d, f"{kind}.{ending}")
            if os.path.lexists(path):
                return path
            if kind == "pipe":
                os.mkfifo(path)
            elif kind == "folder":
                os.mkdir(path)
            elif kind == "socket":
                held.append(socket.socket(socket.AF_UNIX))
                held[-1].bind(path)
            else:
                os.symlink("/dev/zero", path)
            return path

        for kind in ("pipe", "socket", "device", "folder"):
            for name, command in commands(d, lambda ending: make(kind, ending), image, rows):
                try:
                    done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
                    said = f"is not a file but a {kind}" in done.stderr + done.stdout or "is not an ordinary file" in done.stderr
                    tap.check(f"{name}: a {kind}", done.returncode == 1 and said, f"{done.returncode}: {done.stderr[-400:]}{done.stdout[-400:]}")
                except subprocess.TimeoutExpired:
                    tap.check(f"{name}: a {kind}", False, "it waits")
        for s in held:
            s.close()
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
