#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Least power: from the start on martletd is a user of its own, with the capabilities that its devices need and no others, and a system
call that it has no use for would end it (seccomp = "kill"). With memif, AF_PACKET, AF_XDP, TAP and hugepages, through all that the API
can ask for: pushed, promoted, compared, rolled back, reloaded, certificates changed, drained with a hook; a store that root left is its."""
import glob
import os
import pwd
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import LOAD, MARTLETCTL, ROOT, Appliance, FarEnd, Tap, enter_private_network, self_signed, sh, skip_all, wait_for

USER = "nobody"  # whom every machine has
UID = pwd.getpwnam(USER).pw_uid
PROCESS = f'user = "{USER}"; seccomp = "kill";'
NET_ADMIN, NET_RAW = 1 << 12, 1 << 13
TLS = 7843
HUGEPAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"


class Confined(Appliance):
    """In a folder that its user may look into, as /run/martlet is."""

    def __init__(self, *args, **more):
        super().__init__(*args, process=PROCESS, **more)
        os.chmod(self.dir, 0o755)


def threads(pid):
    """What /proc says of each thread that runs code of martletd's: io_uring's are the kernel's."""
    for path in glob.glob(f"/proc/{pid}/task/*/status"):
        with open(path) as f:
            fields = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        if not fields["Name"].startswith("iou-"):
            yield fields


def powers(tap, a, device, wanted):
    """Every thread of it has given up what it has to."""
    all_of = list(threads(a.proc.pid))
    tap.check(f"{device}: all {len(all_of)} threads are the user's", all(set(t["Uid"].split() + t["Gid"].split()) <= {str(UID), str(pwd.getpwnam(USER).pw_gid)}
                                                                        for t in all_of), str([t["Uid"] for t in all_of]))
    for name, most in (("CapEff", wanted), ("CapPrm", wanted), ("CapBnd", wanted), ("CapInh", 0), ("CapAmb", 0)):
        tap.check(f"{device}: {name} is {most:x}", all(int(t[name], 16) == most for t in all_of), str([t[name] for t in all_of]))
    tap.check(f"{device}: a filter of system calls, and no new privileges", all((t["Seccomp"], t["NoNewPrivs"]) == ("2", "1") for t in all_of),
              str([(t["Name"], t["Seccomp"], t["NoNewPrivs"]) for t in all_of]))
    said = a.api("GET", "/v1/status")[1]["process"]
    tap.check(f"{device}: status says so", (said["user"], said["cap_eff"], said["seccomp"], said["no_new_privs"]) ==
              (USER, f"{wanted:016x}", "kill", True), str(said))
    names = [name for bit, name in ((NET_ADMIN, "net_admin"), (NET_RAW, "net_raw")) if wanted & bit]
    tap.check(f"{device}: martletctl status, too", f"user {USER}, capabilities {', '.join(names) or 'none'}, seccomp kill" in a.ctl("status").stdout,
              a.ctl("status").stdout)


def ended(tap, a, what):
    tap.check(f"{what}: it ends by itself, with 0", a.stop() == 0, f"{a.proc.returncode} {a.log_text()[-800:]}")


