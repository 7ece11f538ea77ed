#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The package on a machine of its own: a Debian 12 by debootstrap, its systemd started in namespaces. It is installed, starts,
scores, logs with levels, reloads, is upgraded and removed, as a stranger would, by apt and systemctl."""
import json
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "smoke"))
from appliance import BUILD, ROOT, Tap, skip_all
from package import EXPOSURE_MAX, make, sh

FOLDER = os.path.join(os.path.abspath(BUILD), "chroot")
BASE = os.path.join(FOLDER, "base")  # kept between runs
MACHINE = os.path.join(FOLDER, "machine")
CGROUPS = next((d for d in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup") if os.path.exists(d + "/cgroup.procs")), None)
MIRROR = "http://deb.debian.org/debian"
CONF = MACHINE + "/etc/martlet/martletd.conf"
DROP_IN = "/etc/systemd/system/martletd.service.d"
# The folders that systemd expects to be mounted. It gets nothing of this machine but a few devices.
BOOT = r"""
set -e
echo $$ >"$2/cgroup.procs"
exec unshare --mount --pid --fork --net --uts --ipc --cgroup --kill-child sh -ec '
	mount --make-rprivate / && mount --bind "$1" "$1"
	mount -t proc proc "$1/proc" && mount -t sysfs sysfs "$1/sys" && mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
	mount -t tmpfs tmpfs "$1/run" && mount -t tmpfs tmpfs "$1/tmp" && mount -t tmpfs tmpfs "$1/dev"
	for n in null zero full random urandom tty; do : >"$1/dev/$n"; mount --bind "/dev/$n" "$1/dev/$n"; done
	mkdir "$1/dev/pts" "$1/dev/shm" && mount -t tmpfs tmpfs "$1/dev/shm"
	exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$1" /lib/systemd/systemd systemd.unit=multi-user.target
' sh "$1"
"""


def apt(tap, what, *args):
    command = ["chroot", MACHINE, "env", "DEBIAN_FRONTEND=noninteractive", *args]
    done = sh(["unshare", "--mount", "sh", "-c", f'mount -t proc proc {MACHINE}/proc && exec "$@"', "sh", *command], timeout=900)
    return tap.check(what, done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:])


class Machine:
    """systemd on MACHINE; everything there ends with it."""

    def __init__(self):
        self.cgroup = os.path.join(CGROUPS, f"martlet-test-{os.getpid()}")
        os.mkdir(self.cgroup)
        with open(os.path.join(FOLDER, "console.log"), "w") as log:
            self.boot = subprocess.Popen(["sh", "-c", BOOT, "sh", MACHINE, self.cgroup], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = None

    def run(self, *command, **more):
        return sh(["nsenter", "-t", str(self.pid), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", *command], timeout=120, **more)

    def wait(self, command, wanted, seconds=120):
        """Whether what the command prints comes to hold one of `wanted`."""
        end = time.time() + seconds
        while time.time() < end and self.boot.poll() is None:
            children = sh(["pgrep", "-P", str(self.boot.pid)]).stdout.split()
            self.pid = int(children[0]) if children else None
            if self.pid and os.path.realpath(f"/proc/{self.pid}/root") == MACHINE:
                done = self.run(*command)
                if any(w in done.stdout.split() for w in wanted):
                    return True
            time.sleep(0.5)
        return False

    def close(self):
        self.boot.kill()  # unshare's child, which is process 1 there, is killed with it
        self.boot.wait()
        for _ in range(100):
            for at, _, _ in os.walk(self.cgroup, topdown=False):
                try:
                    os.rmdir(at)
                except OSError:
                    pass
            if not os.path.exists(self.cgroup):
                return
            time.sleep(0.1)


def prepared(tap):
    """Two versions of the package, and a machine with the first installed."""
    first = make("deb")
    version = sh([os.path.join(BUILD, "martletd"), "--version"]).stdout.split()[1].split("+")[0]
    names = [f"martlet_{version}_amd64.deb", f"martlet_{version}+next_amd64.deb"]
    if not tap.check("make deb", first.returncode == 0, first.stderr[-2000:]):
        return None
    if not os.path.isdir(BASE):
        os.makedirs(FOLDER, exist_ok=True)
        done = sh(["debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", BASE + ".new", MIRROR], timeout=1500)
        if done.returncode:
            shutil.rmtree(BASE + ".new", ignore_errors=True)
            skip_all("debootstrap could not have Debian's packages: " + done.stdout.strip().splitlines()[-1])
        os.rename(BASE + ".new", BASE)
    shutil.rmtree(MACHINE, ignore_errors=True)
    subprocess.run(["cp", "-a", BASE, MACHINE], check=True)
    os.makedirs(MACHINE + "/var/packages")
    shutil.copy(os.path.join(BUILD, "deb", names[0]), MACHINE + "/var/packages")
    second = make("deb", DEB_VERSION=version + "+next")
    tap.check("make deb of a later version", second.returncode == 0, second.stderr[-2000:])
    shutil.copy(os.path.join(BUILD, "deb", names[1]), MACHINE + "/var/packages")
    apt(tap, "apt-get update", "apt-get", "-qq", "update")
    return names if apt(tap, "apt-get install: its dependencies are all that it needs", "apt-get", "install", "-y", "-qq",
                        "--no-install-recommends", f"/var/packages/{names[0]}") else None


def score(machine):
    done = machine.run("martlet-load", "--device", "net_memif0,role=client,socket=/run/martlet/edge.sock,socket-abstract=no", "--from",
                       "10.77.0.2", "--to", "10.77.0.1", "--no-huge", "--model", "1", "--rows", "/usr/share/martlet/lab-test.csv", "--once",
                       "--json")
    try:
        return json.loads(done.stdout)["status"]["OK"], done.stdout + done.stderr
    except (ValueError, KeyError):
        return None, done.stdout + done.stderr


def installed_block():
    """The commands of the README's that need an installed package: those behind apt-get."""
    with open(os.path.join(ROOT, "README.md")) as f:
        block = re.search(r"^```sh\nmake deb\napt-get install [^\n]*\n(.*?)^```$", f.read(), re.M | re.S)[1]
    return block


