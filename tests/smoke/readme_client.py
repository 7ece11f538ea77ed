#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The Python client in the README, taken from there and used against a martletd on a veth pair."""
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import ROOT, Appliance, FarEnd, Tap, enter_private_network, sh, skip_all


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    with open(os.path.join(ROOT, "README.md")) as f:
        code = re.search(r"```python\n(.*?)```", f.read(), re.S).group(1)
    tap.check("it is about 30 lines", len(code.splitlines()) <= 36)
    client = {}
    exec(compile(code, "README.md", "exec"), client)
    far = FarEnd()
    sh("ip addr add 10.77.0.2/24 dev veth-c")
    image = frames.compile_lab_image()
    port = '{ name = "edge"; device = "net_af_packet0,iface=veth-m"; addresses = [ "10.77.0.1/24" ]; }'
    with Appliance([port], models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}'], netns=far.pid) as a:
        a.start()
        columns = a.api("GET", "/v2/models/lab")[1]["inputs"][0]["shape"][-1]
        rows = [[float(i + j) for i in range(columns)] for j in range(3)]
        version, scores = client["score"]("10.77.0.1", 7, rows, tries=20)
        tap.check("three rows are scored by version 1", version == 1 and len(scores) == 3 and len(scores[0]) >= 1)
        try:
            client["score"]("10.77.0.1", 9, rows)
            tap.check("an unknown model is told", False)
        except RuntimeError as e:
            tap.check("an unknown model is told", str(e) == "NO_MODEL")
    far.close()
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
