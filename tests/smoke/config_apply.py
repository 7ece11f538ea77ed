#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletctl config check, diff and apply: what is live is taken over, all or nothing, while requests are answered."""
import http.client
import json
import os
import re
import signal
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import Appliance, Tap, enter_private_network, skip_all, wait_for

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
HTTP = 'http = ( {{ listen = "127.0.0.1:{}"; serves = [ "infer" ]; }} );'
BODY = json.dumps({"inputs": [{"name": "rows", "datatype": "FP32", "shape": [1, 41], "data": [0.5] * 41}]})
INFER = "/v2/models/lab/infer"


def tcp(port):
    try:
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        c.request("POST", INFER, BODY)
        status = c.getresponse().status
        c.close()
        return status
    except OSError:
        return 0


def other(a, *changes):
    """The path of the configuration with other words in it."""
    with open(a.conf) as f:
        text = f.read()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = os.path.join(a.dir, "other.conf")
    with open(path, "w") as f:
        f.write(text)
    return path


def state(a):
    return a.api("GET", "/v1/config")[1]


def refusals(tap, a):
    bad = os.path.join(a.dir, "bad.mlt")
    with open(bad, "wb") as f:
        f.write(b"no image")
    taken = socket.create_server(("127.0.0.1", 7803))
    live = ("drain_grace = 0;", "drain_grace = 0; idle_seconds = 33;")
    tls = f'listen = "127.0.0.1:7798"; tls = {{ certificate = "{bad}"; key = "{bad}"; }};'
    more = 'models = ( {{ name = "new"; id = {}; image = "{}"; }}, '
    for name, changes, words in (
            ("a port in use", [("7798", "7803")], "port 7803 cannot be listened on"),
            ("a bad certificate", [('listen = "127.0.0.1:7798";', tls)], "cannot be read as a certificate"),
            ("a bad image", [("models = ( ", more.format(9, bad))], "models[new].image"),
            ("an id in use", [("models = ( ", more.format(7, frames.compile_lab_image()))], "is the id of")):
        before = state(a)
        done = a.ctl("config", "apply", other(a, live, *changes), check=False)
        tap.check(f"{name}: refused, and nothing has changed", done.returncode == 1 and words in done.stderr and state(a) == before
                  and tcp(7798) == 200, f"{done.stderr} {state(a)}")
        tap.check(f"{name}: check says so, too", a.ctl("config", "check", other(a, live, *changes), check=False).returncode == 1)
    taken.close()


def operators(tap, a):
    tag = state(a)["etag"].strip('"')
    done = a.ctl("config", "apply", "--if-match", tag, other(a, ("drain_grace = 0;", "drain_grace = 0; idle_seconds = 61;")), check=False)
    tap.check("with the tag that is in force", done.returncode == 0, done.stderr)
    done = a.ctl("config", "apply", "--if-match", tag, a.conf, check=False)
    tap.check("the second operator is told what changed", done.returncode == 1 and "control.idle_seconds" in done.stderr
              and "by uid 0" in done.stderr, done.stderr)


def hundred(tap, a):
    """100 applies: a keep-alive connection is never disturbed."""
    failed, n, stop = [], 0, threading.Event()

    def ask():
        nonlocal n
        c = http.client.HTTPConnection("127.0.0.1", 7798, timeout=30)
        while not stop.is_set():
            try:
                c.request("POST", INFER, BODY)
                r = c.getresponse()
                r.read()
                n += 1
                if r.status != 200:
                    failed.append(r.status)
            except (OSError, http.client.HTTPException) as e:
                failed.append(repr(e))
                return

    thread = threading.Thread(target=ask)
    thread.start()
    with open(a.conf) as f:
        text = f.read()
    statuses = set()
    for i in range(100):
        body = text.replace("drain_grace = 0;", f"drain_grace = 0; idle_seconds = {100 + i};")
        if i % 2:
            body = body.replace("http = ( ", 'http = ( { listen = "127.0.0.1:7804"; serves = [ "metrics" ]; }, ')
        statuses.add(a.api("PUT", "/v1/config", body.encode())[0])
    stop.set()
    thread.join()
    tap.check("100 applies, and no request is lost", statuses == {200} and not failed and n > 0, f"{statuses} {failed[:3]} {n}")


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root")
    tap = Tap()
    image = frames.compile_lab_image()
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}'], control=HTTP.format(7798)) as a:
        a.start()
        tap.check("the same is the same", a.ctl("config", "diff", a.conf).stdout == "the same as in force\n")
        path = other(a, ("7798", "7799"), ("drain_grace = 0;", "drain_grace = 0; idle_seconds = 9;"), ("mbufs = 8192", "mbufs = 16384"))
        text = a.ctl("config", "diff", path).stdout
        tap.check("diff: key by key, live or restart", re.search(r"control.idle_seconds +60 +9 +live", text) and
                  re.search(r"memory.mbufs +8192 +16384 +restart: memory", text), text)
        tap.check("and changes nothing", tcp(7798) == 200 and tcp(7799) == 0)
        a.ctl("config", "apply", path)
        tap.check("apply: another listener", tcp(7799) == 200 and tcp(7798) == 0, a.log_text()[-800:])
        keys = state(a)["keys"]
        tap.check("what is live is in force, the rest is as it was", keys["control.idle_seconds"] == "9" and keys["memory.mbufs"] == "8192")
        a.proc.send_signal(signal.SIGHUP)
        tap.check("SIGHUP: its own file again", wait_for(lambda: tcp(7798) == 200) and state(a)["keys"]["control.idle_seconds"] == "60")
        refusals(tap, a)
        operators(tap, a)
        a.ctl("config", "apply", other(a, ("models = ( ", f'models = ( {{ name = "new"; id = 8; image = "{image}"; }}, ')))
        tap.check("a model that is new is deployed", wait_for(lambda: a.api("GET", "/v2/models/new/ready")[0] == 200), a.log_text()[-800:])
        hundred(tap, a)
        path = other(a, ("drain_grace = 0;", "drain_grace = 0; idle_seconds = 44;"))
        a.ctl("config", "apply", path, "--write")
        with open(a.conf) as own, open(path) as wanted:
            tap.check("--write: a restart finds it", own.read() == wanted.read())
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-500:])
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
