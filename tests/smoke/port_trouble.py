#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What is wrong with a port is told: a link down, an interface gone, in status, metrics, log (once) and readiness by
control.ready_ports, and that it is right again: also where the interface was made anew under its name, under load. A
memif port without a peer is not in trouble."""
import os
import re
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Appliance, FarEnd, Tap, enter_private_network, request, sh, skip_all, wait_for

PACKET = '{ name = "edge"; device = "net_af_packet0,iface=veth-m"; addresses = [ "10.77.0.1/24" ]; }'
MEMIF = ('{ name = "side"; device = "net_memif0,role=server,socket=martlet-trouble-%d"; addresses = [ "10.78.0.1/24" ]; }'
         % os.getpid())


def port(a, name="edge"):
    return next(p for p in a.api("GET", "/v1/status")[1]["ports"] if p["name"] == name)


def metric(a, name):
    return int(re.search(rf'^martlet_{name} (\d+)$', a.api("GET", "/metrics")[1], re.M).group(1))


def said(a, words):
    return [line for line in a.log_text().splitlines() if words in line]


def told(tap, a, what, words, ready):
    """The trouble is told everywhere, and the log tells it once."""
    tap.check(f"{what}: status says so", wait_for(lambda: words in port(a).get("trouble", "")), str(port(a)))
    p = port(a)
    tap.check(f"{what}: the link is not up, and since when", not p["link_up"]
              and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", p.get("trouble_since", "")), str(p))
    tap.check(f"{what}: metrics", (metric(a, 'port_up{port="edge"}'), metric(a, 'port_trouble{port="edge"}'),
                                   metric(a, "ready")) == (0, 1, ready))
    status, body = a.api("GET", "/v2/health/ready")
    state = a.api("GET", "/v1/status")[1]["state"]
    tap.check(f"{what}: {'ready' if ready else 'not ready'} by the policy", (status, state) == ((200, "ready") if ready else (503, "not ready"))
              and (ready or words in str(body)), f"{status} {state} {body}")
    out = a.ctl("status").stdout
    tap.check(f"{what}: martletctl status", f"edge: {p['trouble']} (since 20" in out and " down " in out, out)
    # Since it was right last: a link that comes up may have no carrier for a moment.
    lines = [line for line in a.log_text().rsplit("right again after", 1)[-1].splitlines()[1:] if words in line]
    tap.check(f"{what}: the log, once, as a warning", len(lines) == 1 and "warning" in lines[0], a.log_text())


def well(tap, a, what, n):
    tap.check(f"{what}: right again", wait_for(lambda: "trouble" not in port(a)) and port(a)["link_up"], str(port(a)))
    tap.check(f"{what}: ready, metrics", a.api("GET", "/v2/health/ready")[0] == 200
              and (metric(a, 'port_up{port="edge"}'), metric(a, 'port_trouble{port="edge"}'), metric(a, "ready")) == (1, 0, 1))
    tap.check(f"{what}: the log says after how long", len(said(a, "port edge: right again after")) >= n, a.log_text())


def answers(a):
    """Whether a ping from the near end is answered: through the whole dataplane."""
    return wait_for(lambda: subprocess.run("ping -c1 -W1 10.77.0.1", shell=True, stdout=subprocess.DEVNULL).returncode == 0)


def end(far):
    far.close()
    subprocess.run("ip link del veth-c", shell=True, stderr=subprocess.DEVNULL)


def far_mac(far):
    out = subprocess.run(f"nsenter -t {far.pid} -n ip -o link show veth-m", shell=True, capture_output=True, text=True).stdout
    return re.search(r"link/ether (\S+)", out).group(1)


def one_port(tap):
    far = FarEnd()
    in_far = f"nsenter -t {far.pid} -n "
    sh("ip addr add 10.77.0.2/24 dev veth-c")
    try:
        with Appliance([PACKET], netns=far.pid) as a:
            a.start()
            a.mark_at_rest()
            tap.check("at start: nothing is wrong, and it answers", "trouble" not in port(a) and answers(a), str(port(a)))
            sh(in_far + "ip link set veth-m down")
            told(tap, a, "link set down", "interface veth-m is down: ip link set veth-m up", 0)
            sh(in_far + "ip link set veth-m up")
            well(tap, a, "link set up", 1)
            tap.check("link set up: it answers", answers(a))
            sh("ip link set veth-c down")
            told(tap, a, "the other end down", "interface veth-m has no carrier", 0)
            sh("ip link set veth-c up")
            well(tap, a, "the other end up", 2)
            sh(in_far + "ip link set veth-m mtu 1400")
            tap.check("a smaller mtu: told", wait_for(lambda: "has an mtu of 1400, less than the port's 1500: ip link set veth-m mtu 1500"
                                                      in port(a).get("trouble", "")) and port(a)["link_up"], str(port(a)))
            sh(in_far + "ip link set veth-m mtu 1500")
            well(tap, a, "the mtu as before", 3)
            sh(in_far + "ip link del veth-m")
            told(tap, a, "interface deleted", "interface veth-m is gone", 0)
            for i in range(3):
                sh("ip link add veth-c type veth peer name veth-m")
                sh(f"ip link set veth-m netns {far.pid}")
                if i == 1:
                    sh(in_far + "ip link set veth-m mtu 1000")
                sh("ip link set veth-c up; ip addr add 10.77.0.2/24 dev veth-c")
                if i == 1:
                    told(tap, a, "made anew with too small an mtu", "another cannot be opened: port edge: mtu is 1500, but interface veth-m has one of 1000", 0)
                    sh(in_far + "ip link set veth-m mtu 1500")
                sh(in_far + "ip link set veth-m up")
                well(tap, a, f"made anew, {i}", 4 + i)
                tap.check(f"made anew, {i}: it answers, from the new interface's MAC", answers(a) and port(a)["mac"] == far_mac(far), str(port(a)))
                if i < 2:
                    sh(in_far + "ip link del veth-m")
                    tap.check(f"deleted again, {i}", wait_for(lambda: "is gone" in port(a).get("trouble", "")), str(port(a)))
            moved(tap, a, far, in_far)
            tap.check("received = replied + drops, mempool full", not a.balanced(), a.balanced())
            tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text())
    finally:
        end(far)


def moved(tap, a, far, in_far):
    """An interface that was in another namespace comes back with the number that it had, but without our socket."""
    sh(in_far + f"ip link set veth-m netns {os.getpid()}")
    tap.check("moved away: it is gone", wait_for(lambda: "is gone" in port(a).get("trouble", "")), str(port(a)))
    sh(f"ip link set veth-m netns {far.pid}")
    sh(in_far + "ip link set veth-m up; ip link set veth-c up")
    tap.check("moved back: it answers", wait_for(lambda: "trouble" not in port(a)) and answers(a), str(port(a)))


def under_load(tap):
    """Deleted and made anew again and again, while requests come and workers have some of them in hand."""
    far = FarEnd()
    in_far = f"nsenter -t {far.pid} -n "
    stop = threading.Event()

    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setblocking(False)
            while not stop.is_set():
                try:
                    for i in range(64):
                        s.sendto(request(b"any bytes", type=1 + 2 * (i % 2), request_id=i), ("10.77.0.1", 7797))
                except OSError:
                    pass
                time.sleep(0.001)
    sender = threading.Thread(target=send)
    try:
        cpus = dict(io=(0,), workers=(1,)) if os.cpu_count() > 1 else dict(io=(0,))
        with Appliance([PACKET.replace("veth-m", "veth-m,qpairs=2"), MEMIF], netns=far.pid, **cpus) as a:
            a.start()
            a.mark_at_rest(slack=64)
            sender.start()
            rounds = 0
            for i in range(5):
                sh("ip addr add 10.77.0.2/24 dev veth-c; ethtool -K veth-c tx off")
                sh(f"ip neigh replace 10.77.0.1 lladdr {port(a)['mac']} dev veth-c")
                before = a.counters()["replied"]
                replied = wait_for(lambda: a.counters()["replied"] > before + 200)
                sh(in_far + "ip link del veth-m")
                gone = wait_for(lambda: "is gone" in port(a).get("trouble", ""))
                sh(f"ip link add veth-c type veth peer name veth-m netns {far.pid}; ip link set veth-c up")
                sh(in_far + "ip link set veth-m up")
                rounds += replied and gone and wait_for(lambda: "trouble" not in port(a))
            stop.set()
            sender.join()
            tap.check("under load: five times away and back, and answering each time", rounds == 5, f"{rounds} {port(a)} {a.log_text()}")
            tap.check("under load: received = replied + drops, mempool full", not a.balanced(), a.balanced())
            tap.check("under load: SIGTERM, exit 0", a.stop() == 0, a.log_text())
    finally:
        stop.set()
        end(far)


def policies(tap):
    for policy, ready in (("any", 1), ("all", 0), ("none", 1)):
        far = FarEnd()
        try:
            with Appliance([PACKET, MEMIF], netns=far.pid, control=f'ready_ports = "{policy}";') as a:
                a.start()
                tap.check(f"{policy}: ready at start; a memif port without a peer is in no trouble",
                          a.api("GET", "/v2/health/ready")[0] == 200 and "trouble" not in port(a, "side"), str(port(a, "side")))
                sh(f"nsenter -t {far.pid} -n ip link set veth-m down")
                told(tap, a, f"one of two ports down, {policy}", "interface veth-m is down", ready)
        finally:
            end(far)
    far = FarEnd()
    try:
        with Appliance([PACKET], netns=far.pid, control='ready_ports = "none";') as a:
            a.start()
            sh(f"nsenter -t {far.pid} -n ip link set veth-m down")
            told(tap, a, "the only port down, none", "interface veth-m is down", 1)
    finally:
        end(far)


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    one_port(tap)
    under_load(tap)
    policies(tap)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
