#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Memory that is barely too little, and drivers of DPDK that are not installed: martletd ends with a sentence that says
what would do, and never by a panic of DPDK. "auto" is enough for ports, queues and workers of any number."""
import ctypes
import glob
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETD, Appliance, Tap, skip_all

ADDRESSES = '[ "10.77.0.%d/24" ]'


def port(device, n=1, more=""):
    return f'{{ name = "p{n}"; device = "{device}"; addresses = {ADDRESSES % n}; {more} }}'


def started(a):
    """(exit status or None where it runs, its last line)"""
    try:
        a.start()
        return None, ""
    except RuntimeError:
        lines = [line for line in a.log_text().strip().splitlines() if line.strip()]
        return a.proc.poll(), lines[-1] if lines else ""


def attempt(ports, memory, **more):
    with Appliance(ports, memory=memory, **more) as a:
        return started(a)


def ends_well(status, last):
    return status is None or (status == 1 and last.startswith("martletd: ") and "memory." in last)


def barely_short(tap, device):
    """64 MiB, of which scratch memory takes all but ever more: each way to be short comes up."""
    low, high = 16000, 64000  # KiB of scratch with which it starts, and with which it does not
    seen, wrong = [], []

    def try_one(scratch):
        status, last = attempt([port(device)], f"mbufs = 1024; megabytes = 64; scratch_kilobytes = {scratch};")
        seen.append(status)
        if not ends_well(status, last):
            wrong.append(f"scratch {scratch}: {status}: {last[-300:]}")
        return status is None

    while high - low > 400:
        middle = (low + high) // 2
        low, high = (middle, high) if try_one(middle) else (low, middle)
    for scratch in range(high - 700, high + 2300, 250):
        try_one(scratch)
    tap.check(f"{device}: it starts, or ends with a sentence", not wrong, "\n# ".join(wrong))
    tap.check(f"{device}: both happened", None in seen and 1 in seen, str(seen))


def told_at_once(tap, d):
    with Appliance([port("net_ring0")], memory="mbufs = 65536; megabytes = 128;") as a:
        done = subprocess.run([MARTLETD, "-c", a.conf, "--check"], capture_output=True, text=True)
        tap.check("--check tells, with what would do", done.returncode == 1 and "memory.megabytes: 128 are too few" in done.stderr
                  and 'or "auto"' in done.stderr, done.stderr)
        enough = int(done.stderr.rsplit("say ", 1)[1].split(",")[0])
    tap.check("which does", attempt([port("net_ring0")], f"mbufs = 65536; megabytes = {enough};") == (None, ""), str(enough))


def auto(tap):
    auto = 'mbufs = "auto"; megabytes = "auto";'
    cases = (("one port", [port("net_ring0")], {}),
             ("long frames", [port("net_null0", more="mtu = 9000; queues = 1;")], {}),
             ("three ports, two of them queues each", [port(f"net_null{n}", n + 1, "queues = 2;") for n in range(3)],
              {"io": (0, 1)}),
             ("workers", [port("net_ring0")], {"io": (0,), "workers": (0, 1)}),
             ("large rings", [port("net_ring0")], {"io": (0,), "workers": (1,), "extra": "ring_size = 65536;"}),
             ("large scratch", [port("net_ring0")], {"memory": auto + " scratch_kilobytes = 262144;"}))
    for name, ports, more in cases:
        status, last = attempt(ports, more.pop("memory", auto), **more)
        tap.check(f"auto: {name}", status is None, f"{status}: {last}")


def without_drivers(tap, d):
    """In mounts of our own, DPDK's folder of drivers without some of them."""
    folders = [f for f in glob.glob("/usr/lib/*/dpdk/pmds-*") if os.path.isdir(f)]
    if len(folders) != 1:
        tap.skip("drivers that are not installed", f"DPDK's drivers are in {folders}")
        return
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    for name, gone, device, word in (
            ("the mempool's", "librte_mempool_ring.", "net_ring0", "install librte-mempool-ring23"),
            ("the virtual bus", "librte_bus_vdev.", "net_null0", "install librte-bus-vdev23"),
            ("af_packet's", "librte_net_af_packet.", "net_af_packet0,iface=lo", "librte-net-af-packet23")):
        view = os.path.join(d, gone)
        os.mkdir(view)
        for path in glob.glob(folders[0] + "/*"):
            base = os.path.basename(path)
            # The virtual bus is needed by each driver of a virtual device.
            kept = base.startswith(("librte_mempool_ring.", "librte_bus_vdev.", "librte_bus_pci.", "librte_net_null.", "librte_net_ring.", "librte_net_af_packet."))
            if kept and not base.startswith(gone) and not (gone == "librte_bus_vdev." and base.startswith("librte_net")):
                shutil.copy(path, view, follow_symlinks=False)
        subprocess.run(["mount", "--bind", view, folders[0]], check=True)
        try:
            status, last = attempt([port(device)], 'mbufs = 1024; megabytes = 64; scratch_kilobytes = 1024;')
        finally:
            subprocess.run(["umount", folders[0]], check=True)
        tap.check(f"without {name} driver: its package is named", status == 1 and word in last, f"{status}: {last}")


def main():
    if os.geteuid():
        skip_all("needs root")
    tap = Tap()
    with tempfile.TemporaryDirectory() as d:
        barely_short(tap, "net_ring0")
        told_at_once(tap, d)
        auto(tap)
        if ctypes.CDLL(None, use_errno=True).unshare(0x00020000):  # CLONE_NEWNS
            tap.skip("drivers that are not installed", "needs mounts of its own")
        else:
            without_drivers(tap, d)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
