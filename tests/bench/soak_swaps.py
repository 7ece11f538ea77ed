# SPDX-License-Identifier: BSD-3-Clause
"""soak.py --swaps N: one model promoted N times, back and forth, while a memif client asks at a steady rate: nothing is lost, and the
last percent of the swaps finds the appliance as the first did: its latency and its memory."""
import os
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench_memif import MODEL, Link
from bench_swap import CLIENT_PLACES, Swapper

RATE = 20000  # requests a second
SLICE = 2.0  # seconds of a load
NOISE = 0.25  # of the median of p50s, beside what slices of the same percent differ by
RSS_SLACK_KIB = 1024


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


class Swaps(threading.Thread):
    def __init__(self, link, count, deadline):
        super().__init__()
        self.swapper, self.count, self.deadline, self.failed = Swapper(link), count, deadline, None

    def run(self):
        try:
            while self.swapper.n < self.count and time.time() < self.deadline:
                self.swapper.swap()
        except (SystemExit, OSError) as e:
            self.failed = e

    @property
    def n(self):
        return self.swapper.n


def load(link, swaps, appliance):
    """One slice: who it was for, and what became of it."""
    f, first = link.folder, swaps.n
    report = link.report(link.load("--seconds", str(SLICE), "--rate", str(RATE), "--rows", f"{f}/{MODEL}.csv", "--model", "1",
                                   "--expect", f"1={f}/a.npy", "--expect", f"2={f}/b.npy"), wrong_is_fatal=False)
    gone = {key: report[key] for key in CLIENT_PLACES if report[key]}
    gone.update({key: n for key, n in report["status"].items() if key != "OK"})
    return {"first": first, "last": swaps.n, "sent": report["sent"], "gone": gone, "p50": report["server_ns"]["p50"],
            "p999": report["server_ns"]["p999"], "kib": resident_kib(appliance.pid)}


def figures(slices):
    return (statistics.median(s["p50"] for s in slices), max(s["p50"] for s in slices) - min(s["p50"] for s in slices),
            statistics.median(s["kib"] for s in slices), statistics.median(s["p999"] for s in slices))


def main(count, seconds=float("inf")):
    """Fewer than `count` where `seconds` are over before. 0 where all holds."""
    build = os.environ.get("MARTLET_BUILD", "build")
    with tempfile.TemporaryDirectory(prefix="martlet-swaps-") as folder:
        link = Link(folder, build)
        try:
            appliance = link.appliance(f'io = [ {link.cpu} ]; workers = [ ]; idle = "sleep";')
            swaps, slices = Swaps(link, count, time.time() + seconds), []
            swaps.start()
            while swaps.is_alive():
                slices.append(load(link, swaps, appliance))
            swaps.join()
            link.end(appliance)
        finally:
            link.close()
    if swaps.failed:
        print(f"after {swaps.n} swaps: {swaps.failed}")
        return 1
    percent = max(swaps.n / 100, 1)
    # Three slices at least, so that there is a spread to judge by.
    first = [s for s in slices if s["last"] <= percent] if slices[2]["last"] <= percent else slices[:3]
    last = [s for s in slices if s["first"] >= swaps.n - percent] or slices[-3:]
    last = last if len(last) > 2 else slices[-3:]
    (p50, spread, kib, p999), (p50_last, spread_last, kib_last, p999_last) = figures(first), figures(last)
    gone = [s["gone"] for s in slices if s["gone"]]
    noise = NOISE * p50 + max(spread, spread_last)
    print(f"{swaps.n} swaps in {len(slices) * SLICE:.0f} s, {sum(s['sent'] for s in slices)} requests, gone: {gone[:5] or 0}")
    print(f"first percent: p50 {p50:.0f} ns, p99.9 {p999:.0f} ns, {kib:.0f} KiB resident; last percent: p50 {p50_last:.0f} ns, "
          f"p99.9 {p999_last:.0f} ns, {kib_last:.0f} KiB resident")
    return 0 if not gone and abs(p50_last - p50) <= noise and abs(kib_last - kib) <= RSS_SLACK_KIB else 1
