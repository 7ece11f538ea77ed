#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every route of the API refuses what it must: the client's mistakes by 4xx, this machine's troubles by 5xx, each by
{"error": "a sentence"}. The disk's troubles are real ones: a full file system and a read-only one."""
import ctypes
import json
import os
import resource
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from api import RING, Asker
from appliance import Appliance, Tap, UnixHTTP, skip_all

MODEL, VERSION = "/v1/models/{m}", "/v1/models/{m}/versions/{v}"
DEPLOYMENT, ROLLBACK = MODEL + "/deployment", MODEL + "/rollback"
LOAD, UNLOAD = "/v2/repository/models/{m}/load", "/v2/repository/models/{m}/unload"
META, META_VERSION = "/v2/models/{m}", "/v2/models/{m}/versions/{v}"
# path: the methods that it takes. tests/unit/test_routes.c walks the same refusals over the table of routes itself.
ROUTES = {
    "/v1/status": ("GET",), "/v1/models": ("GET",), "/v1/stats": ("GET",), "/v1/stats/reset": ("POST",),
    "/v1/drops": ("GET",), "/v1/ports": ("GET",), "/v1/drain": ("GET", "POST"),
    "/v1/lcores": ("GET",), "/v1/latency": ("GET",), "/metrics": ("GET",), VERSION: ("GET", "PUT", "DELETE"), DEPLOYMENT: ("GET", "PUT"),
    MODEL + "/deployments": ("GET",), MODEL + "/drift": ("GET",), MODEL + "/change": ("GET",),
    MODEL + "/compare": ("GET",), MODEL + "/versions": ("GET",), MODEL + "/retention": ("GET", "PUT"), "/v1/config": ("GET", "PUT"), "/v1/config/check": ("POST",),
    ROLLBACK: ("POST",), "/v2": ("GET",), "/v2/health/live": ("GET",), "/v2/health/ready": ("GET",), META: ("GET",),
    META + "/ready": ("GET",), META_VERSION: ("GET",), META_VERSION + "/ready": ("GET",), "/v2/repository/index": ("POST",),
    LOAD: ("POST",), UNLOAD: ("POST",), "/v1/log": ("GET", "PUT"), MODEL: ("DELETE", "GET"), MODEL + ":predict": ("POST",),
    META + "/config": ("GET",), META_VERSION + "/config": ("GET",), META + "/stats": ("GET",), META_VERSION + "/stats": ("GET",),
    "/v2/models/stats": ("GET",), META + "/infer": ("POST",), META_VERSION + "/infer": ("POST",), "/v2/logging": ("GET", "POST"),
}
METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS")
TAKES_JSON = (("PUT", DEPLOYMENT), ("POST", "/v1/drain"), ("POST", "/v1/stats/reset"), ("POST", ROLLBACK), ("POST", LOAD), ("POST", UNLOAD), ("PUT", MODEL + "/retention"),
              ("POST", "/v2/repository/index"), ("POST", "/v2/logging"))


def filled(path, model="lab", version="1"):
    return path.replace("{m}", model).replace("{v}", version)


def allow_of(a, method, path):
    c = UnixHTTP(a.sock)
    c.request(method, path, b"")
    reply = c.getresponse()
    reply.read()
    c.close()
    return sorted((reply.getheader("Allow") or "").split(", "))


def every_route(ask, tap, a):
    for path, methods in ROUTES.items():
        for method in METHODS:
            if method not in methods:
                ask(f"{method} {path}", method, filled(path), b"", 405, *methods)
        allow = allow_of(a, "PATCH", filled(path))
        wanted = sorted(methods + (("HEAD",) if "GET" in methods else ()))
        tap.check(f"{path} names its methods", allow == wanted, str(allow))
        for method in methods:
            ask(f"{method} {path}/x/y", method, filled(path) + "/x/y", b"", 404, "/x/y")
            if "{m}" in path:
                ask(f"{method} {path} of a bad name", method, filled(path, model=".lab"), b"", 400, "is no model's name")
            if "{v}" in path:
                ask(f"{method} {path} of a bad version", method, filled(path, version="65536"), b"", 400, "1 to 65535")
    for method, path in TAKES_JSON:
        for name, body, word in (("half of it", b'{"', "JSON"), ("a list", b"[1]", "must be a JSON object"),
                                 ("an unknown key", b'{"pace": 1}', "pace"), ("too much", b" " * (1 << 17), "at most")):
            ask(f"{method} {path} with {name}", method, filled(path), body, 400, word)


