# SPDX-License-Identifier: BSD-3-Clause
"""What a flooding client by one port does to a polite one by another (tests/bench/bench_fair.c), over memif between two processes: the
polite one's round trips with the flood and without it, in turns, where nobody is limited, by shares, and by a rate of the flood's."""
import json
import os
import subprocess

import make_models
from bench_memif import spread

MODEL, COLUMNS, ID = "mlp_128_256_128_10", 128, 2
RATE, WINDOW, SECONDS = 2000, 512, float(os.environ.get("BENCH_SECONDS", "1.5"))
LIMITS = {"nobody limited": "", "shares": "clients = { share = 1; };",
          "a rate": 'clients = { list = ( { address = "10.77.1.0/24"; rate = 2000; burst = 64; } ); };'}


def port(link, name, i):
    return (f'{{ name = "{name}"; device = "net_memif{i},id={i},role=server,socket={link.folder}/{name}.sock,socket-abstract=no"; '
            f'addresses = [ "10.77.{i}.1/24" ]; }}')


def appliance(link, limits):
    proc = link.appliance(more=limits, ports=f"{port(link, 'polite', 0)}, {port(link, 'flood', 1)}")
    if not any(m["name"] == "fair" for m in link.api("GET", "/v1/models")["models"]):
        link.ctl("model", "push", f"{link.folder}/fair.mlt", "--version", "1")
        link.ctl("model", "promote", "fair", "1", "--id", str(ID))
    return proc


def ask(link, window):
    macs = {p["name"]: p["mac"] for p in link.api("GET", "/v1/status")["ports"]}
    done = subprocess.run([f"{link.build}/tests/bench/bench_fair", link.folder, str(ID), str(COLUMNS), str(RATE), str(window), str(SECONDS),
                           macs["polite"], macs["flood"]], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def figures(runs):
    return {**{key: spread([r[key] for r in runs]) for key in ("p50_ns", "p99_ns", "undisturbed_p99_ns", "stalls", "undisturbed")},
            **{who: {key: sum(r[who][key] for r in runs) for key in runs[0][who]} for who in ("polite", "flood")}}


def run(link, rounds):
    make_models.main(link.folder, "1", MODEL)
    link.ctl("model", "compile", f"{link.folder}/{MODEL}.onnx", "-o", f"{link.folder}/fair.mlt", "--name", "fair")
    runs = {name: ([], []) for name in LIMITS}
    for i in range(rounds):
        print(f"fair, round {i + 1} of {rounds}", flush=True)
        for name, limits in LIMITS.items():
            proc = appliance(link, limits)
            for flooded in (0, 1) if i % 2 == 0 else (1, 0):
                runs[name][flooded].append(ask(link, WINDOW * flooded))
            link.end(proc)
    return {name: {"alone": figures(alone), "flooded": figures(flooded)} for name, (alone, flooded) in runs.items()}


def rows(result):
    for name, of in result.items():
        mine, alone = of["flooded"], of["alone"]
        is_goal = name != "nobody limited"
        kept = "" if mine["stalls"]["median"] == 0 else f", kept from its CPU {mine['stalls']['median']:.0f} times"
        # What the client could not see in time, having been kept from its CPU, is left out.
        p99, base = (f["undisturbed_p99_ns"]["median"] for f in (mine, alone))
        yield (f"fair, {name}: p99 beside a flood", p99, "ns", base, f"{'<= 1.2 x ' if is_goal else ''}alone ({p99 / max(base, 1):.2f}{kept})",
               p99 <= 1.2 * base if is_goal else None)
        yield f"fair, {name}: p50 beside a flood", mine["p50_ns"]["median"], "ns", alone["p50_ns"]["median"], "alone", None
        bad = {key: mine["polite"][key] for key in ("lost", "busy", "wrong")}
        flood = mine["flood"]
        yield (f"fair, {name}: lost, busy or wrong", sum(bad.values()), "", None,
               f"{'0 ' if is_goal else ''}of {mine['polite']['sent']}; flood {flood['busy'] / max(flood['sent'], 1):.0%} busy",
               sum(bad.values()) == 0 if is_goal else None)
