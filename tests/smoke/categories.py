#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Rows with columns of text, from training to the wire: the image has the table, every command and the appliance take the texts and
columns in any order, packets their numbers, and a header that does not match is refused everywhere with the nearest name."""
import json
import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, Appliance, FarEnd, Tap, UnixHTTP, enter_private_network, sh, skip_all

PROTOS = ["udp", "tcp", "icmp"]
TABLE = {"udp": 2, "tcp": 1, "icmp": 0}  # sorted by bytes


def tool(*args):
    return subprocess.run([MARTLETCTL, *args], capture_output=True, timeout=60, text=True)


def write(path, names, rows):
    with open(path, "w") as f:
        f.write("\n".join(",".join(map(str, r)) for r in [names, *rows]) + "\n")
    return path


def post(a, body, kind):
    c = UnixHTTP(a.sock)
    c.request("POST", "/v2/models/kinds/infer", body, {"Content-Type": kind})
    reply = c.getresponse()
    return reply.status, reply.read().decode()


def train(tap, folder, image):
    rows = [[i % 97, PROTOS[i % 3], i % 5 + 0.5, ["benign", "attack"][(i % 3 == 1) ^ (i % 97 > 60)]] for i in range(600)]
    path = write(os.path.join(folder, "train.csv"), ["size", "proto", "rate", "label"], rows)
    done = tool("model", "train", path, "-o", image, "--epochs", "3", "--name", "kinds", "--refuse-unknown")
    tap.check("trained with a column of text", done.returncode == 0, done.stderr)
    done = tool("model", "inspect", image)
    tap.check("inspect prints the table", "texts      proto: 0 icmp, 1 tcp, 2 udp, others are refused" in done.stdout, done.stdout + done.stderr)
    bad = write(os.path.join(folder, "bad.csv"), ["size", "proto", "rate", "label"], rows[:5] + [[1, "6", 2, "attack"]])
    done = tool("model", "train", bad, "-o", image + ".not")
    tap.check("text here and a number there: the line", done.returncode == 1 and f"{bad}:7: column 2: '6' is a number" in done.stderr
              and not os.path.exists(image + ".not"), done.stderr)
    more = write(os.path.join(folder, "more.csv"), ["size", "proto", "rate", "label"], rows[:5] + [[1, "sctp", 2, "attack"]])
    done = tool("model", "eval", image, "--rows", more)
    tap.check("a text that training has not seen is refused", done.returncode == 1 and f"{more}:7: column 2: 'sctp' is none of the 3 texts" in done.stderr,
              done.stderr)
    done = tool("model", "train", path, "-o", image + ".any", "--epochs", "1")
    tap.check("or taken, where nothing else was asked for", done.returncode == 0 and tool("model", "eval", image + ".any", "--rows", more).returncode == 0, done.stderr)
    return rows


def headers(tap, folder, image, rows):
    """Every reader of rows."""
    names, cells = ["rate", "size", "prot"], [[r[2], r[0], r[1]] for r in rows[:4]]
    path = write(os.path.join(folder, "names.csv"), names, cells)
    right = f"{path}:1: the header lacks 1 of the model's 3 features: 'proto' (it has 'prot')"
    for words in (["run", image, path, "-o", "-"], ["bench", image, "--rows", path], ["reference", image, path, "-o", image + ".ref"],
                  ["replay", path, "--with", image, "--against", image], ["eval", image, "--rows", path]):
        done = tool("model", *words)
        tap.check(f"model {words[0]}: the nearest name", done.returncode == 1 and right in done.stderr, done.stderr)


def served(tap, a, folder, image, rows):
    a.ctl("model", "push", image, "--name", "kinds")
    a.ctl("model", "promote", "kinds:1", "--id", "8")
    some = [r[:3] for r in rows[:50]]
    turned = write(os.path.join(folder, "turned.csv"), ["rate", "proto", "size"], [r[::-1] for r in some])
    plain = write(os.path.join(folder, "plain.csv"), ["size", "proto", "rate"], some)
    right = tool("model", "run", image, plain, "-o", "-").stdout
    numbers = os.path.join(folder, "numbers.f32")
    with open(numbers, "wb") as f:
        for r in some:
            f.write(struct.pack("<3f", r[0], TABLE[r[1]], r[2]))
    codes = write(os.path.join(folder, "codes.csv"), ["size", "proto", "rate"], [[r[0], TABLE[r[1]], r[2]] for r in some])
    for name, args in (("in another order", ["model", "run", image, turned, "-o", "-"]), ("as numbers", ["model", "run", image, numbers, "-o", "-"]),
                       ("over REST", ["-s", a.sock, "score", "kinds", turned]),
                       ("over UDP", ["-s", a.sock, "score", "kinds", turned, "--udp", "10.66.0.1:7797"]),
                       ("over UDP as numbers", ["-s", a.sock, "score", "8", codes, "--udp", "10.66.0.1:7797", "--outputs", "2"])):
        done = tool(*args)
        tap.check(f"the same scores {name}", done.returncode == 0 and len(right) > 100 and done.stdout.splitlines()[1:] == right.splitlines()[1:],
                  done.stdout[:200] + done.stderr)
    with open(turned) as f:
        text = f.read()
    status, body = post(a, text, "text/csv")
    tap.check("the same scores of text/csv", status == 200 and [struct.pack("<f", float(v)) for v in body.split("\n", 1)[1].replace("\n", ",").split(",") if v]
              == [struct.pack("<f", float(v)) for v in right.split("\n", 1)[1].replace("\n", ",").split(",") if v], body[:200])
    status, body = post(a, text.replace("proto", "protto"), "text/csv")
    tap.check("text/csv: the nearest name", status == 400 and "'proto' (it has 'protto')" in json.loads(body)["error"], body)
    wrong = write(os.path.join(folder, "wrong.csv"), ["size", "prto", "rate"], some)
    done = tool("-s", a.sock, "score", "kinds", wrong)
    tap.check("score: the nearest name", done.returncode == 1 and "'proto' (it has 'prto')" in done.stderr, done.stderr)
    texts = a.api("GET", "/v2/models/kinds")[1]["parameters"]["texts"]
    tap.check("the API gives the table", texts == [{"feature": 1, "texts": ["icmp", "tcp", "udp"], "takes_unknown": False, "is_category": True}], str(texts))


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root")
    tap, far = Tap(), FarEnd()
    sh("ip address add 10.66.0.2/24 dev veth-c")
    with tempfile.TemporaryDirectory(prefix="categories ") as folder:
        image = os.path.join(folder, "kinds.mlt")
        rows = train(tap, folder, image)
        headers(tap, folder, image, rows)
        port = '{ name = "edge"; device = "net_af_packet0,iface=veth-m"; addresses = [ "10.66.0.1/24" ]; }'
        with Appliance([port], netns=far.pid) as a:
            a.start()
            served(tap, a, folder, image, rows)
            tap.check("the appliance ends well", a.stop() == 0, a.log_text())
    far.close()
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
