#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What was accepted before a restart is a replay after it: after an orderly end and after a kill, with secrets changed, the file of
counters bent, foreign, gone, and its disk full. martletd runs as a service does: as a user of its own, with a filter that ends it at a
system call that it should not need. An ordinary kernel socket is the client; martletd is on the far end of a veth pair."""
import os
import re
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import FarEnd, Tap, enter_private_network, sh, skip_all, wait_for
from auth import A, B, OURS4, Client, Dropped, keys_file
from confined import UID, Confined

F = b"F" * 16
KEYS = [f"1 {A.hex()} gate-a * - -", f"2 {B.hex()} gate-b * - -"]


class Recorder:
    """Two clients and all that they ever sent, as somebody on the way to the appliance has it."""

    def __init__(self, columns):
        self.clients = [Client(A, 1, columns=columns), Client(B, 2, columns=columns)]
        self.sent = [[], []]

    def ask(self, n=3, wait=5.0):
        """All are answered."""
        good = True
        for client, sent in zip(self.clients, self.sent):
            for _ in range(n):
                data, _ = client.make()
                sent.append(data)
                good &= client.send(data, wait) is not None
        return good

    def newest(self, key):
        return self.clients[key - 1].counter


class Machine:
    """The appliance and its file of counters."""

    def __init__(self, tap, a):
        self.tap, self.a = tap, a
        self.file = os.path.join(a.dir, "store/wire/counters")

    def lines(self):
        """Key id to its counters, as the file has them; a key may have had several secrets."""
        try:
            with open(self.file) as f:
                found = f.read().splitlines()[1:]
        except OSError:
            return {}
        kept = {}
        for line in found:
            kept.setdefault(int(line.split()[0]), set()).add(int(line.split()[1]))
        return kept

    def kept(self, recorder):
        return wait_for(lambda: all(recorder.newest(key) in self.lines().get(key, ()) for key in (1, 2)))

    def end(self, sig=signal.SIGTERM):
        return self.a.stop(sig)

    def start(self):
        self.a.start()

    def replayed(self, what, recorder):
        """Everything recorded is refused, and the clients' next counters are taken."""
        for client, sent in zip(recorder.clients, recorder.sent):
            Dropped(self.tap, self.a, client).check(f"{what}: what key {client.key_id} sent", "auth_replayed", sent[-100:])
        self.tap.check(f"{what}: the clients go on", recorder.ask(), self.a.log_text()[-500:])


def restarts(tap, m, recorder):
    tap.check("requests are answered", recorder.ask(20))
    tap.check("an orderly end", m.end() == 0, m.a.log_text()[-500:])
    tap.check("what was accepted last is in the file at once", m.lines() == {key: {recorder.newest(key)} for key in (1, 2)}, str(m.lines()))
    st = os.stat(m.file)
    tap.check("which is the user's, and nobody else's to read", (st.st_uid, st.st_mode & 0o777) == (UID, 0o600), f"{st.st_uid} {st.st_mode:o}")
    with open(m.file) as f:
        text = f.read()
    tap.check("and has no secret in it", A.hex() not in text and B.hex() not in text, text)
    m.start()
    m.replayed("after an orderly end", recorder)
    tap.check("what came since is kept while it runs", m.kept(recorder), str(m.lines()))
    m.end(signal.SIGKILL)
    m.start()
    m.replayed("after a kill", recorder)
    m.end()
    m.start()
    m.replayed("after two restarts", recorder)


def killed_while_it_writes(tap, m, recorder):
    """At any moment the file is whole, and says what it said or more."""
    for i in range(5):
        stop = threading.Event()
        thread = threading.Thread(target=lambda: [recorder.ask(1, 0.3) for _ in iter(stop.is_set, True)])
        before = m.lines()
        thread.start()
        wait_for(lambda: m.lines() != before)
        m.end(signal.SIGKILL)
        stop.set()
        thread.join()
        lines = m.lines()
        tap.check(f"kill {i + 1} under load: the file is whole", set(lines) == {1, 2} and all(max(lines[k]) >= max(before[k]) for k in lines), str(lines))
        kept = {key: max(lines[key]) for key in lines}
        m.start()
        for client, sent in zip(recorder.clients, recorder.sent):
            old = [d for d in sent if int.from_bytes(d[-16:-8], "little") <= kept[client.key_id]]
            Dropped(tap, m.a, client).check(f"kill {i + 1}: what the file knows of key {client.key_id}", "auth_replayed", old[-50:])
    tap.check("the clients go on", recorder.ask())


