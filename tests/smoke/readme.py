#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""README.md, walked as a stranger: each block of commands in it runs as it stands there, with /run and /var/lib of its own. So does
the backup of martletd(8). What only an installed machine can run is run by tests/soak/package_chroot.py, from the README, too."""
import ctypes
import json
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import BUILD, ROOT, Tap, skip_all
from manuals import plain, read

STORE = "/var/lib/martlet"


def folders_of_our_own():
    """/run and /var/lib that nobody else sees; True if that worked."""
    if ctypes.CDLL(None, use_errno=True).unshare(0x00020000):  # CLONE_NEWNS
        return False
    return all(subprocess.run(["mount", *a], capture_output=True).returncode == 0
               for a in (["--make-rprivate", "/"], ["-t", "tmpfs", "tmpfs", "/run"], ["-t", "tmpfs", "tmpfs", "/var/lib"]))


class Reader:
    def __init__(self, folder):
        self.folder = folder
        # A clone after `make`: its build/ has what the blocks make.
        for name in ("data", "config", "docs", "scripts"):
            os.symlink(os.path.join(ROOT, name), os.path.join(folder, name))
        os.mkdir(os.path.join(folder, "build"))
        self.environment = {**os.environ, "PATH": f"{os.path.abspath(BUILD)}:{os.environ['PATH']}"}

    def run(self, code):
        """(exit status, what was said); what the code leaves running goes on."""
        with open(os.path.join(self.folder, "said"), "w+") as said:
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", code], cwd=self.folder, env=self.environment, stdout=said,
                                  stderr=said, stdin=subprocess.DEVNULL, timeout=300)
            said.seek(0)
            return done.returncode, said.read()

    def status(self):
        done = subprocess.run(["martletctl", "--json", "status"], env=self.environment, capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def wait(self):
        end = time.time() + 60
        while time.time() < end and self.status().get("state") != "ready":
            time.sleep(0.1)
        return self.status().get("pid")

    def stop(self):
        pid = self.status().get("pid")
        if pid:
            os.kill(pid, 15)
            while os.path.exists("/run/martlet/martlet.sock"):
                time.sleep(0.05)

    def live(self):
        return {m["name"]: (m["id"], m["live"], m["previous"]) for m in self.status()["models"]}


def blocks(tap, reader, text):
    found = re.findall(r"^```sh run\n(.*?)^```$", text, re.M | re.S)
    tap.check("there are blocks to run", len(found) >= 2)
    for code in found:
        status, said = reader.run(code)
        tap.check(f"README.md: {code.splitlines()[0][:80]} ...", status == 0, said[-2000:])
        tap.check("and martletd runs", reader.wait() is not None, said[-2000:])
    tap.check("what they deployed", reader.live() == {"lab": (1, 1, None), "net": (7, 1, 2)} or
              reader.live() == {"lab": (1, 1, None), "net": (7, 1, None)}, str(reader.live()))


def others(tap, text):
    """Blocks that are not run here: targets of make, and what takes an installed service."""
    targets = set(re.findall(r"\bmake ([a-z][\w-]*)", "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)) +
                             " ".join(re.findall(r"`(make [^`]*)`", text))))
    tap.check("make's targets are named", {"demo", "test", "deb", "install", "uninstall", "soak", "bench"} <= targets, str(targets))
    done = subprocess.run(["make", "-n", *sorted(targets), f"B={BUILD}"], cwd=ROOT, capture_output=True, text=True)
    tap.check("and there are such", done.returncode == 0, done.stderr[-500:])
    tap.check("the machine of its own runs the block of the package", "```sh\nmake deb\n" in text
              and "installed_block" in read("tests", "soak", "package_chroot.py"))


def backup(tap, reader):
    section = re.search(r"^\.SH BACKUP\n(.*?)^\.SH ", read("docs", "martletd.8"), re.M | re.S)[1]
    take, restore = [plain(b) for b in re.findall(r"^\.nf\n(.*?)^\.fi$", section, re.M | re.S)]
    before = reader.live()
    status, said = reader.run(take)
    tap.check("martletd(8): a backup of the store while it serves", status == 0, said)
    reader.run("martletctl model unload net; martletctl model delete net 1; martletctl model delete net 2")
    tap.check("what was lost", "net" not in reader.live() or reader.live()["net"] != before["net"], str(reader.live()))
    reader.stop()
    # The service's own commands are systemctl's; and root is not the user martlet here.
    lines = [l for l in restore.splitlines() if not l.startswith(("systemctl ", "chown "))]
    tap.check("between stop and start", len(lines) == len(restore.splitlines()) - 3 and len(lines) >= 2, restore)
    status, said = reader.run("\n".join(lines))
    tap.check("is restored", status == 0, said)
    reader.run("martletd -c config/martletd.conf &")
    reader.wait()
    tap.check("and served again", reader.live() == before, f"{reader.live()}, not {before}")


def main():
    if os.geteuid() or not folders_of_our_own():
        skip_all("needs root and mount namespaces")
    tap = Tap()
    text = read("README.md")
    others(tap, text)
    with tempfile.TemporaryDirectory(prefix="martlet-readme-") as folder:
        reader = Reader(folder)
        os.environ["PATH"] = reader.environment["PATH"]
        try:
            blocks(tap, reader, text)
            backup(tap, reader)
        finally:
            reader.stop()
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