def everything(tap, image, other):
    """All that an operator asks for, over memif."""
    folder = tempfile.mkdtemp(prefix="martlet-tls-")
    cert, key = self_signed(folder)
    os.chmod(folder, 0o755)
    os.chmod(key, 0o644)  # of a test; in service: the group's
    memif = '{ name = "edge"; device = "net_memif0,role=server,socket=%s/edge.sock,socket-abstract=no"; addresses = [ "10.77.0.1/24" ]; }'
    a = Confined(["PORT"], models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}'], control=f"""drain_grace = 1;
        drain_hook = "id -u > HERE/hook; sleep 0.2"; http = ( {{ listen = "127.0.0.1:{TLS}"; serves = [ "infer", "metrics" ];
        tls = {{ certificate = "{cert}"; key = "{key}"; }}; }} );""")
    with open(a.conf) as f:
        text = f.read().replace("PORT", memif % a.dir).replace("HERE", a.dir)
    with open(a.conf, "w") as f:
        f.write(text)
    try:
        a.start()
        powers(tap, a, "memif", 0)
        load = subprocess.run([LOAD, "--device", f"net_memif0,role=client,socket={a.dir}/edge.sock,socket-abstract=no", "--from", "10.77.0.2", "--to",
                               "10.77.0.1", "--no-huge", "--json", "--model", "7", "--rows", f"{ROOT}/data/lab-test.csv", "--requests", "2000",
                               "--timeout-ms", "10000", "--link-timeout-ms", "20000"], capture_output=True, text=True)
        tap.check("memif: rows are scored", load.returncode == 0, load.stdout[-600:] + load.stderr[-300:])
        tap.check("the process that runs the hook is there, and none of martletd's descriptors",
                  len(os.listdir(f"/proc/{child_of(a.proc.pid)}/fd")) <= 5, str(os.listdir(f"/proc/{child_of(a.proc.pid)}/fd")))
        for words in (["model", "push", other], ["model", "list"], ["model", "show", "lab"], ["model", "canary", "lab:2", "--permille", "500"],
                      ["model", "history", "lab"], ["model", "promote", "lab:2"], ["model", "rollback", "lab"], ["model", "pin", "lab:2"],
                      ["model", "unpin", "lab:2"], ["stats"], ["drops"], ["ports"], ["lcores"], ["latency"], ["log", "debug"], ["log", "info"],
                      ["announce"], ["model", "unload", "lab"], ["model", "load", "lab"], ["model", "delete", "lab:2"]):
            done = a.ctl(*words, check=False)
            tap.check(f"martletctl {' '.join(words[:2])}", a.proc.poll() is None and (done.returncode == 0 or words[0] == "announce"),
                      done.stdout + done.stderr + a.log_text()[-500:])
        infer = {"inputs": [{"name": "rows", "datatype": "FP32", "shape": [1, 41], "data": [0.5] * 41}]}
        status, answer = wait_for(lambda: (lambda r: r if r[0] == 200 else None)(a.api("POST", "/v2/models/lab/infer", infer))) or (0, "")
        tap.check("a row by REST", status == 200, str(answer))
        first = certificate()
        with tempfile.TemporaryDirectory() as fresh:
            new = self_signed(fresh)
            for path, to in zip(new, (cert, key)):
                shutil.copy(path, to + ".new")
                os.chmod(to + ".new", 0o644)
                os.replace(to + ".new", to)
        tap.check("a certificate that was replaced is served", wait_for(lambda: certificate() != first), a.log_text()[-500:])
        with open(a.conf) as f:
            text = f.read()
        with open(a.conf, "w") as f:
            f.write(text.replace("drain_grace = 1", "drain_grace = 2"))
        a.proc.send_signal(signal.SIGHUP)
        tap.check("SIGHUP takes the configuration over", wait_for(lambda: "taken over: control.drain_grace" in a.log_text()), a.log_text()[-500:])
        store = [os.path.join(at, name) for at, _, names in os.walk(f"{a.dir}/store") for name in names]
        tap.check("the store is the user's", store and {os.stat(path).st_uid for path in store} == {UID}, str(store))
        ended(tap, a, "memif")
        with open(f"{a.dir}/hook") as f:
            said = f.read().strip()
        tap.check("the hook ran, with the rights that martletd was started with", said == "0" and "drain_hook: done" in a.log_text(), said)
        a.start()
        tap.check("started again on the same store: the model is back", a.api("GET", "/v2/models/lab/ready")[0] == 200, a.log_text()[-500:])
        ended(tap, a, "memif again")
    finally:
        a.close()
        shutil.rmtree(folder)


def child_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return int(f.read().split()[0])


def certificate():
    try:
        return ssl.get_server_certificate(("127.0.0.1", TLS))
    except OSError:
        return None


def ping(interface="veth-c"):
    return wait_for(lambda: subprocess.run(["ping", "-c1", "-W1", "10.77.0.1"], stdout=subprocess.DEVNULL).returncode == 0)


def packets(tap, kind, driver, image):
    """A port on one end of a veth pair; AF_PACKET's is opened anew after its interface went."""
    far = FarEnd()
    sh("ip addr add 10.77.0.2/24 dev veth-c")
    device = f'{{ name = "edge"; device = "{driver}0,iface=veth-m"; addresses = [ "10.77.0.1/24" ]; }}'
    in_far = f"nsenter -t {far.pid} -n "
    try:
        with Confined([device], netns=far.pid, models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}']) as a:
            a.start()
            powers(tap, a, kind, NET_ADMIN | NET_RAW)
            tap.check(f"{kind}: it answers", ping(), a.log_text()[-500:])
            if driver == "net_af_packet":
                sh(in_far + "ip link del veth-m")
                wait_for(lambda: "is gone" in str(a.api("GET", "/v1/status")[1]["ports"]))
                sh(f"ip link add veth-c type veth peer name veth-m; ip link set veth-m netns {far.pid}; ip link set veth-c up; "
                   "ip addr add 10.77.0.2/24 dev veth-c")
                sh(in_far + "ip link set veth-m up")
                tap.check(f"{kind}: the interface is back, opened anew by the user, and answers", ping(), a.log_text()[-500:])
            elif driver == "net_af_xdp":
                sh(in_far + "ip link set dev veth-m xdp off")
                tap.check(f"{kind}: its program is put back", wait_for(lambda: "it is put back" in a.log_text()) and ping(), a.log_text()[-500:])
            ended(tap, a, kind)
            left = subprocess.run(in_far + "ip -d link show veth-m", shell=True, capture_output=True, text=True).stdout
            tap.check(f"{kind}: it leaves no program behind", "prog/xdp" not in left, left)
    finally:
        far.close()
        subprocess.run("ip link del veth-c", shell=True, stderr=subprocess.DEVNULL)


