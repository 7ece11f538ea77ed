#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A row's scores have the same bits whatever shares its batch, on the wire in both loops and offline. Requests of several
models and of any number of rows wait for martletd while it is stopped, so that it finds them all at once; the same rows are
scored by `martletctl model run`, one at a time and all together."""
import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile

import frames
from appliance import (MARTLETCTL, PING, ROOT, SCORE, Appliance, FarEnd, Reply, Tap, enter_private_network, request, sh,
                       skip_all)
from memif_loops import LOOPS
from wire import PORT, Client

sys.path.insert(0, os.path.join(ROOT, "tests/bench"))
import make_categories
import make_models

ROWS, ALONE, SEED = 256, 24, 13  # rows of each model, and those that are scored offline by themselves, too
ROOM = 1500 - 28 - 32            # bytes of a request's rows, and of its reply's scores
# Requests that wait at once. Bursts are of up to 32: some are of one model, some of several, some not full.
GROUPS = [1] * 8 + [2, 3, 5, 8, 13, 31, 32, 33, 64, 96] * 3


def sources(folder):
    """Name and file: dense layers, quantised ones, trees, trees that split categories, recurrence."""
    dense = "mlp_41_64_32_5", "dense_64_64", "int8_41_64_32_5"
    make_models.main(folder, "1", *dense)
    make_categories.main(folder)
    for name in dense:
        yield name, f"{folder}/{name}.onnx"
    yield "lab", f"{ROOT}/data/lab.onnx"
    yield "category", f"{folder}/category_sets.txt"
    yield "boosted", f"{folder}/indicator_one.txt"
    yield "gru", f"{ROOT}/tests/fixtures/operators/models/gru.onnx"
    yield "attention", f"{ROOT}/tests/fixtures/operators/models/attention_heads.onnx"


def tool(*args):
    done = subprocess.run([MARTLETCTL, "model", *args], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"martletctl model {' '.join(args)}: {done.stderr}")


class Model:
    """An image, rows of it, and what they score offline: bytes of each row."""

    def __init__(self, folder, name, source, number):
        self.name, self.id, self.image = name, number, f"{folder}/{name}.mlt"
        tool("compile", source, "-o", self.image, "--name", name, "--exact")
        about = subprocess.run([MARTLETCTL, "--json", "model", "inspect", self.image], check=True, capture_output=True)
        self.columns, self.outputs = shape_of(about.stdout)
        rng = random.Random(SEED + number)
        self.rows = [struct.pack(f"<{self.columns}f", *(rng.gauss(0, 2) for _ in range(self.columns))) for _ in range(ROWS)]
        if name == "category":
            self.rows = [row[:80] + struct.pack("<12f", *(rng.randrange(34) for _ in range(12))) for row in self.rows]
        self.scores = self.offline(folder, self.rows)
        self.most = ROOM // (4 * max(self.columns, self.outputs))  # rows of a request

    def offline(self, folder, rows):
        with open(f"{folder}/rows.f32", "wb") as f:
            f.writelines(rows)
        tool("run", self.image, f"{folder}/rows.f32", "-o", f"{folder}/out.f32")
        with open(f"{folder}/out.f32", "rb") as f:
            data = f.read()
        return [data[i:i + 4 * self.outputs] for i in range(0, len(data), 4 * self.outputs)]


def shape_of(inspected):
    about = json.loads(inspected)
    return len(about["features"]), len(about["outputs"])


def port_of(cpus):
    # Each lcore has a queue of its own to send by.
    pairs = ",qpairs=2" if cpus["workers"] else ""
    return f'{{ name = "edge"; device = "net_af_packet0,iface=veth-m{pairs}"; udp_port = {PORT}; addresses = [ "{frames.OURS4}/24" ]; }}'


def drawn_requests(rng, models, n):
    """n of them: (model, first row, rows). Of one model, or of any."""
    some = models if rng.random() < 0.7 else [rng.choice(models)]
    for _ in range(n):
        model = rng.choice(some)
        rows = rng.randint(1, min(model.most, ROWS))
        yield model, rng.randint(0, ROWS - rows), rows


def ask_at_once(appliance, client, asked):
    """Replies by the number of the request; martletd sees none before the last is there."""
    replies = {}
    appliance.proc.send_signal(signal.SIGSTOP)
    for i, (model, first, rows) in enumerate(asked):
        body = request(b"".join(model.rows[first:first + rows]), type=SCORE, model=model.id, request_id=i, rows=rows,
                       columns=model.columns)
        client.socket.sendto(body.ljust(32 + 4 * rows * model.outputs, b"\0"), client.to)
    appliance.proc.send_signal(signal.SIGCONT)
    while len(replies) < len(asked) and select.select([client.socket], [], [], 10)[0]:
        reply = Reply(client.socket.recv(65535))
        replies[reply.request_id] = reply
    return replies


def check_wire(tap, loop, cpus, far, models):
    named = [f'{{ name = "{m.name}"; id = {m.id}; image = "{m.image}"; }}' for m in models]
    rng = random.Random(SEED)
    with Appliance([port_of(cpus)], **cpus, models=named, netns=far.pid) as a:
        a.start()
        client = Client()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        while not client.ask(type=PING, wait=0.3):
            pass
        wrong, bad, n_rows = [], [], 0
        for n in GROUPS:
            asked = list(drawn_requests(rng, models, n))
            replies = ask_at_once(a, client, asked)
            for i, (model, first, rows) in enumerate(asked):
                reply = replies.get(i)
                if not reply or reply.status != "OK":
                    bad.append((n, i, model.name, reply and reply.status))
                elif reply.payload[:4 * rows * model.outputs] != b"".join(model.scores[first:first + rows]):
                    wrong.append((n, i, model.name, first, rows))
                else:
                    n_rows += rows
        tap.check(f"{loop}: every request is answered", not bad, bad[:5])
        tap.check(f"{loop}: rows in any mix have the bits that they have offline", not wrong and n_rows > 1000,
                  (n_rows, wrong[:5]))
        tap.check(f"{loop}: SIGTERM, exit 0", a.stop() == 0, a.log_text())


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="martlet-bits-") as folder:
        models = [Model(folder, name, source, 10 + i) for i, (name, source) in enumerate(sources(folder))]
        for model in models:
            alone = [model.offline(folder, [row])[0] for row in model.rows[:ALONE]]
            tap.check(f"offline: {model.name}: rows by themselves have the bits that they have among {ROWS}",
                      alone == model.scores[:ALONE])
        far = FarEnd()
        sh(f"ip addr add {frames.MINE4}/24 dev {far.near}")
        try:
            for loop, cpus in LOOPS.items():
                if max(cpus["io"] + cpus["workers"]) >= os.cpu_count():
                    tap.skip(loop, "needs two CPUs")
                    continue
                check_wire(tap, loop, cpus, far, models)
        finally:
            far.close()
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