def journal(machine):
    done = machine.run("journalctl", "-u", "martletd", "-o", "json", "--no-pager")
    return [(json.loads(line)["PRIORITY"], json.loads(line)["MESSAGE"]) for line in done.stdout.splitlines()]


def is_active(machine):
    return machine.run("systemctl", "is-active", "martletd").stdout.strip()


def rewrite(old, new):
    with open(CONF) as f:
        text = f.read()
    with open(CONF, "w") as f:
        f.write(text.replace(old, new))


def serves(tap, machine):
    tap.check("it is started when it is installed", machine.wait(["systemctl", "is-active", "martletd"], ["active"]),
              machine.run("systemctl", "status", "--no-pager", "martletd").stdout)
    show = dict(line.split("=", 1) for line in machine.run("systemctl", "show", "-p", "User,StatusText,MainPID", "martletd").stdout.splitlines())
    status = machine.run("cat", f"/proc/{show['MainPID']}/status").stdout
    uid = machine.run("id", "-u", "martlet").stdout.strip()
    tap.check("as a user of its own, ready", show["StatusText"] == "Ready." and f"Uid:\t{uid}\t" in status, str(show) + status)
    done = machine.run("sh", "-ec", installed_block())
    tap.check("README.md: the commands for an installed package", done.returncode == 0 and "status OK: 3010" in done.stdout,
              done.stdout[-1500:] + done.stderr[-500:])
    rows, said = score(machine)
    tap.check("it scores what martlet-load sends by memif", rows == 3010, said)
    done = machine.run("systemd-analyze", "security", "--no-pager", f"--threshold={EXPOSURE_MAX}", "martletd")
    tap.check(f"systemd-analyze security: {(done.stdout.strip().splitlines() or ['?'])[-1]}", done.returncode == 0, done.stderr)
    machine.run("useradd", "--no-create-home", "--groups", "martlet", "alice")
    done = machine.run("runuser", "-u", "alice", "--", "martletctl", "model", "push", "/usr/share/martlet/lab.mlt")
    tap.check("a member of its group may push a model", done.returncode == 0, done.stderr)
    machine.run("martletctl", "model", "promote", "lab", "2")
    lines, uid = journal(machine), machine.run("id", "-u", "alice").stdout.strip()
    tap.check("and the journal has it, with its level and user", ("6", f"push: model lab, version 2, by uid {uid}") in lines, str(lines))
    tap.check("what is refused is a warning there", machine.run("martletctl", "model", "promote", "lab", "9").returncode == 1
              and any(p == "4" and "refused" in m for p, m in journal(machine)), str(journal(machine)))


def reloads(tap, machine):
    rewrite("# log = {\n#	level = \"info\"; ", "log = {\n	level = \"debug\"; ")
    rewrite("log changes it, too\n# };", "log changes it, too\n};")
    done = machine.run("systemctl", "reload", "martletd")
    # systemd 252 does not wait for the end of a reload, only for the signal.
    tap.check("systemctl reload takes a log level", done.returncode == 0 and machine.wait(["martletctl", "log"], ["debug"], 30),
              done.stderr + str(journal(machine)[-3:]))
    rewrite("udp_port  = 7797", "udp_port  = 77970")
    done = machine.run("systemctl", "reload", "martletd")
    tap.check("of a wrong file it fails, and says why", done.returncode == 1 and
              any("ports[0].udp_port: 77970 is out of range" in m for _, m in journal(machine)), str(journal(machine)[-3:]))
    tap.check("and serving goes on", is_active(machine) in ("active", "reloading") and score(machine)[0] == 3010)
    rewrite("udp_port  = 77970", "udp_port  = 7797")