def tap_device(tap, image):
    port = '{ name = "edge"; device = "net_tap0,iface=martlet-tap"; addresses = [ "10.79.0.1/24" ]; }'
    with Confined([port], models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}']) as a:
        try:
            a.start()
        except RuntimeError as why:
            if "tap" in str(why) and not os.path.exists("/dev/net/tun"):
                tap.skip("TAP", "there is no /dev/net/tun")
                return
            raise
        powers(tap, a, "TAP", NET_ADMIN)
        # DPDK gives the kernel's end the port's own MAC address, and what comes from that is dropped.
        sh("ip link set martlet-tap address 02:00:00:00:00:01; ip addr add 10.79.0.2/24 dev martlet-tap; ip link set martlet-tap up")
        tap.check("TAP: it answers", wait_for(lambda: subprocess.run(["ping", "-c1", "-W1", "10.79.0.1"], stdout=subprocess.DEVNULL).returncode == 0),
                  a.log_text()[-500:])
        ended(tap, a, "TAP")


def hugepages(tap, image):
    def set_to(n):
        with open(HUGEPAGES, "w") as f:
            f.write(str(n))
        with open(HUGEPAGES) as f:
            return int(f.read())
    try:
        with open(HUGEPAGES) as f:
            before = int(f.read())
        got = set_to(before + 128)
    except OSError as why:
        tap.skip("hugepages", f"{HUGEPAGES}: {why}")
        return
    try:
        if got < before + 128:
            tap.skip("hugepages", f"the kernel has but {got} of {before + 128}")
            return
        with Confined(['{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'],
                      models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}']) as a:
            with open(a.conf) as f:
                text = f.read()
            with open(a.conf, "w") as f:
                f.write(text.replace("hugepages = false", "hugepages = true"))
            a.start()
            powers(tap, a, "hugepages", 0)
            infer = {"inputs": [{"name": "rows", "datatype": "FP32", "shape": [1, 41], "data": [0.5] * 41}]}
            tap.check("hugepages: a row is scored", a.api("POST", "/v2/models/lab/infer", infer)[0] == 200, a.log_text()[-500:])
            ended(tap, a, "hugepages")
    finally:
        set_to(before)


def refused(tap):
    """Users that there are not, or that cannot be had."""
    ring = ['{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }']
    for name, process, words in (("no such user", 'user = "no-such-user";', "process.user: there is no user 'no-such-user' here"),
                                 ("no such mode", 'seccomp = "sometimes";', 'process.seccomp')):
        with Appliance(ring, process=process) as a:
            try:
                a.start()
                why = "it started"
            except RuntimeError as told:
                why = str(told)
            tap.check(f"{name} is refused by one sentence", words in why, why)


KEY = "RWSu7tdAYLclLsBWHum3GrEa54t2VCFzChSSG7hKlXA+GuQL5mX2vPMS"  # a public one of minisign