def secrets(tap, m, keys, recorder, columns):
    """Another secret under an id inherits nothing; the old one that comes back is what it was."""
    new = Client(F, 1, columns=columns)
    low, _ = new.make(counter=5)
    keys_file(keys, [f"1 {F.hex()} gate-a * - -", KEYS[1]])
    os.chown(keys, UID, -1)
    m.end()
    m.start()
    said = f"{m.file}: what it says of key 1 was written for another secret, or changed since: it counts for nothing"
    tap.check("a secret that was changed while martletd was down is said", said in m.a.log_text(), m.a.log_text()[-500:])
    tap.check("... and its client begins anywhere", new.send(low) is not None)
    Dropped(tap, m.a, recorder.clients[1]).check("... and is a key like any other", "auth_replayed", [low])
    m.end()
    m.start()
    tap.check("it is not said again", m.a.log_text().count(said) == 1)
    Dropped(tap, m.a, recorder.clients[1]).check("... after a restart, too", "auth_replayed", [low])
    keys_file(keys, KEYS[1:])
    os.chown(keys, UID, -1)
    m.end()
    m.start()
    m.end()
    keys_file(keys, KEYS)
    os.chown(keys, UID, -1)
    m.start()
    m.replayed("a key that was away for two restarts, and its secret that of before", recorder)
    # A change of keys by a reload: what is new is kept as what was there.
    keys_file(keys, [KEYS[0], KEYS[1], f"3 {F.hex()} gate-c * - -"])
    os.chown(keys, UID, -1)
    before = m.a.log_text().count("reload")
    m.a.proc.send_signal(signal.SIGHUP)
    wait_for(lambda: m.a.log_text().count("reload") > before)
    third = Client(F, 3, columns=columns)
    data, _ = third.make()
    tap.check("a key that a reload brought is used", third.send(data) is not None and third.ask() is not None, m.a.log_text()[-500:])
    tap.check("... and kept", wait_for(lambda: third.counter in m.lines().get(3, ())), str(m.lines()))
    m.end(signal.SIGKILL)
    m.start()
    Dropped(tap, m.a, third).check("... over a kill", "auth_replayed", [data])
    m.replayed("with a key more", recorder)


def bent(tap, m, recorder):
    """Whatever is wrong with the file is said by one sentence, and martletd serves."""
    unknown = "nothing is known of what was accepted before, and could be accepted once more"

    def case(what, change, sentence):
        m.end()
        change()
        before = m.a.log_text().count(sentence)
        m.start()
        tap.check(f"{what}: said", m.a.log_text().count(sentence) == before + 1, m.a.log_text()[-500:])
        tap.check(f"{what}: served", recorder.ask(1))
        tap.check(f"{what}: a good one takes its place", m.kept(recorder) and os.path.isfile(m.file) and not os.path.islink(m.file), str(m.lines()))
        m.end(signal.SIGKILL)
        m.start()
        m.replayed(f"{what}: from then on", recorder)

    def write(data):
        with open(m.file, "wb") as f:
            f.write(data)

    def raise_counter():
        with open(m.file) as f:
            lines = f.read().splitlines()
        write(("\n".join([lines[0]] + [re.sub(r" \d+ ", f" {2**64 - 1} ", line) for line in lines[1:]]) + "\n").encode())

    case("another file", lambda: write(b"\x7fELF"), f"{m.file}: is no list of counters as martletd writes it: {unknown}")
    case("one cut within a line", lambda: os.truncate(m.file, os.path.getsize(m.file) - 5),
         f"{m.file}: 1 of its lines cannot be read: of their keys {unknown}")
    case("counters raised by who has no secret, to shut the clients out", raise_counter, "was written for another secret, or changed since: it counts for nothing")
    case("one that others can write", lambda: os.chmod(m.file, 0o666), f"{m.file}: others can write it (mode 0666); chmod 644 {m.file}: {unknown}")
    case("a link", lambda: (os.rename(m.file, m.file + ".old"), os.symlink(m.file + ".old", m.file)), unknown)
    m.end()
    os.unlink(m.file)
    m.start()
    tap.check("none: served as ever", recorder.ask())
    tap.check("... and made anew", m.kept(recorder))
    m.end()
    folder = os.path.dirname(m.file)
    os.rename(folder, folder + ".old")
    os.symlink(folder + ".old", folder)
    try:
        m.start()
        why = "it started"
    except RuntimeError as told:
        why = str(told)
    tap.check("a linked folder is refused", f"{folder} cannot be opened: it is a symbolic link" in why, why)
    os.unlink(folder)
    os.rename(folder + ".old", folder)
    m.start()
    m.replayed("the folder back", recorder)


