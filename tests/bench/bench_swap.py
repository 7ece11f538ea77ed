# SPDX-License-Identifier: BSD-3-Clause
"""Model swaps under load against steady state, in turns, in both loops, over memif. Every place where a
request or its reply can be lost is counted apart; latency counts from when a request should have left. And 100 changes
of every kind, each of which says what it cost."""
import json
import select
import statistics
import threading
import time

from bench_memif import MODEL, UnixHTTP, spread

SECONDS = 3
SWAP_EVERY = 0.2
SHARES = (0.5, 0.9)  # of the capacity measured
CHANGES, CHANGES_SECONDS, SETTLED_EVERY = 100, 45, 10  # of the costs of every tenth what came after is waited for
PATIENCE_MS = 20000  # of the client: what comes later than that is lost, where it has no CPU of its own
# Where a request can go: the client's own counters, then the appliance's.
CLIENT_PLACES = ("lost", "late", "duplicates", "unknown", "malformed", "bad_checksum", "mismatches", "wrong_fields",
                 "unexpected_version")


def loops(link):
    """The pipeline's two lcores share a CPU where the client needs the only other one, and sleep when idle."""
    return {"run to completion": f'io = [ {link.cpu} ]; workers = [ ]; idle = "poll";',
            "pipeline": f'io = [ {link.cpu} ]; workers = [ {link.cpu} ]; idle = "sleep";'}


class Swapper:
    """Promotes version 2, 1, 2, ... over one connection."""

    def __init__(self, link):
        self.connection, self.n = UnixHTTP(link.sock), 0

    def swap(self):
        self.connection.request("PUT", "/v1/models/bench/deployment", json.dumps({"live": 2 - self.n % 2}))
        reply = self.connection.getresponse()
        text = reply.read()
        if reply.status != 200:
            raise SystemExit(f"a swap was refused: {text}")
        self.n += 1

    def until_ended(self, proc):
        before = self.n
        while not select.select([proc.stdout], [], [], SWAP_EVERY)[0]:
            self.swap()
        return self.n - before


def places(link):
    """The appliance's side: drops by name and what the port missed."""
    found = {d["name"]: d["count"] for d in link.api("GET", "/v1/drops")["drops"] if d["count"]}
    for port in link.api("GET", "/v1/ports")["ports"]:
        for key in ("rx_missed", "rx_nombuf", "rx_errors", "tx_errors"):
            found[key] = found.get(key, 0) + port[key]
    return found


def run_once(link, args, swapper):
    before = places(link)
    proc = link.load("--seconds", str(SECONDS), *args)
    swaps = swapper.until_ended(proc) if swapper else 0
    report, after = link.report(proc, wrong_is_fatal=False), places(link)
    gone = {key: after[key] - before.get(key, 0) for key in after}
    gone.update({key: report[key] for key in CLIENT_PLACES})
    gone.update({key: n for key, n in report["status"].items() if key != "OK"})
    return {"swaps": swaps, "gone": {key: n for key, n in gone.items() if n}, **report}


def summary(runs):
    gone = {}
    for run in runs:
        for key, n in run["gone"].items():
            gone[key] = gone.get(key, 0) + n
    return {**{key: sum(r[key] for r in runs) for key in ("swaps", "sent", "answered", "unsent", "tx_full")},
            "gone": gone,
            # The client shares its CPU with the control thread where there are but two.
            "client_stalled_ms": spread([r["stalls"]["total_ns"] / 1e6 for r in runs]),
            **{f"{key}_p999_ns": spread([r[f"{key}_ns"]["p999"] for r in runs])
               for key in ("rtt", "server", "send_delay")}}


def swap_at(link, loop, rate, what, swapper, rounds):
    args = [*what, "--rate", f"{rate:.0f}"]
    runs = {"steady": [], "swapping": []}
    for i in range(rounds):
        print(f"swap, {loop}, {rate / 1e6:.2f} M/s, round {i + 1} of {rounds}", flush=True)
        runs["steady"].append(run_once(link, args, None))
        runs["swapping"].append(run_once(link, args, swapper))
    return {"rate": rate, **{who: summary(of) for who, of in runs.items()}}


class Neighbour(threading.Thread):
    """Asks another model by the API, now and then."""

    def __init__(self, link):
        super().__init__(daemon=True)
        self.connection, self.is_over, self.asked, self.refused = UnixHTTP(link.sock), False, 0, 0
        with open(f"{link.folder}/{MODEL}.f32", "rb") as rows:
            self.row = rows.read(4 * int(MODEL.split("_")[1]))

    def run(self):
        while not self.is_over:
            self.connection.request("POST", "/v2/models/near/infer", self.row, {"Inference-Header-Content-Length": "0"})
            reply = self.connection.getresponse()
            reply.read()
            self.asked, self.refused = self.asked + 1, self.refused + (reply.status != 200)
            time.sleep(0.005)

    def end(self):
        self.is_over = True
        self.join()


def kinds():
    """Method, path, body, and the model whose change it is."""
    deployment, repository = "/v1/models/bench/deployment", "/v2/repository/models/spare/"
    return [("PUT", deployment, {"live": 2}, "bench"), ("PUT", deployment, {"canary": {"version": 1, "permille": 10}}, "bench"),
            ("PUT", deployment, {"canary": {"permille": 100}}, "bench"), ("PUT", deployment, {"canary": {"permille": 500}}, "bench"),
            ("POST", repository + "unload", None, "spare"), ("PUT", deployment, {"canary": None}, "bench"),
            ("PUT", deployment, {"shadow": 1}, "bench"), ("PUT", deployment, {"shadow": None}, "bench"),
            ("POST", repository + "load", None, "spare"), ("POST", "/v1/models/bench/rollback", None, "bench")]