def unknown_and_unfit(ask, image):
    """Nothing is stored but model lab, versions 1 and 2, of which none is live."""
    for method, path, body in (("DELETE", MODEL, None), ("DELETE", VERSION, None), ("GET", VERSION, None), ("PUT", DEPLOYMENT, {"id": 9, "live": 1}), ("POST", ROLLBACK, b""),
                               ("GET", META, None), ("GET", META + "/ready", None), ("GET", META_VERSION, None),
                               ("GET", META_VERSION + "/ready", None), ("POST", LOAD, b""), ("POST", UNLOAD, b"")):
        ask(f"{method} {path}: no such model", method, filled(path, "nobody"), body, 404, "nobody")
    for method, path in (("DELETE", VERSION), ("GET", VERSION), ("GET", META_VERSION), ("GET", META_VERSION + "/ready")):
        ask(f"{method} {path}: no such version", method, filled(path, version="9"), None, 404, "lab")
    for path in (META, META + "/ready", META_VERSION, META_VERSION + "/ready"):
        ask(f"GET {path}: not in service", "GET", filled(path), None, 503, "not in service")
    for path, word in ((ROLLBACK, "no deployment before"), (LOAD, "never deployed"), (UNLOAD, "not loaded")):
        ask(f"POST {path}: not deployed", "POST", filled(path), b"", 409, word)
    ask("a version with other bytes", "PUT", filled(VERSION, version="2"), image, 409, "use another number")
    ask("no image", "PUT", filled(VERSION, version="9"), b"none", 422, "the image is refused")
    ask("a cut image", "PUT", filled(VERSION, version="9"), image[:-1], 422, "the image is refused")


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def read_only(ask, tap, models, image):
    """Model lab, version 1 live and 2 stored, on a file system that has become read-only."""
    lab = os.path.join(models, "lab")
    mount("--bind", lab, lab)
    mount("-o", "remount,bind,ro", lab)
    try:
        for name, method, path, body, word in (
                ("push", "PUT", filled(VERSION, version="3"), image, "lab/3.mlt: a temporary file beside it cannot be made"),
                ("deploy", "PUT", filled(DEPLOYMENT), {"live": 2, "force": True}, "version 2 cannot be deployed: "),
                ("roll back", "POST", filled(ROLLBACK), b"", "version 2 cannot be deployed: "),
                ("delete", "DELETE", filled(VERSION, version="2"), None, "lab/deployment.json: "),
                ("unload", "POST", filled(UNLOAD), b"", "model 'lab' stays as it is: "),
                ("load", "POST", filled(LOAD), b"", "version 1 cannot be deployed: ")):
            ask(f"{name}, on a read-only disk", method, path, body, 500, word, "Read-only file system")
        ask("what was live is so still", "GET", filled(META), None, 200, '"versions": ["1"]')
    finally:
        subprocess.run(["umount", lab], check=True)
    tap.check("nothing of it was left there", sorted(os.listdir(lab)) == ["1.mlt", "2.mlt", "deployment.json"], str(os.listdir(lab)))
    ask("deploy, on a disk that is whole again", "PUT", filled(DEPLOYMENT), {"live": 2, "force": True}, 200)
    ask("and back", "POST", filled(ROLLBACK), b"", 200)


def full(ask, tap, models, image):
    junk = os.path.join(models, "junk")
    with open(junk, "wb", buffering=0) as f:
        try:
            while f.write(bytes(4096)) == 4096:
                pass
        except OSError:
            pass
    for name, method, path, body in (("push", "PUT", filled(VERSION, version="3"), image),
                                     ("push a new model", "PUT", filled(VERSION, "new"), image),
                                     ("deploy", "PUT", filled(DEPLOYMENT), {"live": 2, "force": True}),
                                     ("unload", "POST", filled(UNLOAD), b"")):
        ask(f"{name}, on a full disk", method, path, body, 507, "it cannot be written: No space left on device")
    tap.check("nothing of it was left there", sorted(os.listdir(models)) == ["junk", "lab"]
              and sorted(os.listdir(os.path.join(models, "lab"))) == ["1.mlt", "2.mlt", "deployment.json"], str(os.listdir(models)))
    os.remove(junk)
    ask("push, when there is room again", "PUT", filled(VERSION, version="3"), image, 201)
    ask("load, too", "POST", filled(LOAD), b"", 200)