def full_disk(tap, m, recorder):
    """The folder is a file system of its own that has no room left."""
    folder = os.path.dirname(m.file)
    failing = lambda: re.search(r"^martlet_key_counters_failing (\d)$", m.a.api("GET", "/metrics")[1], re.M).group(1)
    m.end()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=16k,mode=0700,uid={UID}", "none", folder], capture_output=True).returncode:
        tap.skip("a full disk", "no tmpfs here")
        return
    try:
        m.start()
        tap.check("a folder of its own: kept", recorder.ask() and m.kept(recorder) and wait_for(lambda: failing() == "0"))
        with open(f"{folder}/filler", "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                pass
        served = recorder.ask()
        said = f"{m.file}: cannot be written: No space left on device: datagrams that are accepted from here on could be replayed"
        tap.check("full: said, and in the metrics", wait_for(lambda: said in m.a.log_text() and failing() == "1"), m.a.log_text()[-500:])
        tap.check("... and served on", served and recorder.ask())
        wait_for(lambda: not recorder.ask(1), 2.5)
        tap.check("... said once", m.a.log_text().count(said) == 1, m.a.log_text()[-500:])
        os.unlink(f"{folder}/filler")
        tap.check("room again: said, and all is kept without another datagram", wait_for(lambda: f"{m.file}: can be written again" in m.a.log_text()) and
                  m.kept(recorder) and wait_for(lambda: failing() == "0"), m.a.log_text()[-500:])
        m.end(signal.SIGKILL)
        m.start()
        m.replayed("after a full disk and a kill", recorder)
    finally:
        m.end()
        subprocess.run(["umount", folder])


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    far = FarEnd()
    sh("ip addr add 10.77.0.2/24 dev veth-c")
    image = frames.compile_lab_image()
    os.chmod(os.path.dirname(image), 0o755)
    a = None
    try:
        # Two receive queues: where there are two CPUs, two lcores accept what one key sends.
        io = (0, 1) if os.cpu_count() > 1 else (0,)
        a = Confined([f'{{ name = "edge"; device = "net_af_packet0,iface=veth-m,qpairs={len(io)}"; addresses = [ "{OURS4}/24" ]; }}'], io=io,
                     models=[f'{{ name = "lab"; id = 1; image = "{image}"; }}'], netns=far.pid)
        keys = os.path.join(a.dir, "keys")
        keys_file(keys, KEYS)
        os.chown(keys, UID, -1)
        with open(a.conf, "a") as f:
            f.write(f'trust = {{ keys = "{keys}"; require_authentication = [ "*" ]; }};\n')
        m = Machine(tap, a)
        m.start()
        tap.check("nobody asked: there is no file", not os.path.exists(m.file))
        columns = a.api("GET", "/v2/models/lab")[1]["inputs"][0]["shape"][-1]
        recorder = Recorder(columns)
        restarts(tap, m, recorder)
        killed_while_it_writes(tap, m, recorder)
        secrets(tap, m, keys, recorder, columns)
        bent(tap, m, recorder)
        full_disk(tap, m, recorder)
    except RuntimeError as e:
        tap.check("martletd", False, str(e).replace("\n", "\n# "))
    finally:
        if a:
            a.close()
        far.close()
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
