#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A client whose kernel leaves UDP checksums to offload, as over a veth: recognised and named with checksum = "verify",
served with "trust", over AF_PACKET and AF_XDP, IPv4 and IPv6."""
import os
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import PING, SCORE, Appliance, FarEnd, Reply, Tap, enter_private_network, request, sh, skip_all, wait_for

PORT = 7797
CLIENTS = (("IPv4", socket.AF_INET, "10.77.0.1"), ("IPv6", socket.AF_INET6, "fd00:77::1"))


def ask(a, family, address, n=3):
    """How many of n PINGs and requests (for a model that is not there) were answered, each given its time."""
    answered = 0
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(0.3)
        for i in range(n):
            before = a.counters()["received"]
            s.sendto(request(b"any bytes", type=SCORE if i % 2 else PING, request_id=i), (address, PORT))
            end = time.time() + 20
            while a.counters()["received"] == before and time.time() < end:
                time.sleep(0.02)
            try:
                while Reply(s.recv(65535)).request_id != i:
                    pass
                answered += 1
            except socket.timeout:
                pass
    return answered


def resolve(address):
    """Neighbour discovery first, so that what is counted later is requests."""
    end = time.time() + 20
    while subprocess.run(f"ping -c1 -W1 {address}", shell=True, stdout=subprocess.DEVNULL).returncode and time.time() < end:
        pass


def port(a):
    return a.api("GET", "/v1/ports")[1]["ports"][0]


def verify(tap, a, what):
    for name, family, address in CLIENTS:
        bad, left = a.drops()["bad_l4_checksum"], port(a)["unfinished_checksums"]
        answered = ask(a, family, address)
        tap.check(f"{what}: verify: {name}: none is answered, each is dropped as bad_l4_checksum", answered == 0
                  and a.drops()["bad_l4_checksum"] == bad + 3, f"{answered} {a.drops()}")
        tap.check(f"{what}: verify: {name}: each is recognised", port(a)["unfinished_checksums"] == left + 3, str(port(a)))
    told = wait_for(lambda: [line for line in a.log_text().splitlines() if "left to offload" in line])
    tap.check(f"{what}: verify: the log says once what to do", len(told) == 1 and "ethtool -K IF tx off" in told[0]
              and 'checksum = "trust"' in told[0], a.log_text())
    text = next(d["text"] for d in a.api("GET", "/v1/drops")[1]["drops"] if d["name"] == "bad_l4_checksum")
    tap.check(f"{what}: verify: the drop's text does, too", "ethtool -K IF tx off" in text and 'checksum = "trust"' in text, text)
    out = a.ctl("status").stdout
    tap.check(f"{what}: verify: and martletctl status", "edge: 6 requests dropped, their UDP checksums left to offload" in out, out)
    tap.check(f"{what}: verify: and the metrics", 'martlet_port_unfinished_checksums_total{port="edge"} 6\n' in a.api("GET", "/metrics")[1])
    sh("ethtool -K veth-c tx off")
    for name, family, address in CLIENTS:
        tap.check(f"{what}: verify: {name}: after ethtool -K veth-c tx off all are answered", ask(a, family, address) == 3)


def trust(tap, a, what):
    for name, family, address in CLIENTS:
        tap.check(f"{what}: trust: {name}: all are answered", ask(a, family, address) == 3, str(a.drops()))
    tap.check(f"{what}: trust: nothing is dropped for a checksum, nothing said", a.drops()["bad_l4_checksum"] == 0
              and "offload" not in a.log_text(), a.log_text())
    doctor = a.ctl("doctor", "-c", a.conf, check=False).stdout
    tap.check(f"{what}: trust: the doctor is content", "is virtual" not in doctor, doctor)


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    for device in ("net_af_packet0", "net_af_xdp0"):
        for policy, check in (("verify", verify), ("trust", trust)):
            far = FarEnd()
            try:
                sh("ethtool -K veth-c tx on")
                sh("ip addr add 10.77.0.2/24 dev veth-c")
                sh("ip addr add fd00:77::2/64 dev veth-c nodad")
                more = 'checksum = "trust";' if policy == "trust" else ""
                ports = [f'{{ name = "edge"; device = "{device},iface=veth-m"; addresses = [ "10.77.0.1/24", "fd00:77::1/64" ]; {more} }}']
                with Appliance(ports, netns=far.pid, mbufs=16384) as a:
                    a.start()
                    for _, _, address in CLIENTS:
                        resolve(address)
                    a.mark_at_rest(slack=64)
                    check(tap, a, device)
                    tap.check(f"{device}: {policy}: received = replied + drops, mempool full", not a.balanced(), a.balanced())
                    tap.check(f"{device}: {policy}: SIGTERM, exit 0", a.stop() == 0, a.log_text())
            finally:
                far.close()
                subprocess.run("ip link del veth-c", shell=True, stderr=subprocess.DEVNULL)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
