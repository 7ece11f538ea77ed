#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""socket-group of a memif server: another user's client in the group connects and is answered, one that is not in it is
kept out; a group that is not there, and one that martletd may not give the socket to, end in a sentence."""
import grp
import json
import os
import stat
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import LOAD, MARTLETD, Appliance, Tap, skip_all, wait_for

SOMEBODY, NOBODYS = 65534, 64999  # a user that is not root; a group that is nobody's
GROUP = "nogroup"
KEPT_OUT = "no link within 3000 ms"


def appliance(group, port_options=""):
    a = Appliance([])
    with open(a.conf) as f:
        text = f.read()
    device = f"net_memif0,role=server,socket={a.dir}/edge.sock,socket-abstract=no{group}"
    port = f'{{ name = "edge"; device = "{device}"; addresses = [ "10.77.0.1/24" ]; }}{port_options.format(dir=a.dir)}'
    with open(a.conf, "w") as f:
        f.write(text.replace("ports = (  );", f"ports = ( {port} );"))
    os.chmod(a.dir, 0o777)  # where it may not write, DPDK's client does not even try
    return a


def as_user(command, gid, umask=0o022):
    """The command run by another user, whose one group is `gid`. Its program may lie where that user cannot go."""
    program = os.open(command[0], os.O_RDONLY)

    def leave():
        os.umask(umask)
        os.setgroups([])
        os.setgid(gid)
        os.setuid(SOMEBODY)

    try:
        return subprocess.run([f"/proc/self/fd/{program}", *command[1:]], preexec_fn=leave, pass_fds=[program], capture_output=True,
                              text=True, timeout=300, cwd="/", env={"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": "/tmp"})
    finally:
        os.close(program)


def ping(a, gid):
    return as_user([LOAD, "--device", f"net_memif0,role=client,socket={a.dir}/edge.sock,socket-abstract=no", "--from", "10.77.0.2",
                    "--to", "10.77.0.1", "--no-huge", "--json", "--ping", "--requests", "20", "--timeout-ms", "20000",
                    "--link-timeout-ms", "3000"], gid)


def main():
    if os.geteuid():
        skip_all("needs root")
    tap = Tap()
    gid = grp.getgrnam(GROUP).gr_gid
    with appliance(f",socket-group={GROUP}") as a:
        a.start()
        mode = os.stat(f"{a.dir}/edge.sock")
        tap.check("the socket is the group's", (mode.st_gid, stat.S_IMODE(mode.st_mode)) == (gid, 0o660), oct(mode.st_mode))
        done = ping(a, gid)
        figures = json.loads(done.stdout) if done.stdout.startswith("{") else {}
        tap.check("another user's client in the group is answered", done.returncode == 0 and figures.get("lost") == 0,
                  done.stdout + done.stderr)
        tap.check("the log names its user", wait_for(lambda: f"uid {SOMEBODY}) is connected" in a.log_text()), a.log_text())
        done = ping(a, NOBODYS)
        tap.check("one that is not in it is kept out", done.returncode == 1 and KEPT_OUT in done.stdout + done.stderr,
                  done.stdout + done.stderr)
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-500:])
    with appliance("") as a:
        a.start()
        done = ping(a, gid)
        tap.check("without socket-group another user is kept out", done.returncode == 1 and KEPT_OUT in done.stdout + done.stderr,
                  done.stdout + done.stderr)

    for what, a, run, sentence in (
            ("a group that is not there", appliance(",socket-group=martlet-nobodys"), None,
             "socket-group=martlet-nobodys: there is no such group here; add it with 'groupadd --system martlet-nobodys'"),
            ("two ports of a socket that name different groups", appliance(
                f",socket-group={GROUP}", ', {{ name = "two"; device = "net_memif1,id=1,role=server,socket={dir}/edge.sock,'
                'socket-abstract=no"; addresses = [ "10.78.0.1/24" ]; }}'), None,
             f"socket-group is '' here and '{GROUP}' at port edge, which has the same socket: the same at both would be right"),
            ("a group that its user is not in", appliance(",socket-group=root"), gid, "edge.sock cannot be given to the group root: "
             "Operation not permitted: martletd's user must be a member of it (SupplementaryGroups= in the service's unit)")):
        with a:
            if run is None:
                done = subprocess.run([MARTLETD, "-c", a.conf], capture_output=True, text=True, timeout=120)
            else:
                os.chown(a.dir, SOMEBODY, -1)
                done = as_user([MARTLETD, "-c", a.conf], run)
            tap.check(f"{what}: a sentence", done.returncode == 1 and sentence in done.stderr, done.stdout + done.stderr)
            tap.check(f"{what}: no socket stays", not os.path.exists(f"{a.dir}/edge.sock"))
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