def change(link, n):
    """Makes the n-th and returns what it cost."""
    method, path, body, model = kinds()[n % len(kinds())]
    reply = link.api(method, path, body)
    if "error" in reply:
        raise SystemExit(f"change {n}, {method} {path} {body}: {reply}")
    cost = link.api("GET", f"/v1/models/{model}/change")
    while n % SETTLED_EVERY == 0 and not cost["settled"]:
        time.sleep(0.1)
        cost = link.api("GET", f"/v1/models/{model}/change")
    return cost


def changes_at(link, what, rate):
    """Under load by UDP, beside a neighbour that is asked by the API."""
    print(f"swap, {CHANGES} changes, {rate / 1e6:.2f} M/s", flush=True)
    for model, id in (("near", "2"), ("spare", "3")):
        link.ctl("model", "push", f"{link.folder}/a.mlt", "--name", model, "--version", "1")
        link.ctl("model", "promote", model, "1", "--id", id, "--no-cost")
    link.api("PUT", "/v1/models/bench/deployment", {"live": 1})
    neighbour, costs, before = Neighbour(link), [], places(link)
    neighbour.start()
    begin = time.monotonic()
    proc = link.load("--seconds", str(CHANGES_SECONDS), "--rate", f"{rate:.0f}", "--timeout-ms", str(PATIENCE_MS), *what)
    for n in range(CHANGES):
        due = begin + 2 + n * (CHANGES_SECONDS - 5) / CHANGES
        if select.select([proc.stdout], [], [], max(0, due - time.monotonic()))[0]:
            break  # what is not made under load does not count
        costs.append(change(link, n))
    report, after = link.report(proc, wrong_is_fatal=False), places(link)
    neighbour.end()
    gone = {key: after[key] - before.get(key, 0) for key in after}
    gone.update({key: report[key] for key in CLIENT_PLACES})
    gone.update({key: n for key, n in report["status"].items() if key != "OK"})
    gone["neighbour"] = neighbour.refused
    return {"rate": rate, "sent": report["sent"] + neighbour.asked, "gone": {key: n for key, n in gone.items() if n}, "costs": costs}


def p999(costs, whose, way, when):
    found = [c[whose][way][when]["p999_ns"] for c in costs if c[whose][way][when]]
    return statistics.median(found) if found else None


def rows_of_changes(at):
    costs, lost = at["costs"], sum(at["gone"].values())
    asked = [c for c in costs if c["model"] == "bench"]
    yield (f"{len(costs)} changes at {SHARES[-1]:.0%}: lost", lost, "", None, f"0 of {at['sent']:,}, of which they say {sum(c['lost'] for c in costs)}",
           lost == 0)
    for key, n in at["gone"].items():
        yield (f"  gone: {key}", n, "", None, "", None)
    blocked = [c["blocked_ns"] / 1e6 for c in costs]
    yield ("  the API was blocked for, at most", max(blocked), "ms", None, f"median {statistics.median(blocked):.2f}; lcores not at all", None)
    for whose, way, name in (("latency", "udp", "of the model"), ("neighbours", "api", "of its neighbour, by the API")):
        times = {when: p999(asked, whose, way, when) for when in ("before", "during", "after")}
        text = ", ".join(f"{when} {ns / 1e3:.1f} us" if ns else f"{when}: none asked" for when, ns in times.items())
        yield (f"  p99.9 {name}, during", times["during"] or 0, "ns", times["before"], text, None)


def run(link, rounds):
    f = link.folder
    what = ["--rows", f"{f}/{MODEL}.csv", "--model", "1", "--expect", f"1={f}/a.npy", "--expect", f"2={f}/b.npy"]
    result = {}
    for loop, lcores in loops(link).items():
        more = [] if loop == "run to completion" else ["--rx-queues", "2"]
        appliance = link.appliance(lcores)
        swapper = Swapper(link)
        swapper.swap()  # each version once, so that its kernels have been timed
        swapper.swap()
        peak = statistics.median([link.loaded(*what, *more, "--window", "128", seconds=1)["replies_per_second"]
                                  for _ in range(3)])
        result[loop] = {"peak": peak, "loads": {
            str(share): swap_at(link, loop, share * peak, [*what, *more], swapper, rounds) for share in SHARES}}
        if loop == "run to completion":
            changes = changes_at(link, what, SHARES[-1] * peak)
        link.end(appliance)
    return {"loops": result, "changes": changes}


def rows(result):
    yield from rows_of_changes(result["changes"])
    for loop, of in result["loops"].items():
        for share, at in of["loads"].items():
            steady, swapping = at["steady"], at["swapping"]
            lost = sum(swapping["gone"].values())
            yield (f"{loop}, {float(share):.0%} of {of['peak'] / 1e6:.2f} M/s: lost", lost, "",
                   sum(steady["gone"].values()), f"0 of {swapping['sent']:,}, {swapping['swaps']} swaps", lost == 0)
            for key, name in (("server_p999_ns", "in the appliance"), ("rtt_p999_ns", "round trip")):
                mine, peer = swapping[key]["median"], steady[key]["median"]
                yield (f"  p99.9 {name}, swapping", mine, "ns", peer,
                       f"<= 1.1 x steady ({mine / max(peer, 1):.2f})", mine <= 1.1 * peer)
            yield ("  client kept from its CPU", swapping["client_stalled_ms"]["median"], "ms",
                   steady["client_stalled_ms"]["median"], f"of {SECONDS} s", None)
            for key, n in swapping["gone"].items():
                yield (f"  gone: {key}", n, "", steady["gone"].get(key, 0), "", None)
