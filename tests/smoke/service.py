#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletd under a service manager: it says when it is ready, reloading and stopping (sd_notify's protocol); its lines bear
levels where standard error is the journal, have a least level that can be set, and name the user that asked."""
import grp
import os
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import MARTLETD, Appliance, Tap, skip_all

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
SOMEBODY = 65534  # a user that is not root


class Manager(Appliance):
    """Starts martletd as systemd does: with a socket to notify, and standard error a stream of the journal's."""

    def __init__(self, **more):
        super().__init__([RING], **more)
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notifications.bind(os.path.join(self.dir, "notify.sock"))
        self.notifications.settimeout(60)

    def start(self, journal=True):
        with open(self.log, "a") as log:
            stream = os.fstat(log.fileno())
        os.environ["NOTIFY_SOCKET"] = os.path.join(self.dir, "notify.sock")
        os.environ["JOURNAL_STREAM"] = f"{stream.st_dev}:{stream.st_ino if journal else stream.st_ino + 1}"
        return super().start()

    def told(self):
        return self.notifications.recv(4096).decode().splitlines()

    def lines_after(self, action, pattern, wait=20):
        """The new lines of the log, once one of them matches."""
        before = len(self.log_text().splitlines())
        action()
        end = time.time() + wait
        while True:
            lines = self.log_text().splitlines()[before:]
            if any(re.search(pattern, line) for line in lines) or time.time() > end:
                return [line for line in lines if not line.startswith("<6>audit: ")]
            time.sleep(0.05)

    def rewrite(self, old, new):
        with open(self.conf) as f:
            text = f.read()
        with open(self.conf, "w") as f:
            f.write(text.replace(old, new))


