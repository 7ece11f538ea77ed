#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every route of the HTTP API and every status that it answers with, as curl would see them. Then a store that was
damaged while martletd was down."""
import json
import os
import shutil
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import Appliance, Tap, UnixHTTP, skip_all

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
FEATURES = 41


class Asker:
    """One request a line: what is asked, the status that must come, and words that must be in the answer."""

    def __init__(self, tap, appliance):
        self.tap, self.appliance = tap, appliance

    def __call__(self, name, method, path, body, status, *words):
        got, reply = self.appliance.api(method, path, body)
        text = reply if isinstance(reply, str) else json.dumps(reply)
        sentence = status < 400
        if status >= 400 and isinstance(reply, dict) and set(reply) - {"ready"} == {"error"}:
            text = reply["error"]
            sentence = "\n" not in text
        self.tap.check(f"{name}: {status}", got == status and sentence and all(w in text for w in words), f"{got} {text[:600]}")
        return reply


def reading(ask, tap):
    """What can be read of an appliance that serves nothing."""
    ask("server metadata", "GET", "/v2", None, 200, '"martlet"', "model_repository")
    ask("live", "GET", "/v2/health/live", None, 200)
    ask("ready", "GET", "/v2/health/ready", None, 200)
    for what in ("models", "stats", "drops", "ports", "lcores", "latency"):
        ask(what, "GET", f"/v1/{what}", None, 200)
    ask("an empty index", "POST", "/v2/repository/index", b"", 200, "[]")
    ask("metrics", "GET", "/metrics", None, 200, "# TYPE martlet_")
    status = ask("status", "GET", "/v1/status", None, 200)
    want = {"version", "pid", "uptime_seconds", "state", "config", "isa", "ports", "lcores", "models", "counters",
            "drops", "mempool"}
    tap.check("status says all it must", want <= set(status), str(want - set(status)))
    ask("no such path", "GET", "/v1/model", None, 404, "/v1/model")
    ask("a path with more behind it", "GET", "/v1/status/more", None, 404)
    ask("a method that does not fit", "PUT", "/v1/status", b"", 405, "GET")
    ask("PATCH", "PATCH", "/v1/models", b"", 405)


def storing(ask, image, other):
    ask("a first version", "PUT", "/v1/models/lab/versions/3", image, 201, '"version": 3', f'"bytes": {len(image)}')
    ask("the same bytes again", "PUT", "/v1/models/lab/versions/3", image, 200, '"version": 3')
    ask("other bytes under that number", "PUT", "/v1/models/lab/versions/3", other, 409, "use another number")
    ask("a second version", "PUT", "/v1/models/lab/versions/4", other, 201)
    ask("the last version there can be", "PUT", "/v1/models/lab/versions/65535", other, 201)
    ask("an image that is none", "PUT", "/v1/models/lab/versions/5", b"PK\3\4 something else", 422, "the image is refused")
    ask("an image of no bytes", "PUT", "/v1/models/lab/versions/5", b"", 422, "the image is refused")
    for version in ("0", "65536", "-1", "03", "3x", "x", "99999999999999999999"):
        ask(f"version {version}", "PUT", f"/v1/models/lab/versions/{version}", image, 400, "1 to 65535")
    for name in ("..", ".hidden", "a%2fb", "a%00b", "a%20b", "x" * 64, "%ff"):
        ask(f"name {name[:8]}", "PUT", f"/v1/models/{name}/versions/1", image, 400, "is no model's name")
    ask("the longest name", "PUT", f"/v1/models/{'x' * 63}/versions/1", image, 201)
    ask("its deletion", "DELETE", f"/v1/models/{'x' * 63}/versions/1", None, 200)


def deploying(ask, tap):
    put, unload, load = "/v1/models/lab/deployment", "/v2/repository/models/lab/unload", "/v2/repository/models/lab/load"
    ask("rollback before any deployment", "POST", "/v1/models/lab/rollback", b"", 409, "no deployment before")
    ask("load before any deployment", "POST", load, b"", 409, "never deployed")
    ask("unload before any deployment", "POST", unload, b"", 409, "not loaded")
    ask("not in service yet", "GET", "/v2/models/lab", None, 503)
    ask("a first deployment without an id", "PUT", put, {"live": 3}, 400, '"id"')
    ask("a version that is not stored", "PUT", put, {"id": 7, "live": 9}, 404, "push it first")
    ask("a model that is not stored", "PUT", "/v1/models/nobody/deployment", {"id": 9, "live": 1}, 404, "nobody")
    for name, body, word in (("no live", {"id": 7}, '"live" is missing'), ("live 0", {"live": 0}, "1 to 65535"),
                             ("id 65536", {"id": 65536, "live": 3}, "1 to 65535"), ("live 1.5", {"live": 1.5}, "whole number"),
                             ("a list", [3], "object"), ("an unknown key", {"live": 3, "pace": 1}, "pace"),
                             ("a key twice", b'{"live": 3, "live": 4}', "duplicate"), ("half a body", b'{"live"', "line 1"),
                             ("not UTF-8", b'{"\xff": 1}', "JSON"), ("64 KiB and more", b" " * (1 << 17), "at most")):
        ask(f"a deployment with {name}", "PUT", put, body, 400, word)
    reply = ask("deploy", "PUT", put, {"id": 7, "live": 3}, 200)
    tap.check("what deploying answers", reply["change"] == "live 3" and reply["by"].startswith("uid ")
              and (reply["model"], reply["id"], reply["live"], reply["previous"], reply["revision"]) == ("lab", 7, 3, None, 1), str(reply))
    ask("another id for it", "PUT", put, {"id": 8, "live": 4}, 409, "id 7")
    ask("one with other outputs than the live one", "PUT", put, {"live": 4}, 409, "version 4", "41 features and 10 outputs",
        "the live version 41 and 2", "force")
    ask("a force that is no truth value", "PUT", put, {"live": 4, "force": 1}, 400, "true or false")
    reply = ask("deploy the next", "PUT", put, {"live": 4, "force": True}, 200)
    tap.check("the one before is kept to go back to", reply["previous"] == 3, str(reply))
    ask("metadata of the live model", "GET", "/v2/models/lab", None, 200, f"[-1, {FEATURES}]", '"versions": ["4"]', "source_sha256")
    ask("metadata of the live version", "GET", "/v2/models/lab/versions/4", None, 200)
    ask("metadata of a stored version", "GET", "/v2/models/lab/versions/3", None, 503, "version 4 is live")
    ask("metadata of no version", "GET", "/v2/models/lab/versions/9", None, 404, "there is no version 9 of model 'lab'")
    ask("metadata of no model", "GET", "/v2/models/nobody", None, 404, "there is no model 'nobody'")
    for what, method, path, body in (("metadata", "GET", "/v2/models/labb", None),
                                     ("metadata of a version", "GET", "/v2/models/labb/versions/3", None),
                                     ("ready", "GET", "/v2/models/labb/ready", None),
                                     ("a deployment", "PUT", "/v1/models/labb/deployment", {"live": 4}),
                                     ("a rollback", "POST", "/v1/models/labb/rollback", b""),
                                     ("to load", "POST", "/v2/repository/models/labb/load", b""),
                                     ("to unload", "POST", "/v2/repository/models/labb/unload", b""),
                                     ("to delete a version", "DELETE", "/v1/models/labb/versions/3", None)):
        ask(f"{what} of a model with a letter too many", method, path, body, 404, "did you mean 'lab'?")
    ask("ready: the live model", "GET", "/v2/models/lab/ready", None, 200)
    ask("ready: a stored version", "GET", "/v2/models/lab/versions/3/ready", None, 503)
    ask("delete what is live", "DELETE", "/v1/models/lab/versions/4", None, 409, "promote another or unload")
    ask("delete what is not there", "DELETE", "/v1/models/lab/versions/9", None, 404)
    index = ask("the index", "POST", "/v2/repository/index", b"", 200)
    states = {i["version"]: i["state"] for i in index}
    tap.check("the index tells what is ready", states == {"3": "UNAVAILABLE", "4": "READY", "65535": "UNAVAILABLE"}, str(states))
    index = ask("the index of what is ready", "POST", "/v2/repository/index", {"ready": True}, 200)
    tap.check("which is one", [i["version"] for i in index] == ["4"], str(index))
    ask("an index of nonsense", "POST", "/v2/repository/index", {"ready": "yes"}, 400, "true or false")
    reply = ask("roll back", "POST", "/v1/models/lab/rollback", b"", 200)
    tap.check("which swaps the two", (reply["live"], reply["previous"]) == (3, 4), str(reply))
    ask("a rollback with a body", "POST", "/v1/models/lab/rollback", {"live": 3}, 400, "unknown key")
    ask("unload", "POST", unload, b"", 200, '"live": null')
    ask("unload twice", "POST", unload, b"", 409, "not loaded")
    ask("metadata of what is unloaded", "GET", "/v2/models/lab", None, 503, "unloaded by the operator")
    ask("load", "POST", load, b"{}", 200, '"live": 3')
    for verb in ("load", "unload"):
        ask(f"{verb} what is not there", "POST", f"/v2/repository/models/nobody/{verb}", b"", 404, "nobody")


def two_models(ask, tap, image):
    ask("a second model", "PUT", "/v1/models/second/versions/1", image, 201)
    ask("under an id that is taken", "PUT", "/v1/models/second/deployment", {"id": 7, "live": 1}, 409, "lab", "use another")
    ask("under its own", "PUT", "/v1/models/second/deployment", {"id": 8, "live": 1}, 200)
    ask("unload it", "POST", "/v2/repository/models/second/unload", b"", 200)
    ask("its id stays its own", "PUT", "/v1/models/lab/deployment", {"id": 8, "live": 3}, 409)
    ask("delete its deployment with its version", "DELETE", "/v1/models/second/versions/1", None, 200)
    ask("which ends it", "GET", "/v2/models/second", None, 404)
    reply = ask("delete the version to roll back to", "DELETE", "/v1/models/lab/versions/4", None, 200)
    tap.check("it names what went", reply == {"model": "lab", "version": 4}, str(reply))
    ask("nothing to roll back to is left", "POST", "/v1/models/lab/rollback", b"", 409)


def without_kernels(ask):
    """A model with a step that no kernel takes: its plain form does."""
    with open(frames.compile_lab_image("plain", "tests/fixtures/operators/models/reduce_sum.onnx"), "rb") as f:
        ask("a model without kernels", "PUT", "/v1/models/plain/versions/1", f.read(), 201)
    ask("its deployment", "PUT", "/v1/models/plain/deployment", {"id": 9, "live": 1}, 200)
    ask("its unloading", "POST", "/v2/repository/models/plain/unload", b"", 200)
    ask("its deletion", "DELETE", "/v1/models/plain/versions/1", None, 200)


def raw(path, data):
    """(status, body, head) of the answer to these very bytes; the status is None where there was none."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(path)
    reply = b""
    try:
        s.sendall(data)
        while not reply.endswith(b"}"):
            more = s.recv(65536)
            if not more:
                break
            reply += more
    except ConnectionError:
        pass
    finally:
        s.close()
    head, _, body = reply.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head.startswith(b"HTTP/1.1 ") else None, body.decode(), head