def damaged(ask, models, image):
    """Version 2 is live; 1 and 3 are listed, but somebody was at them."""
    os.remove(os.path.join(models, "lab", "1.mlt"))
    with open(os.path.join(models, "lab", "3.mlt"), "wb") as f:
        f.write(image[:-1])
    ask("deploy what is gone from the disk", "PUT", filled(DEPLOYMENT), {"live": 1}, 409, "lab/1.mlt: cannot be opened: No such file")
    ask("deploy what is damaged", "PUT", filled(DEPLOYMENT), {"live": 3}, 422, "version 3 cannot be deployed")
    ask("fetch what is gone", "GET", filled(VERSION), None, 500, "version 1 cannot be sent", "No such file")
    ask("fetch what is damaged", "GET", filled(VERSION, version="3"), None, 500, "version 3 cannot be sent", "not the one that was stored")
    ask("what was live goes on", "GET", filled(META), None, 200, '"versions": ["2"]')


def without_memory(ask, a):
    """Less room than a body says that it needs."""
    with open(f"/proc/{a.proc.pid}/statm") as f:
        have = int(f.read().split()[0]) * resource.getpagesize()
    size = 96 << 20
    before = resource.prlimit(a.proc.pid, resource.RLIMIT_AS, (have + size // 2, resource.RLIM_INFINITY))
    try:
        ask("a body that no memory is left for", "PUT", filled(VERSION, version="5"), bytes(size), 500, f"no memory for a body of {size} bytes")
    finally:
        resource.prlimit(a.proc.pid, resource.RLIMIT_AS, before)
    ask("and on it goes", "GET", "/v1/status", None, 200)


def another_user(tap, a):
    """Somebody who may connect, by a mishap of modes, may still ask for nothing."""
    os.chmod(a.dir, 0o711)
    os.chmod(a.sock, 0o666)
    # In one line and with nothing of ours imported, which another user may not be able to read.
    ask = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({a.sock!r}); " \
          "s.sendall(b'GET /v1/status HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n'); print(s.makefile().read())"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, user=65534, group=65534, extra_groups=[])
    head, _, body = done.stdout.partition("\n\n")
    tap.check("another user: 403", head.startswith("HTTP/1.1 403 ") and list(json.loads(body)) == ["error"], done.stdout + done.stderr)
    os.chmod(a.sock, 0o660)


def main():
    if os.geteuid():
        skip_all("needs root")
    tap = Tap()
    with open(frames.compile_lab_image("lab"), "rb") as f, open(frames.compile_lab_image("lab-activity"), "rb") as g:
        image, other = f.read(), g.read()
    # Mounts of our own, which end with this process and the appliance.
    if ctypes.CDLL(None, use_errno=True).unshare(0x00020000):  # CLONE_NEWNS
        skip_all("needs mounts of its own")
    mount("--make-rprivate", "/")
    with Appliance([RING]) as a:
        store = os.path.join(a.dir, "store")
        models = os.path.join(store, "models")
        os.mkdir(store)
        mount("-t", "tmpfs", "-o", "size=16m", "none", store)
        a.start()
        ask = Asker(tap, a)
        for version, data in (("1", image), ("2", other)):
            ask(f"version {version}", "PUT", filled(VERSION, version=version), data, 201)
        every_route(ask, tap, a)
        unknown_and_unfit(ask, image)
        ask("deploy", "PUT", filled(DEPLOYMENT), {"id": 7, "live": 1}, 200)
        ask("deploy the next", "PUT", filled(DEPLOYMENT), {"live": 2, "force": True}, 200)
        ask("roll back", "POST", filled(ROLLBACK), b"", 200)
        ask("delete what is live", "DELETE", filled(VERSION), None, 409, "is live")
        ask("another id", "PUT", filled(DEPLOYMENT), {"id": 8, "live": 1}, 409, "has id 7")
        read_only(ask, tap, models, image)
        full(ask, tap, models, image)
        ask("deploy version 2", "PUT", filled(DEPLOYMENT), {"live": 2, "force": True}, 200)
        damaged(ask, models, image)
        without_memory(ask, a)
        another_user(tap, a)
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text())
        subprocess.run(["umount", store], check=True)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
