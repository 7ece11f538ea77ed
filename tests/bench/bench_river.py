# SPDX-License-Identifier: BSD-3-Clause
"""The river beside REST: what a memif client at half the appliance's capacity takes in the appliance, from rx burst to tx burst, alone
and while REST is at its limit, in turns. The lcore polls on a CPU of its own; client, control thread, scoring threads, wrk and
this program are on the others, of which there may be one: the client is then kept from it, and sends in bursts."""
import statistics

import bench_rest
from bench_memif import MODEL, SECONDS, spread

CONNECTIONS = 32
FORMS = ((1, "binary"), (64, "JSON"))
INTERRUPTS = ("TLB", "RES", "CAL", "LOC")  # shootdowns, rescheduling, function calls, timer


def interrupts(cpu):
    """Of those that take an lcore from its work, by name."""
    found = {}
    with open("/proc/interrupts") as f:
        column = f.readline().split().index(f"CPU{cpu}") + 1
        for line in f:
            fields = line.split()
            if fields[0].rstrip(":") in INTERRUPTS:
                found[fields[0].rstrip(":")] = int(fields[column])
    return found


def river(link, rate, servers, form):
    """`form`: REST is asked that, too."""
    before = interrupts(link.cpu)
    args = ["--rows", f"{link.folder}/{MODEL}.csv", "--model", "1", "--rate", f"{rate:.0f}", "--seconds", str(SECONDS)]
    proc = link.load(*args)
    rest = servers.wrk("martlet", "plain", form, CONNECTIONS, SECONDS) if form else {"per_second": 0}
    report, after = link.report(proc, wrong_is_fatal=False), interrupts(link.cpu)
    return {"p999_ns": report["server_ns"]["p999"], "p99_ns": report["server_ns"]["p99"], "answered": report["answered"],
            "lost": report["lost"], "rest_per_second": rest["per_second"], "stalled_ms": report["stalls"]["total_ns"] / 1e6,
            **{name: after[name] - before[name] for name in after}}


def run(link, rounds):
    servers, what = bench_rest.Servers(link), ["--rows", f"{link.folder}/{MODEL}.csv", "--model", "1"]
    servers.start_martletd(f'io = [ {link.cpu} ]; workers = [ ]; idle = "poll";')
    peak = statistics.median([link.loaded(*what, "--window", "128", seconds=1)["replies_per_second"] for _ in range(3)])
    result = []
    for rows, kind in FORMS:
        form, runs = bench_rest.Form(link.folder, rows, kind), {"alone": [], "beside": []}
        for i in range(rounds):
            print(f"river beside REST, {rows} rows in {kind}, round {i + 1} of {rounds}", flush=True)
            runs["alone"].append(river(link, peak / 2, servers, None))
            runs["beside"].append(river(link, peak / 2, servers, form))
        ratio = statistics.median([b["p999_ns"] / max(a["p999_ns"], 1) for a, b in zip(runs["alone"], runs["beside"])])
        result.append({"rows": rows, "kind": kind, "peak": peak, "ratio": ratio,
                       **{who: {key: spread([r[key] for r in of]) for key in of[0]} for who, of in runs.items()}})
    link.end(servers.martletd)
    return result


def rows(result):
    for of in result:
        alone, beside = of["alone"], of["beside"]
        rest = beside["rest_per_second"]["median"] / 1e3
        yield (f"river p99.9 beside REST, {of['rows']} {of['kind']}, {rest:.1f} k/s", beside["p999_ns"]["median"], "ns",
               alone["p999_ns"]["median"], f"<= 1.1 x alone ({of['ratio']:.2f})", of["ratio"] <= 1.1)
        yield "  p99", beside["p99_ns"]["median"], "ns", alone["p99_ns"]["median"], "", None
        yield "  lost", beside["lost"]["median"], "", alone["lost"]["median"], "", None
        yield "  client kept from its CPU", beside["stalled_ms"]["median"], "ms", alone["stalled_ms"]["median"], f"of {SECONDS} s", None
        for name in INTERRUPTS:
            if name in beside:
                yield f"  interrupts of the lcore's CPU: {name}", beside[name]["median"], "", alone[name]["median"], "", None
