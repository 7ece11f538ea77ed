#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletd --check: what is wrong with devices, queues, memory and drivers, known without starting anything."""
import ctypes
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, MARTLETD, ROOT, Appliance, Tap

SOCKET = "net_memif{},role=server,socket=/run/x.sock,socket-abstract=no"


def ports(*devices, more=""):
    return [f'{{ name = "p{i}"; device = "{d}"; addresses = [ "10.{i}.0.1/24" ]; {more} }}' for i, d in enumerate(devices)]


def bond(*members):
    return ['{ name = "p0"; device = "net_bonding0,mode=1"; addresses = [ "10.0.0.1/24" ]; members = [ '
            + ", ".join(f'"{m}"' for m in members) + " ]; }"]


def check(text, **more):
    a = Appliance(text, **more)
    done = a.check()
    a.close()
    return done


# What is refused, and the sentence's end.
SHARED = (
    (ports("0000:3b:00.0", "3b:00.0"), "port p1: 3b:00.0: port 'p0' has the PCI device 0000:3b:00.0 already"),
    (ports("0000:3b:00.0", "0000:3b:00.0,representor=1"), "has the PCI device 0000:3b:00.0 already"),
    (ports("net_af_packet0,iface=eth1", "net_af_packet1,qpairs=2,iface=eth1"), "port 'p0' has the interface eth1 already"),
    (ports("net_af_packet0,iface=eth1", "net_af_xdp0,iface=eth1"), "has the interface eth1 already"),
    (ports("net_af_packet0,iface=eth1", "net_pcap0,iface=eth1"), "has the interface eth1 already"),
    (ports("net_pcap0,rx_iface=eth1,tx_iface=eth2", "net_af_packet0,iface=eth1"), "has the interface eth1 already"),
    (ports("net_af_xdp0,iface=eth1,start_queue=0,queue_count=2", "net_af_xdp1,iface=eth1,start_queue=2"),
     "has the interface eth1 already"),
    (ports("net_af_xdp0,iface=eth1,start_queue=0", "net_af_xdp1,iface=eth1,start_queue=1"), "has the interface eth1 already"),
    (ports(SOCKET.format(0), SOCKET.format(1)), "has the memif socket /run/x.sock with id 0 (give one another id) already"),
    (ports(SOCKET.format(0) + ",id=7", SOCKET.format(0) + ",secret=x,id=7"), "the memif socket /run/x.sock with id 7"),
    (ports("net_memif0,role=server", "net_memif1,role=server"), "the memif socket /run/memif.sock with id 0"),
    (ports("net_null0", "net_null0,copy=1"), "has the name net_null0 (number them differently"),
    (ports("net_pcap0,rx_pcap=/a,tx_pcap=/tmp/o", "net_pcap1,rx_pcap=/b,tx_pcap=/tmp/o"), "has the capture /tmp/o that both write"),
    (bond("net_af_packet0,iface=eth1", "net_af_packet1,iface=eth1"), "port p0: two of its devices have the interface eth1"),
    (bond("net_af_packet0,iface=eth1", "net_af_packet1,iface=eth2") +
     [p.replace("p0", "p1").replace("10.0.", "10.1.") for p in ports("net_af_packet2,iface=eth2")],
     "port 'p0' has the interface eth2 already"),
)
APART = (
    ports("0000:3b:00.0", "0000:3b:00.1"),
    ports("net_af_packet0,iface=eth1", "net_af_packet1,iface=eth2"),
    ports(SOCKET.format(0), SOCKET.format(0) + ",id=1"),
    ports(SOCKET.format(0), SOCKET.format(1).replace("abstract=no", "abstract=yes")),
    ports("net_memif0,role=server", "net_memif0,role=server,id=1"),
    ports("net_pcap0,rx_pcap=/a,tx_pcap=/tmp/o", "net_pcap1,rx_pcap=/a,tx_pcap=/tmp/p"),
    bond("net_af_packet0,iface=eth1", "net_af_packet1,iface=eth2"),
)


def shared(tap):
    for text, words in SHARED:
        done = check(text)
        tap.check(f"refused: {words}", done.returncode == 1 and words in done.stderr, done.stderr + done.stdout)
    for text in APART:
        done = check(text)
        tap.check(f"good: {text[0].split(';')[1]} and more", done.returncode == 0 and done.stdout.endswith(": good\n"), done.stderr)


