#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A short run of the demo: it prints what demo.json holds. Interrupted at several moments, the demo and the bench
leave nothing behind."""
import glob
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

from appliance import BUILD, ROOT, Tap

HUGEPAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
WAIT = 300


def hugepages():
    try:
        with open(HUGEPAGES) as f:
            return f.read().strip()
    except OSError:
        return None


def mounts():
    with open("/proc/self/mounts") as f:
        return sorted(line for line in f if line.split()[2] == "hugetlbfs")


def processes_with(text):
    """Command lines of processes, other than this one, that name `text`."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as f:
                line = f.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line and path.split("/")[2] != str(os.getpid()):
            found.append(line[:100])
    return found


class Run:
    """A script with a build folder and a TMPDIR of its own."""

    def __init__(self, *command):
        self.folder = tempfile.TemporaryDirectory(prefix="martlet-demo-")
        self.build, self.tmp = f"{self.folder.name}/build", f"{self.folder.name}/tmp"
        self.run = f"{self.folder.name}/run"  # EAL's, below "dpdk"
        for folder in (self.build, self.tmp, self.run):
            os.mkdir(folder)
        for name in os.listdir(BUILD):
            if name.startswith("martlet") or name == "tests":
                os.symlink(os.path.join(BUILD, name), os.path.join(self.build, name))
        self.before = hugepages(), mounts()
        env = {**os.environ, "B": self.build, "MARTLET_BUILD": self.build, "TMPDIR": self.tmp,
               "RUNTIME_DIRECTORY": self.run, "SECONDS_EACH": "0.2", "COMPRESS_SECONDS": "120",
               "ROUNDS": "1", "BENCH_SECONDS": "0.3"}
        self.proc = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     stdin=subprocess.DEVNULL, start_new_session=True)
        self.text = ""

    def read_until(self, mark):
        end = time.time() + WAIT
        while mark not in self.text and time.time() < end:
            if select.select([self.proc.stdout], [], [], 0.1)[0]:
                data = os.read(self.proc.stdout.fileno(), 65536)
                if not data:
                    break
                self.text += data.decode()
        return mark in self.text

    def ended(self):
        try:
            self.text += self.proc.communicate(timeout=WAIT)[0].decode()
        except subprocess.TimeoutExpired:
            os.killpg(self.proc.pid, signal.SIGKILL)
        return self.proc.wait()

    def leftovers(self):
        left = processes_with(self.folder.name)
        left += [os.path.join(d, f) for d, _, files in os.walk(self.folder.name) for f in files if f.endswith(".sock")]
        left += os.listdir(self.tmp) + glob.glob(f"{self.run}/dpdk/*")
        pages, mounted = self.before
        if hugepages() != pages:
            left.append(f"{hugepages()} hugepages, {pages} before")
        return left + [m for m in mounts() if m not in mounted]


def check_demo(tap):
    run = Run("scripts/demo.sh")
    status = run.ended()
    if not tap.check("the demo ends well", status == 0, run.text[-2000:]):
        return
    with open(f"{run.build}/demo.json") as f:
        data = json.load(f)
    scores = data["scores"]
    tap.check("scores: the line printed is what demo.json holds",
              f"{scores['rows_scored']} rows scored  accuracy {scores['accuracy']:.4f}  (for attack:) precision "
              f"{scores['precision']:.4f}  recall {scores['recall']:.4f}  F1 {scores['f1']:.4f}\n" in run.text, scores)
    tap.check("scores: every row, and good ones", scores["rows_scored"] > 3000 and scores["f1"] > 0.95, scores)
    for kind in ("score", "ping"):
        found = re.search(rf"^ +{kind} +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) +([\d,]+)$", run.text, re.M)
        of = data[kind]
        want = [f"{of['round_trip_us'][k]:.2f}" for k in ("p50", "p90", "p99", "p999")]
        want.append(f"{of['replies_per_second']:,.0f}")
        tap.check(f"{kind}: the times printed are what demo.json holds", found and list(found.groups()) == want, want)
        tap.check(f"{kind}: none is lost", of["lost"] == 0, of)
    judged, small = data["judged"], data["small"]
    tap.check("learnt: the search was among several, and drew them", re.search(r"^  [0-9]+ trials at batch 64", run.text, re.M)
              and re.search(r"^  as it is .*\n(.*\n)*  .* chosen *$", run.text, re.M) and os.path.exists(f"{run.build}/demo/front.svg"),
              run.text[-3000:])
    tap.check("learnt: what is quantised or compressed is smaller, and as good", [m["image"] for m in judged] == ["lab.mlt", "learnt.mlt", "int8.mlt", "small.mlt"]
              and all(m["f1"] > 0.95 for m in judged) and max(m["weights_bytes"] for m in judged[2:]) < judged[1]["weights_bytes"], judged)
    tap.check("learnt: over the wire it is what model eval said", abs(small["f1"] - judged[3]["f1"]) < 1e-3
              and small["rows_scored"] == scores["rows_scored"], small)
    printed, held = run.text.split("== martletctl status\n")[1], data["status"]
    wanted = [held["version"], str(held["pid"]), held["isa"], held["ports"][0]["name"], held["models"][0]["name"],
              str(held["counters"]["received"]), str(held["counters"]["rows_scored"])]
    tap.check("status: what is printed is what demo.json holds",
              all(w.replace(",", "") in printed.replace(",", "") for w in wanted), (wanted, printed))
    tap.check("nothing is left behind", not run.leftovers(), run.leftovers())
    run.folder.cleanup()


INTERRUPTS = [  # what, once it printed this, so much later, which signal, to all of its group or to it alone
    (("scripts/demo.sh",), "== compile", 0.0, signal.SIGTERM, False),
    (("scripts/demo.sh",), "== start martletd", 0.2, signal.SIGINT, True),
    (("scripts/demo.sh",), "== deploy", 0.0, signal.SIGINT, True),
    (("scripts/demo.sh",), "== score", 0.3, signal.SIGTERM, False),
    (("scripts/demo.sh",), "== learn", 0.3, signal.SIGINT, True),
    (("scripts/demo.sh", "--keep"), "== measure", 0.5, signal.SIGINT, True),
    (("tests/bench/run.sh", "memif"), "memif, round 1", 0.3, signal.SIGTERM, False),
    (("tests/bench/run.sh", "swap"), "swap, run to completion", 0.7, signal.SIGINT, True),
]


def check_interrupts(tap):
    for command, mark, delay, number, group in INTERRUPTS:
        name = f"{' '.join(command)}, {signal.Signals(number).name} after '{mark}'"
        run = Run(*command)
        if not tap.check(f"{name}: it gets there", run.read_until(mark), run.text[-1000:]):
            run.proc.kill()
            continue
        time.sleep(delay)
        (os.killpg if group else os.kill)(run.proc.pid, number)
        begin = time.time()
        status = run.ended()
        tap.check(f"{name}: ends at once with {128 + number}", status == 128 + number and time.time() - begin < 20,
                  (status, time.time() - begin, run.text[-1000:]))
        tap.check(f"{name}: nothing is left behind", not run.leftovers(), run.leftovers())
        run.folder.cleanup()


def main():
    tap = Tap()
    check_demo(tap)
    check_interrupts(tap)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