# What is refused before any route: a status each. Nothing, None, will do for what is more than a socket's buffer holds:
# once the answer is sent a client that still sends is not waited for without end.
HEAD = b"PUT /v1/models/lab/versions/9 HTTP/1.1\r\n"
NOT_HTTP = (
    ("noise", bytes(range(128, 256)) + b"\r\n\r\n", (400,)),
    ("TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", (400,)),
    ("a method of its own", b"BREW /v1/status HTTP/1.1\r\n\r\n", (501,)),
    ("no version", b"GET /v1/status\r\n\r\n", (400,)),
    ("a version to come", b"GET /v1/status HTTP/3.0\r\n\r\n", (505,)),
    ("lines without CR", b"GET /v1/status HTTP/1.1\n\n", (400,)),
    ("a header without a colon", b"GET /v1/status HTTP/1.1\r\nnonsense\r\n\r\n", (400,)),
    ("a blank before the colon", b"GET /v1/status HTTP/1.1\r\nAccept : x\r\n\r\n", (400,)),
    ("a header in two lines", b"GET /v1/status HTTP/1.1\r\nAccept: x\r\n y\r\n\r\n", (400,)),
    ("a zero byte", b"GET /v1/status HTTP/1.1\r\nAccept: \0\r\n\r\n", (400,)),
    ("a length that is none", HEAD + b"Content-Length: x\r\n\r\n", (400,)),
    ("a length below zero", HEAD + b"Content-Length: -1\r\n\r\n", (400,)),
    ("a length twice", HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n1", (400,)),
    ("a length and chunks", HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n", (400,)),
    ("chunks", HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n", (411,)),
    ("another coding", HEAD + b"Transfer-Encoding: gzip\r\n\r\n", (501,)),
    ("a length beyond any image", HEAD + b"Content-Length: 268435457\r\n\r\n", (413,)),
    ("a length beyond 64 bits", HEAD + b"Content-Length: 36893488147419103233\r\n\r\n1", (413,)),
    ("a long path", b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n", (414,)),
    ("17 KiB of headers", b"GET / HTTP/1.1\r\nX: " + b"a" * (17 << 10) + b"\r\n\r\n", (431,)),
    ("1 MiB of headers", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (1 << 17) + b"\r\n", (431, None)),
    ("a wish", HEAD + b"Content-Length: 1\r\nExpect: cake\r\n\r\n", (417,)),
)


def not_http(tap, a):
    for name, data, statuses in NOT_HTTP:
        status, body, head = raw(a.sock, data)
        told = status is None or (list(json.loads(body)) == ["error"] and b"\r\nContent-Type: application/json\r\n" in head)
        tap.check(f"not HTTP: {name}", status in statuses and told, f"{status} {body}")
    c = UnixHTTP(a.sock)
    for _ in range(3):
        c.request("GET", "/v2/health/live")
        r = c.getresponse()
        r.read()
    tap.check("a connection is kept for the next request", r.status == 200)
    c.close()


def models_of(a):
    return {m["name"]: m for m in a.api("GET", "/v1/models")[1]["models"]}


def damaged_store(tap, a, image):
    """Somebody was at the store while martletd was down: it says so, serves what is sound, and starts."""
    models = os.path.join(a.dir, "store", "models")

    def restart(change):
        status = a.stop()
        change()
        open(a.log, "w").close()
        a.start()
        return status

    def replace_record(text):
        with open(os.path.join(models, "lab", "deployment.json"), "wb") as f:
            f.write(text)

    tap.check("a restart: exit 0", restart(lambda: None) == 0, a.log_text())
    tap.check("brings lab back", (models_of(a)["lab"]["state"], models_of(a)["lab"]["live"]) == ("READY", 3), str(models_of(a)))
    for name, text in (("cut", b'{"id":7,"li'), ("empty", b""), ("of another kind", b'["id"]'),
                       ("with version 0", b'{"id":7,"live":0,"previous":[],"loaded":true}'),
                       ("with a previous of words", b'{"id":7,"live":3,"previous":["a"],"loaded":true}')):
        restart(lambda: replace_record(text))
        lab = models_of(a)["lab"]
        tap.check(f"a deployment.json {name}: not deployed, and told why", lab["state"] == "UNAVAILABLE"
                  and "deployment.json" in lab["reason"] and "lab/deployment.json" in a.log_text(), f"{lab} {a.log_text()}")
    status, reply = a.api("PUT", "/v1/models/lab/deployment", {"id": 7, "live": 3})
    tap.check("deploying mends it", status == 200, str(reply))
    restart(lambda: os.remove(os.path.join(models, "lab", "3.mlt")))
    lab = models_of(a)["lab"]
    tap.check("the image gone: UNAVAILABLE, and why", lab["state"] == "UNAVAILABLE" and "3" in lab["reason"]
              and "push it first" in lab["reason"], f"{lab} {a.log_text()}")
    tap.check("pushing it mends it", a.api("PUT", "/v1/models/lab/versions/3", image)[0] == 201
              and a.api("POST", "/v2/repository/models/lab/load", b"")[0] == 200, str(models_of(a)))

    def flip():
        path = os.path.join(models, "lab", "3.mlt")
        with open(path, "r+b") as f:
            f.seek(len(image) // 2)
            byte = f.read(1)
            f.seek(len(image) // 2)
            f.write(bytes([byte[0] ^ 16]))

    restart(flip)
    lab = models_of(a)["lab"]
    tap.check("the image damaged: UNAVAILABLE, and why", lab["state"] == "UNAVAILABLE" and lab["reason"], str(lab))
    tap.check("another version serves in its place", a.api("PUT", "/v1/models/lab/deployment", {"live": 65535, "force": True})[0] == 200
              and models_of(a)["lab"]["state"] == "READY", str(models_of(a)))

    def strangers():
        for path in ("lab/7.mlt.tmp", "lab/notes.txt", "lab/0.mlt", "lab/70000.mlt"):
            with open(os.path.join(models, path), "wb") as f:
                f.write(b"x")
        os.makedirs(os.path.join(models, ".hidden"))
        os.makedirs(os.path.join(models, "lab", "8.mlt"))

    restart(strangers)
    versions = [v["version"] for v in models_of(a)["lab"]["versions"]]
    tap.check("strangers' files in the store are no versions", versions == [3, 65535] and list(models_of(a)) == ["lab"], str(versions))


def configured(tap, image):
    """The configuration's models: imported once, found again, and never a reason not to start."""
    here = os.path.dirname(image)
    path = os.path.join(here, "moving.mlt")
    shutil.copy(image, path)
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{path}"; }}']) as a:
        a.start()
        tap.check("imported as version 1", models_of(a)["lab"]["live"] == 1, str(models_of(a)))
        a.stop()
        a.start()
        tap.check("not imported twice", [v["version"] for v in models_of(a)["lab"]["versions"]] == [1], str(models_of(a)))
        a.stop()
        os.remove(os.path.join(a.dir, "store", "models", "lab", "deployment.json"))
        a.start()
        lab = models_of(a)["lab"]
        tap.check("the same bytes are the same version", ([v["version"] for v in lab["versions"]], lab["live"]) == ([1], 1), str(lab))
        a.stop()
        with open(a.conf) as f:
            text = f.read()
        with open(a.conf, "w") as f:
            f.write(text.replace("id = 7", "id = 9"))
        a.start()
        tap.check("an id the store knows better: told", models_of(a)["lab"]["id"] == 7 and "the store's stands" in a.log_text(), a.log_text())
        a.stop()
    with open(path, "r+b") as f:
        f.write(b"nothing")
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{path}"; }}']) as a:
        a.start()
        lab = models_of(a)["lab"]
        tap.check("an image that is none: UNAVAILABLE, named, and martletd runs", lab["state"] == "UNAVAILABLE"
                  and path in lab["reason"], f"{lab} {a.log_text()}")
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text())


def main():
    if os.geteuid():
        skip_all("needs root")
    tap = Tap()
    path = frames.compile_lab_image("lab")
    with open(path, "rb") as f, open(frames.compile_lab_image("lab-activity"), "rb") as g:
        image, other = f.read(), g.read()
    with Appliance([RING]) as a:
        a.start()
        ask = Asker(tap, a)
        reading(ask, tap)
        storing(ask, image, other)
        deploying(ask, tap)
        two_models(ask, tap, image)
        without_kernels(ask)
        not_http(tap, a)
        damaged_store(tap, a, image)
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text())
    configured(tap, path)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