def queues(tap):
    two = dict(io=(0, 1)) if os.cpu_count() > 1 else dict(io=(0,), workers=(0,))
    for device, words in (
            ("net_af_packet0,iface=eth1", "has 1 transmit queues, but each of the 2 lcores needs one"),
            ("net_af_packet0,iface=eth1,qpairs=1", "has 1 transmit queues")):
        done = check(ports(device), **two)
        tap.check(f"refused: {device} and two lcores", done.returncode == 1 and words in done.stderr, done.stderr)
    for device in ("net_af_packet0,iface=eth1,qpairs=2", SOCKET.format(0), "net_null0"):
        done = check(ports(device), **two)
        tap.check(f"good: {device} and two lcores", done.returncode == 0, done.stderr)
    done = check(ports("net_af_packet0,iface=eth1,qpairs=2", more="queues = 3;"), **two)
    tap.check("refused: more receive queues than it has", done.returncode == 1 and
              "queues is 3, but net_af_packet0,iface=eth1,qpairs=2 has 2 receive queues" in done.stderr, done.stderr)
    done = check(ports("net_null0"), memory="mbufs = 65536; megabytes = 64;")
    tap.check("refused: memory that is too little", done.returncode == 1 and "memory.megabytes: 64 are too few" in done.stderr,
              done.stderr)


DRIVERS = (  # what is not installed, device, the package that has it
    ("librte_mempool_ring.", ports("net_null0"), "install librte-mempool-ring23"),
    ("librte_bus_vdev.", ports("net_null0"), "install librte-bus-vdev23"),
    ("librte_bus_pci.", ports("0000:3b:00.0"), "install librte-bus-pci23"),
    ("librte_net_null.", ports("net_null0"), "would be librte-net-null23"),
    ("librte_net_af_packet.", ports("net_af_packet0,iface=eth1"), "would be librte-net-af-packet23"),
    ("librte_net_af_packet.", bond("net_af_packet0,iface=eth1"), "would be librte-net-af-packet23"),
    ("librte_net_bond.", bond("net_null0"), "would be librte-net-bond23"),
    ("librte_net_virtio.", ports("net_virtio_user0,path=/x"), "would be librte-net-virtio23"),
    ("librte_net_tap.", ports("net_tun0,iface=tun7"), "would be librte-net-tap23"),
)


def drivers(tap):
    folders = [f for f in glob.glob("/usr/lib/*/dpdk/pmds-*") if os.path.isdir(f)]
    for device in ("net_nonsense0", "net_nonsense5,iface=x"):
        done = check(ports(device))
        tap.check(f"refused: {device}", done.returncode == 1 and "would be librte-net-nonsense23" in done.stderr, done.stderr)
    done = check(ports(SOCKET.format(0)))
    tap.check("a memif server needs no driver", done.returncode == 0, done.stderr)
    if len(folders) != 1 or os.geteuid() or ctypes.CDLL(None, use_errno=True).unshare(0x00020000):  # CLONE_NEWNS
        tap.skip("drivers that are not installed", "needs root, mounts of its own, and DPDK's drivers in one folder")
        return
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    for gone, text, words in DRIVERS:
        with tempfile.TemporaryDirectory() as view:
            for path in glob.glob(folders[0] + "/*"):
                if not os.path.basename(path).startswith(gone):
                    os.symlink("/nowhere", os.path.join(view, os.path.basename(path)))  # its name is all that counts
            subprocess.run(["mount", "--bind", view, folders[0]], check=True)
            try:
                done = check(text)
            finally:
                subprocess.run(["umount", folders[0]], check=True)
        tap.check(f"without {gone}so: {words}", done.returncode == 1 and words in done.stderr, done.stderr + done.stdout)
        done = check(text)
        tap.check("with it: good", done.returncode == 0, done.stderr)


def packages(tap):
    """The packages that ours depends on or recommends are there by these names."""
    with open(os.path.join(ROOT, "scripts", "deb", "control")) as f:
        text = f.read()
    named = set(re.findall(r"librte-[a-z0-9-]+", text))
    tap.check("the package depends on the mempool's driver and both buses", {
        "librte-mempool-ring23", "librte-bus-vdev23", "librte-bus-pci23"} <= set(re.findall(
            r"librte-[a-z0-9-]+", text.split("Recommends:")[0])) and "librte-net-bond23" in named, named)
    if not shutil.which("dpkg-query"):
        tap.skip("packages by their names", "no dpkg")
        return
    there = set(subprocess.run(["dpkg-query", "-W", "-f", "${Package}\n", "librte-*"], capture_output=True,
                               text=True).stdout.split())
    tap.check("and each has that name", named <= there, named - there)


def spoil(path):
    with open(path, "a") as f:
        f.write("7 and nothing more\n")