def owners(tap):
    """Whose a file of trust may be is the same at the start, for --check, for a file's configuration by the tool, and for a live change."""
    ring = ['{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }']
    with Confined(ring) as a:
        keys = os.path.join(a.dir, "lab.pub")
        with open(keys, "w") as f:
            f.write(KEY + "\n")
        os.chmod(keys, 0o644)
        with open(a.conf) as f:
            before = f.read()
        with open(a.conf, "a") as f:
            f.write(f'trust = {{ trusted_keys = ( {{ model = "lab"; key = "{keys}"; }} ); }};\n')
        os.chmod(a.conf, 0o644)

        def asked():
            """What each of the ways that do not need a running one says: '' where it is taken."""
            checked = a.check()
            told = subprocess.run([MARTLETCTL, "-s", a.sock, "doctor", "--config", a.conf], capture_output=True, text=True).stdout
            return checked.stderr, told
        other = pwd.getpwnam("daemon").pw_uid
        words = f"{keys}: belongs to uid {other}; it must be root's or "
        os.chown(keys, other, 0)
        checked, told = asked()
        tap.check("a key of another user: --check refuses it", words + f"user {USER}'s" in checked, checked)
        tap.check("a key of another user: doctor, too", words in told, told)
        try:
            a.start()
            why = "it started"
        except RuntimeError as said:
            why = str(said)
        tap.check("a key of another user: the start, too", words + f"user {USER}'s" in why, why)
        os.chown(keys, UID, 0)
        checked, told = asked()
        tap.check("a key of process.user's: --check takes it", checked == "", checked)
        tap.check("a key of process.user's: doctor, too", "reads well" in told, told)
        a.start()
        tap.check("a key of process.user's: the start, too", a.api("GET", "/v1/status")[1]["process"]["user"] == USER)

        def reloads():
            said = a.log_text().count("reload, by ")
            a.proc.send_signal(signal.SIGHUP)
            wait_for(lambda: a.log_text().count("reload, by ") > said)
            return a.log_text().split("reload, by ")[-1].split("\n")[0]
        told = reloads()
        tap.check("a key of process.user's: SIGHUP, too", "nothing was to be changed" in told, told)
        done = a.ctl("config", "apply", a.conf, check=False)
        tap.check("a key of process.user's: config apply, too", done.returncode == 0, done.stderr)
        os.chown(keys, other, 0)
        told = reloads()
        tap.check("a key of another user: SIGHUP refuses it", words in told and "everything stays as it is" in told, told)
        done = a.ctl("config", "apply", a.conf, check=False)
        tap.check("a key of another user: config apply, too", done.returncode == 1 and words in done.stderr, done.stderr)
        a.stop()
        # What is root's alone: the start reads tokens as process.user, and so does --check.
        tokens = os.path.join(a.dir, "tokens")
        subprocess.run([MARTLETCTL, "token", "create", "ci", "--file", tokens, "--role", "viewer"], capture_output=True, check=True)
        os.chmod(tokens, 0o600)
        with open(a.conf, "w") as f:
            f.write(before + f'trust = {{ tokens = "{tokens}"; }};\n')
        checked = a.check()
        tap.check("tokens that process.user cannot read: --check refuses them", checked.returncode == 1 and f"{tokens}: cannot be opened: Permission denied" in checked.stderr,
                  checked.stderr)
        try:
            a.start()
            why = "it started"
        except RuntimeError as said:
            why = str(said)
        tap.check("tokens that process.user cannot read: the start, too", f"{tokens}: cannot be opened: Permission denied" in why, why)
        os.chmod(tokens, 0o644)
        checked = a.check()
        tap.check("tokens that it can read: --check takes them", checked.returncode == 0, checked.stderr)
        # What is read as root at the start, and could not be read again.
        wire = os.path.join(a.dir, "wire.keys")
        subprocess.run([MARTLETCTL, "key", "generate", "gate", "--keys", wire], check=True, capture_output=True)
        with open(a.conf, "w") as f:
            f.write(before + f'trust = {{ keys = "{wire}"; }};\n')
        a.start()
        tap.check("keys that can be read by root alone: the start says that it cannot be reloaded",
                  f"{wire} cannot be read by user '{USER}': the configuration cannot be reloaded" in a.log_text(), a.log_text()[-800:])
        a.stop()


def main():
    if os.geteuid() != 0:
        skip_all("needs root, to become another user")
    if not enter_private_network():
        skip_all("needs a network namespace of its own")
    tap = Tap()
    image, other = frames.compile_lab_image(), frames.compile_lab_image()
    for path in (image, other):
        os.chmod(os.path.dirname(path), 0o755)
    refused(tap)
    owners(tap)
    everything(tap, image, other)
    packets(tap, "AF_PACKET", "net_af_packet", image)
    packets(tap, "AF_XDP", "net_af_xdp", image)
    tap_device(tap, image)
    hugepages(tap, image)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