def devices(tap, machine):
    """The confined service has what AF_PACKET and AF_XDP take; a veth pair stands for a card."""
    inside = ["nsenter", "-t", str(machine.pid), "-n"]
    for command in ("link add edge0 type veth peer name far0", "link set edge0 up", "link set far0 up", "link set lo up"):
        subprocess.run([*inside, "ip", *command.split()], check=True)
    for interface in ("edge0", "far0"):
        subprocess.run([*inside, "ethtool", "-K", interface, "tx", "off"], capture_output=True)
    memif = "net_memif0,role=server,socket=/run/martlet/edge.sock,socket-abstract=no"
    before = memif
    for device in ("net_af_packet0,iface=edge0", "net_af_xdp0,iface=edge0"):
        rewrite(before, device)
        before = device
        if "af_xdp" in device:
            machine.run("sh", "-ec", f"mkdir -p {DROP_IN} && cp /usr/share/martlet/af_xdp.conf {DROP_IN} && systemctl daemon-reload")
        started = machine.run("systemctl", "restart", "martletd")
        if not tap.check(f"the service starts on {device}", started.returncode == 0, str(journal(machine)[-5:])):
            continue
        done = machine.run("martlet-load", "--device", "net_af_packet1,iface=far0", "--from", "10.77.0.2", "--to", "10.77.0.1",
                           "--no-huge", "--ping", "--requests", "200")
        tap.check("and answers there", done.returncode == 0 and re.search(r"answered [1-9]", done.stdout), done.stdout + done.stderr)
    rewrite(before, memif)
    machine.run("sh", "-ec", f"rm -r {DROP_IN} && systemctl daemon-reload && systemctl restart martletd")


def changes(tap, machine, names):
    version = names[1].split("_")[1]
    done = machine.run("dpkg", "-i", f"/var/packages/{names[1]}")
    tap.check("an upgrade", done.returncode == 0 and machine.wait(["systemctl", "is-active", "martletd"], ["active"]), done.stdout + done.stderr)
    with open(CONF) as f:
        tap.check("keeps a configuration that was changed", 'level = "debug"' in f.read())
    live = {m["name"]: m["live"] for m in json.loads(machine.run("martletctl", "--json", "model", "list").stdout)["models"]}
    tap.check("and what was deployed", live == {"lab": 2}, str(live))
    tap.check("and scores", score(machine)[0] == 3010)
    tap.check("it is the later one", machine.run("dpkg-query", "-W", "-f", "${Version}", "martlet").stdout == version)
    done = machine.run("systemctl", "stop", "martletd")
    tap.check("systemctl stop: drained", done.returncode == 0 and ("6", "drained") in journal(machine)
              and machine.run("systemctl", "show", "-p", "Result", "martletd").stdout == "Result=success\n", str(journal(machine)[-3:]))
    machine.run("systemctl", "start", "martletd")
    done = machine.run("dpkg", "-r", "martlet")
    tap.check("removed: stopped, its configuration and store stay", done.returncode == 0 and is_active(machine) != "active"
              and os.path.exists(CONF) and os.path.exists(MACHINE + "/var/lib/martlet/models/lab/2.mlt"), done.stderr)
    done = machine.run("dpkg", "-P", "martlet")
    left = sh(["find", MACHINE + "/etc", MACHINE + "/usr", MACHINE + "/lib/systemd", MACHINE + "/var/lib/martlet", "-name", "*martlet*"]).stdout
    tap.check("purged: nothing is left", done.returncode == 0 and not left, left + done.stderr)


def main():
    if os.geteuid() or not shutil.which("debootstrap") or not CGROUPS:
        skip_all("needs root, debootstrap (scripts/setup.sh soak) and control groups of version 2")
    tap = Tap()
    names = prepared(tap)
    if names:
        machine = Machine()
        try:
            if machine.wait(["systemctl", "is-system-running"], ["running", "degraded"]):
                serves(tap, machine)
                reloads(tap, machine)
                devices(tap, machine)
                changes(tap, machine, names)
            else:
                tap.skip("the service", "systemd does not start in namespaces here")
        finally:
            machine.close()
    shutil.rmtree(MACHINE, ignore_errors=True)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