def files(tap):
    """Files of keys, tokens and certificates are read as a start reads them; none is made."""
    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: os.path.join(folder, name)
        for command in (["model", "encryption-key", "-o", at("image.key")], ["key", "generate", "gate", "--keys", at("wire.keys")],
                        ["token", "create", "ada", "--role", "viewer", "--file", at("tokens")]):
            subprocess.run([MARTLETCTL, *command], check=True, capture_output=True)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=x",
                        "-keyout", at("tls.key"), "-out", at("tls.crt")], check=True, capture_output=True)
        with open(at("audit.key"), "w") as f:
            f.write(f"martlet-audit-secret {'ab' * 32}\n")
        os.chmod(at("audit.key"), 0o600)
        os.chmod(at("tls.key"), 0o600)
        named = dict(process=f'user = ""; }}; trust = {{ keys = "{at("wire.keys")}"; tokens = "{at("tokens")}"; image_keys = [ "{at("image.key")}", "credential:x" ]; '
                           f'audit_key = "{at("audit.key")}";',
                     control=f'http = ( {{ listen = "127.0.0.1:1"; serves = [ "metrics" ]; tls = {{ certificate = "{at("tls.crt")}"; key = "{at("tls.key")}"; }}; }} );')
        done = check(ports("net_ring0"), **named)
        tap.check("good files are good", done.returncode == 0, done.stderr)
        for name, key, bend, words in (("tokens", "trust.tokens", lambda path: os.chmod(path, 0o666), "others can"),
                                       ("image.key", "trust.image_keys", lambda path: os.chmod(path, 0o644), "others can read this secret"),
                                       ("audit.key", "trust.audit_key", lambda path: os.truncate(path, 30), "64 hexadecimal digits"),
                                       ("tls.crt", "control.http[0].tls", lambda path: os.truncate(path, 60), ""),
                                       ("wire.keys", "trust.keys", spoil, "")):
            with open(at(name), "rb") as f:
                before, mode = f.read(), os.fstat(f.fileno()).st_mode & 0o777
            bend(at(name))
            done = check(ports("net_ring0"), **named)
            tap.check(f"what is wrong with {name} is said", done.returncode == 1 and f": {key}: {at(name)}" in done.stderr and words in done.stderr and
                      done.stderr.count("\n") == 1, done.stderr)
            with open(at(name), "wb") as f:
                f.write(before)
            os.chmod(at(name), mode)
        os.chmod(at("tokens"), 0o666)
        os.chmod(at("image.key"), 0o644)
        os.truncate(at("tls.key"), 0)
        done = check(ports("net_ring0"), **named)
        tap.check("each mistake is said", done.returncode == 1 and all(f": {key}: " in done.stderr for key in (
            "trust.tokens", "trust.image_keys", "control.http[0].tls")) and done.stderr.count("\n") == 3, done.stderr)
        os.remove(at("audit.key"))
        os.chmod(at("tokens"), 0o600)
        os.remove(at("tokens"))
        there = sorted(os.listdir(folder))
        done = check(ports("net_ring0"), **named)
        tap.check("what a start makes may be missing, and is not made", "trust.audit_key" not in done.stderr and "trust.tokens" not in done.stderr and
                  sorted(os.listdir(folder)) == there, done.stderr + str(os.listdir(folder)))


def somebody(tap):
    """Who is not root checks a configuration of another's, reading its files as himself."""
    if os.geteuid() != 0:
        tap.skip("who is not root checks for another user", "only root can become him")
        return
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(MARTLETD, folder)  # wherever it was built, he reaches it
        named = dict(process=f'user = "daemon"; }}; trust = {{ keys = "{folder}/keys";')
        subprocess.run([MARTLETCTL, "key", "generate", "gate", "--keys", f"{folder}/keys"], check=True, capture_output=True)
        a = Appliance(ports("net_ring0"), **named)
        conf = shutil.copy(a.conf, folder)
        a.close()
        os.chmod(conf, 0o644)
        ask = lambda: subprocess.run([program, "-c", conf, "--check"], capture_output=True, text=True, user=65534, group=65534,
                                     extra_groups=[], cwd="/")
        done = ask()
        tap.check("what he may not read is said", done.returncode == 1 and f"trust.keys: {folder}/keys" in done.stderr and
                  "process.user" not in done.stderr, done.stderr)
        os.chown(f"{folder}/keys", 65534, 65534)
        done = ask()
        tap.check("good files are good, whoever process.user is", done.returncode == 0, done.stderr)
        with open(conf) as f:
            text = f.read()
        with open(conf, "w") as f:
            f.write(text.replace('"daemon"', '"no-such-user"'))
        done = ask()
        tap.check("a user that is not there is said to anybody", done.returncode == 1 and "there is no user 'no-such-user'" in done.stderr,
                  done.stderr)


def main():
    tap = Tap()
    shared(tap)
    queues(tap)
    packages(tap)
    drivers(tap)
    files(tap)
    somebody(tap)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