def lifecycle(tap):
    with Manager() as a:
        a.start()
        tap.check("ready is told", "READY=1" in a.told())
        a.proc.send_signal(signal.SIGHUP)
        reloading = a.told()
        tap.check("a reload is told, with its time", reloading[0] == "RELOADING=1" and
                  0 < int(dict(l.split("=") for l in reloading)["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000, str(reloading))
        tap.check("and its end", "READY=1" in a.told())
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text())
        tap.check("stopping is told", "STOPPING=1" in a.told())


def levels(tap, image):
    with Manager(models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}']) as a:
        a.start()
        lines = a.log_text().splitlines()
        tap.check("to the journal: a level before each line, and no time", lines and all(re.match(r"<6>[a-z]", l) for l in lines),
                  a.log_text())
        lines = a.lines_after(lambda: a.ctl("model", "promote", "lab", "9", check=False), "refused")
        tap.check("a refusal is a warning, and names who asked",
                  any(re.match(r"<4>deploy: model lab, version 9, by uid 0: refused: ", l) for l in lines), str(lines))
        lines = a.lines_after(lambda: a.ctl("model", "unload", "lab"), "unload")
        tap.check("what was done names who asked", "<6>unload: model lab, by uid 0" in lines, str(lines))
        lines = a.lines_after(lambda: a.ctl("status"), "never", wait=0.3)
        tap.check("what only looks is not logged", lines == [], str(lines))
        lines = a.lines_after(lambda: a.ctl("log", "debug"), "log level")
        tap.check("martletctl log debug", lines == ["<6>log level: was info and is debug, by uid 0"], str(lines))
        lines = a.lines_after(lambda: a.ctl("status"), "status")
        tap.check("and then every request is", lines == ["<7>api: GET /v1/status, by uid 0"], str(lines))
        tap.check("martletctl log", a.ctl("log").stdout == "log level: debug\n")
        a.ctl("log", "error")
        lines = a.lines_after(lambda: a.ctl("model", "promote", "lab", "9", check=False), "refused", wait=0.3)
        tap.check("of level error there are no warnings", lines == [], str(lines))
        for body, word in (({"level": "loud"}, '"warning" or "error"'), ({"level": 3}, "must be a level's name"),
                           ({}, "must be a level's name"), ({"level": "x" * 40}, "must be a level's name"),
                           ({"levels": "info"}, "unknown key"), (b"[]", "must be a JSON object")):
            status, reply = a.api("PUT", "/v1/log", body)
            tap.check(f"PUT /v1/log of {body}: refused", status == 400 and word in reply["error"], str(reply))
        tap.check("the level stayed", a.api("GET", "/v1/log") == (200, {"level": "error"}))


def reloads(tap):
    with Manager() as a:
        a.start()
        reload = lambda: a.proc.send_signal(signal.SIGHUP)
        lines = a.lines_after(reload, "reload")
        tap.check("a reload of the same file", lines == ["<6>reload, by uid 0: nothing was to be changed"], str(lines))
        a.rewrite("mbufs = 8192", "mbufs = 4096")
        a.rewrite("store = ", "\n\nlog = { level = \"debug\"; };\nstore = ")
        lines = a.lines_after(reload, "taken over")
        tap.check("takes the level, and names what takes a restart",
                  [re.sub(": memory.*", "", lines[0]), *lines[1:]] == ["<4>reload, by uid 0: another than before, which takes a restart",
                            "<6>reload, by uid 0: taken over: log.level"], str(lines))
        a.rewrite("mbufs = 4096", "mbufs = many")
        lines = a.lines_after(reload, "stays")
        tap.check("a file that is wrong changes nothing",
                  len(lines) == 1 and re.match(r"<3>reload, by uid 0: .*martletd.conf:\d+: .*; everything stays as it is$", lines[0]), str(lines))
        tap.check("and serving goes on", a.api("GET", "/v1/log") == (200, {"level": "debug"}))


def no_journal(tap):
    with Manager() as a:
        a.start(journal=False)
        lines = a.log_text().splitlines()
        tap.check("elsewhere: a time and the level's name before each line",
                  lines and all(re.match(r"\d{4}-\d\d-\d\dT[\d:.]{12}Z info: ", l) for l in lines), a.log_text())
    os.environ.pop("JOURNAL_STREAM")
    os.environ.pop("NOTIFY_SOCKET")
    done = subprocess.run([MARTLETD, "-c", "/nowhere/martletd.conf"], capture_output=True, text=True)
    tap.check("why it does not begin: one sentence", done.returncode == 1 and re.fullmatch(r"martletd: .*\n", done.stderr), done.stderr)


def as_somebody(action):
    """action() in a process of another user's, whose primary group is control.group."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(grp.getgrnam("nogroup").gr_gid)
            os.setuid(SOMEBODY)
            action()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def signal_as_somebody(a, number):
    """What a process of another user's sends: of a signal the kernel tells the real user."""
    child = os.fork()
    if child == 0:
        try:
            os.setresuid(SOMEBODY, 0, 0)
            os.kill(a.proc.pid, number)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def signals(tap):
    with Manager() as a:
        a.start()
        lines = a.lines_after(lambda: signal_as_somebody(a, signal.SIGHUP), "reload")
        tap.check("a reload names who sent the signal", len(lines) == 1 and
                  lines[0].startswith(f"<6>reload, by uid {SOMEBODY}: "), str(lines))
        lines = a.lines_after(lambda: signal_as_somebody(a, signal.SIGTERM), "drained")
        tap.check("so does the end", lines == [f"<6>SIGTERM, by uid {SOMEBODY}: draining", "<6>drained, nothing was cut"], str(lines))
        tap.check("SIGTERM by another: exit 0", a.proc.wait(60) == 0, a.log_text())


def another_user(tap):
    with Manager() as a:
        a.rewrite(f'socket = "{a.sock}"', f'socket = "{a.sock}"; group = "nogroup"')
        os.chmod(a.dir, 0o755)
        a.start()
        lines = a.lines_after(lambda: as_somebody(lambda: a.api("DELETE", "/v1/models/lab/versions/3")), "delete")
        tap.check("another user is named", len(lines) == 1 and
                  lines[0].startswith(f"<4>delete: model lab, version 3, by uid {SOMEBODY}: refused: "), str(lines))


def main():
    if os.geteuid():
        skip_all("needs root")
    tap = Tap()
    image = frames.compile_lab_image()
    lifecycle(tap)
    levels(tap, image)
    reloads(tap)
    no_journal(tap)
    signals(tap)
    another_user(tap)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
