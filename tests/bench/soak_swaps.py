# SPDX-License-Identifier: BSD-3-Clause
"""soak.py --swaps N: one model promoted N times, back and forth, while a memif client asks at a steady rate: nothing is lost, and the
last percent of the swaps finds the appliance as the first did: its latency and its memory. Before the first and after the last swap
the same client asks without any: what differs there is the machine's."""
import os
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench_memif import MODEL, Link
from bench_swap import CLIENT_PLACES, Swapper, places

RATE = int(os.environ.get("RATE", "5000"))  # requests a second
SLICE = 2.0  # seconds of a load
PATIENCE_MS = 20000  # until an answer is lost, not late: a thread that has no CPU of its own may wait for one long
NOISE = 0.25  # of the median of p50s, beside what slices of the same percent differ by
AT_REST = 3  # slices without swaps, before and after
WARM = 200  # swaps before all that
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


def kept_waiting_ms(pid):
    """How long threads of a process could have run and had no CPU, each by its number."""
    waited = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
            waited[thread] = int(f.read().split()[1]) / 1e6
    return waited


def load(link, swaps, appliance):
    """One slice: of which swaps, and what became of its requests. How long threads of the appliance had no CPU is said beside a loss: that is
    the machine's."""
    f, first, before, waited = link.folder, swaps.n, places(link), kept_waiting_ms(appliance.pid)
    report = link.report(link.load("--seconds", str(SLICE), "--rate", str(RATE), "--rows", f"{f}/{MODEL}.csv", "--model", "1",
                                   "--timeout-ms", str(PATIENCE_MS), "--expect", f"1={f}/a.npy", "--expect", f"2={f}/b.npy"), wrong_is_fatal=False)
    after, now = places(link), kept_waiting_ms(appliance.pid)
    gone = {key: after[key] - before.get(key, 0) for key in after}
    gone.update({key: report[key] for key in CLIENT_PLACES})
    gone.update({key: n for key, n in report["status"].items() if key != "OK"})
    gone = {key: n for key, n in gone.items() if n}
    waited = max(ms - waited.get(thread, 0) for thread, ms in now.items())
    if gone:
        print(f"swaps {first} to {swaps.n}: gone: {gone}; the client was kept from its CPU for "
              f"{report['stalls']['total_ns'] / 1e6:.0f} ms, a thread of the appliance for {waited:.0f} ms", flush=True)
    return {"first": first, "last": swaps.n, "sent": report["sent"], "gone": gone, "p50": report["server_ns"]["p50"],
            "p999": report["server_ns"]["p999"], "kib": resident_kib(appliance.pid)}


def figures(slices):
    return (statistics.median(s["p50"] for s in slices), max(s["p50"] for s in slices) - min(s["p50"] for s in slices),
            statistics.median(s["kib"] for s in slices), statistics.median(s["p999"] for s in slices))


def say(name, of):
    p50, _, kib, p999 = of
    print(f"{name}: p50 {p50:.0f} ns, p99.9 {p999:.0f} ns, {kib:.0f} KiB resident")


def main(count, seconds=float("inf")):
    """Fewer than `count` where `seconds` are over before. 0 where all holds."""
    build = os.environ.get("MARTLET_BUILD", "build")
    with tempfile.TemporaryDirectory(prefix="martlet-swaps-") as folder:
        link = Link(folder, build)
        try:
            appliance = link.appliance(f'io = [ {link.cpu} ]; workers = [ ]; idle = "sleep";')
            swaps, slices = Swaps(link, count, time.time() + seconds), []
            for _ in range(WARM):
                swaps.swapper.swap()
            before = [load(link, swaps, appliance) for _ in range(AT_REST)]
            swaps.start()
            while swaps.is_alive():
                slices.append(load(link, swaps, appliance))
            swaps.join()
            after = [load(link, swaps, appliance) for _ in range(AT_REST)]
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
    first, last, before, after = map(figures, (first, last, before, after))
    gone = [s["gone"] for s in slices if s["gone"]]
    print(f"{swaps.n} swaps in {len(slices) * SLICE:.0f} s, {sum(s['sent'] for s in slices)} requests, gone: {gone[:5] or 0}")
    for name, of in (("before the first", before), ("first percent", first), ("last percent", last), ("after the last", after)):
        say(name, of)
    noise = NOISE * first[0] + max(first[1], last[1]) + abs(after[0] - before[0])
    return 0 if not gone and abs(last[0] - first[0]) <= noise and abs(after[2] - before[2]) <= RSS_SLACK_KIB else 1
