#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Hundreds of changes of what is in service (live, canary, shadow, pinned, rollback) under UDP and REST traffic: no
request is lost, and each answer's version was in service and scores as that version does. Two operators at once; what
a kill -9 leaves comes back, role by role."""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, Appliance, FarEnd, Reply, Tap, UnixHTTP, enter_private_network, request, sh, skip_all, wait_for

try:
    import grpc
except ImportError:
    grpc = None

TREE = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=regression
feature_names=a b
feature_infos=[0:9] [0:9]
tree_sizes=300

Tree=0
num_leaves=2
num_cat=0
split_feature=0
split_gain=1
threshold=4.5
decision_type=2
left_child=-1
right_child=-2
leaf_value={0} {0}.5
leaf_weight=1 1
leaf_count=1 1
internal_value=0
internal_weight=0
internal_count=2
is_linear=0
shrinkage=1


end of trees

feature_importances:
a=1

parameters:
[boosting: gbdt]
end of parameters
"""
VERSIONS, ADDRESS = 5, ("10.66.0.1", 7797)


def push_all(a, folder):
    """Version v scores v where a is small, and v + 0.5 where it is large."""
    for v in range(1, VERSIONS + 1):
        source, image = os.path.join(folder, f"{v}.txt"), os.path.join(folder, f"{v}.mlt")
        with open(source, "w") as f:
            f.write(TREE.format(v))
        subprocess.run([MARTLETCTL, "model", "compile", source, "-o", image, "--name", "m"], check=True, stdout=subprocess.DEVNULL)
        a.ctl("model", "push", image, "--name", "m", "--version", str(v))


class Traffic:
    """Asks until it is told to end; each answer must be that of a version that may answer, and its score."""

    def __init__(self, a):
        self.a, self.stop, self.wrong, self.seen = a, threading.Event(), [], {"udp": {}, "rest": {}}
        self.threads = [threading.Thread(target=self.udp), threading.Thread(target=self.rest)]
        for t in self.threads:
            t.start()

    def judge(self, kind, large, version, score):
        if version not in range(1, VERSIONS) or score != version + (0.5 if large else 0):
            self.wrong.append(f"{kind}: version {version} scored {score}")
        self.seen[kind][version] = self.seen[kind].get(version, 0) + 1

    def udp(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect(ADDRESS)
        s.settimeout(10)
        n = 0
        while not self.stop.is_set():
            n += 1
            s.send(request(struct.pack("<2f", 9 * (n % 2), n), model=7, request_id=n, columns=2))
            try:
                reply = Reply(s.recv(2048))
            except OSError as e:
                self.wrong.append(f"udp: request {n}: {e}")
                continue
            if reply.status != "OK" or reply.request_id != n:
                self.wrong.append(f"udp: request {n} was answered {reply.status} as {reply.request_id}")
                continue
            self.judge("udp", n % 2, reply.model_version, reply.scores()[0])

    def rest(self):
        connection, n = UnixHTTP(self.a.sock), 0
        while not self.stop.is_set():
            n += 1
            body = {"inputs": [{"name": "rows", "datatype": "FP32", "shape": [1, 2], "data": [9 * (n % 2), n]}]}
            if n % 3:
                body["id"] = str(n)
            connection.request("POST", "/v2/models/m/infer", json.dumps(body))
            reply = connection.getresponse()
            answer = json.loads(reply.read())
            if reply.status != 200:
                self.wrong.append(f"rest: request {n}: {reply.status} {answer}")
                continue
            self.judge("rest", n % 2, int(answer["model_version"]), answer["outputs"][0]["data"][0])

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join()


def change(a, body, revision=None):
    connection = UnixHTTP(a.sock)
    connection.request("PUT", "/v1/models/m/deployment", json.dumps(body), {"If-Match": f'"{revision}"'} if revision else {})
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())


def under_traffic(tap, a):
    traffic, bad = Traffic(a), []
    for i in range(300):
        live = i // 6 % 3 + 1
        body = [{"live": live}, {"canary": {"version": live % 3 + 1, "permille": 500}}, {"canary": {"permille": 100, "key": "b"}},
                {"shadow": 5}, {"pinned": [4]}, {"canary": None, "shadow": None, "pinned": None}][i % 6]
        if "canary" in body and body["canary"] and "version" in body["canary"]:
            now = a.api("GET", "/v1/models/m/deployment")[1]["live"]
            body["canary"]["version"] = now % 3 + 1
        status, reply = change(a, body) if i % 48 != 47 else a.api("POST", "/v1/models/m/rollback", b"")
        if status != 200:
            bad.append(f"{i} {body}: {status} {reply}")
    traffic.end()
    tap.check("300 changes under traffic are all made", not bad, str(bad[:3]))
    tap.check("no request is lost, and each is scored by the version that it says", not traffic.wrong, str(traffic.wrong[:5]))
    tap.check("several versions have answered on both ways", all(len(s) >= 3 for s in traffic.seen.values()), str(traffic.seen))


def ask(s, n, version=0):
    s.send(request(struct.pack("<2f", 0, n), model=7, model_version=version, request_id=n, columns=2))
    return Reply(s.recv(2048))


def roles(tap, a):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(ADDRESS)
    s.settimeout(10)
    status, reply = change(a, {"live": 1, "canary": {"version": 2, "permille": 300, "key": "request_id"}, "shadow": 5, "pinned": [4]})
    tap.check("all roles in one change", status == 200 and (reply["live"], reply["canary"]["version"], reply["shadow"], reply["pinned"])
              == (1, 2, 5, [4]), str(reply))
    answers = [ask(s, n).model_version for n in range(2000)]
    tap.check("the canary has its share", 498 <= answers.count(2) <= 702 and answers.count(1) + answers.count(2) == 2000, str(answers.count(2)))
    tap.check("and sticks to the ids", [ask(s, n).model_version for n in range(300)] == answers[:300])
    tap.check("each by its number, but the shadow", [ask(s, 1, v).status for v in range(1, 6)] == ["OK", "OK", "NO_MODEL", "OK", "NO_MODEL"])
    index = {i["version"]: i["state"] for i in a.api("POST", "/v2/repository/index", {})[1]}
    tap.check("the index tells by version", index == {"1": "READY", "2": "READY", "3": "UNAVAILABLE", "4": "READY", "5": "READY"}, str(index))
    tap.check("metadata lists what answers", sorted(a.api("GET", "/v2/models/m")[1]["versions"]) == ["1", "2", "4"])
    reply = a.api("POST", "/v2/models/m/versions/4/infer",
                  {"inputs": [{"name": "rows", "datatype": "FP32", "shape": [1, 2], "data": [0, 0]}]})
    tap.check("a pinned version by REST", reply[0] == 200 and reply[1]["outputs"][0]["data"] == [4.0], str(reply))
    for version, word in ((1, "live"), (2, "canary"), (4, "pinned"), (5, "shadow")):
        status, reply = a.api("DELETE", f"/v1/models/m/versions/{version}")
        tap.check(f"version {version} is not deleted", status == 409 and word in reply["error"], str(reply))
    for body, word in (({"canary": {"version": 1, "permille": 5}}, "its own canary"), ({"shadow": 4}, "never does"),
                       ({"canary": {"version": 9, "permille": 5}}, "no version 9"), ({"canary": {"permille": 5, "key": "zzz"}}, "no feature 'zzz'"),
                       ({"canary": {"permille": 5, "key": 2}}, "feature 2"), ({"canary": {"version": 3}}, "permille"),
                       ({"canary": None, "live": 9}, "no version 9")):
        status, reply = change(a, body)
        tap.check(f"{json.dumps(body)} is refused", status in (400, 404, 409) and word in reply["error"], f"{status} {reply}")
    model = next(m for m in a.api("GET", "/v1/models")[1]["models"] if m["name"] == "m")
    tap.check("each version counts for itself", {v["version"]: v["role"] for v in model["in_service"]} == {1: "live", 2: "canary", 4: "pinned", 5: "shadow"}
              and all(v["requests"] for v in model["in_service"] if v["role"] in ("live", "canary")), str(model["in_service"]))


def growing(tap, a, folder):
    """Who is answered by a canary stays with it while its share grows, on every way; REST and gRPC choose alike, and so do UDP and they
    where a feature decides."""
    n, rest, udp = 400, UnixHTTP(a.sock), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.connect(ADDRESS)
    udp.settimeout(10)

    def by_udp(i):
        return ask(udp, i).model_version == 2

    def by_rest(i):
        body = {"id": f"call {i}", "inputs": [{"name": "rows", "datatype": "FP32", "shape": [1, 2], "data": [0, i]}]}
        rest.request("POST", "/v2/models/m/infer", json.dumps(body))
        return json.loads(rest.getresponse().read())["model_version"] == "2"
    ways = {"UDP": by_udp, "REST": by_rest}
    if grpc:
        from grpc_python import Client, messages
        channel = grpc.insecure_channel(f"unix:{a.sock}")
        client = Client(channel, messages(folder)[0])

        def by_grpc(i):
            asked = client.pb.ModelInferRequest(model_name="m", id=f"call {i}", raw_input_contents=[struct.pack("<2f", 0, i)])
            asked.inputs.add(name="rows", datatype="FP32", shape=[1, 2])
            return client("ModelInfer", asked).model_version == "2"
        ways["gRPC"] = by_grpc
    else:
        tap.skip("the same by gRPC", "python3-grpcio is not installed")
    for key in ("request_id", "b"):
        before = {way: set() for way in ways}
        for permille in (0, 100, 400, 900, 1000):
            status, reply = change(a, {"canary": {"version": 2, "permille": permille, "key": key}})
            now = {way: {i for i in range(n) if is_canarys(i)} for way, is_canarys in ways.items()}
            tap.check(f"{permille} of 1000 by {key}: none goes back to live", status == 200 and all(before[w] <= now[w] for w in ways), str(reply))
            # Four standard deviations of a share.
            apart = {w: abs(len(s) - n * permille / 1000) for w, s in now.items()}
            tap.check("each way has that share", all(d <= 4 * (n * permille / 1000 * (1 - permille / 1000)) ** 0.5 for d in apart.values()), str(apart))
            same = [now[w] for w in ways if key == "b" or w != "UDP"]
            tap.check("and who has the same key is answered alike", all(s == same[0] for s in same))
            before = now
    if grpc:
        channel.close()
    change(a, {"canary": {"version": 2, "permille": 300, "key": "request_id"}})


def two_operators(tap, a):
    status, reply = change(a, {"canary": None})
    tap.check("a canary ends", status == 200 and reply["canary"] is None and reply["shadow"] == 5, str(reply))
    status, reply = change(a, {"canary": {"permille": 5}})
    tap.check("what is not there gets no share", status == 409 and "has no canary" in reply["error"], str(reply))
    revision = a.api("GET", "/v1/models/m/deployment")[1]["revision"]
    first = change(a, {"shadow": 3}, revision)
    second = change(a, {"live": 4}, revision)
    tap.check("the first of two operators is served", first[0] == 200 and first[1]["revision"] == revision + 1, str(first))
    tap.check("the second is told what changed", second[0] == 412 and "shadow 5 to 3" in second[1]["error"] and "by uid " in second[1]["error"], str(second))
    tap.check("with what there is now", second[1]["deployment"] == {k: v for k, v in first[1].items()}, str(second))
    done = a.ctl("model", "promote", "m:4", "--if-revision", str(revision), check=False)
    tap.check("by the tool, too", done.returncode == 1 and "shadow 5 to 3" in done.stderr, done.stderr)
    for method, path, body, match in (("GET", "deployment", None, None), ("PUT", "deployment", {"canary": None}, None),
                                      ("PUT", "deployment", {"live": 4}, 1), ("POST", "rollback", {"to": 99}, 1)):
        connection = UnixHTTP(a.sock)
        connection.request(method, f"/v1/models/m/{path}", json.dumps(body) if body else None, {"If-Match": f'"{match}"'} if match else {})
        reply = connection.getresponse()
        reply.read()
        now = a.api("GET", "/v1/models/m/deployment")[1]["revision"]
        tap.check(f"{method} {path} {match or ''} tells the revision", reply.status == (412 if match else 200) and reply.headers["ETag"] == f'"{now}"',
                  f"{reply.status} {reply.headers['ETag']} {now}")


def killed(tap, a):
    """At each step of a life: kill -9, and the same is there."""
    steps = [("promote", "m:2"), ("canary", "m:3", "--permille", "50", "--key", "b"), ("shadow", "m:5"), ("pin", "m:4"), ("promote", "m"),
             ("rollback", "m"), ("rollback", "m", "--to", "1"), ("unpin", "m:4"), ("unload", "m"), ("load", "m")]
    for step in steps:
        a.ctl("model", *step)
        before = a.api("GET", "/v1/models/m/deployment")[1]
        a.stop(signal.SIGKILL)
        a.start()
        after = a.api("GET", "/v1/models/m/deployment")[1]
        model = next(m for m in a.api("GET", "/v1/models")[1]["models"] if m["name"] == "m")
        serving = {v["version"] for v in model["in_service"]}
        want = {before["live"], before["shadow"], *before["pinned"], (before["canary"] or {}).get("version")} - {None}
        tap.check(f"after {' '.join(step)} and kill -9 the same is in service", after == before and serving == (want if before["loaded"] else set()),
                  f"{before} {after} {serving}")


def retention(tap, a, folder):
    """What is there for something stays, however old; what is not and is older than the latest two goes."""
    a.ctl("model", "promote", "m:1")
    a.ctl("model", "promote", "m:2")  # 1 is what rollback would bring back
    a.ctl("model", "shadow", "m", "--off")
    a.stop()
    with open(a.conf) as f:
        text = f.read().replace("store = { path", 'store = { retention = "latest 2"; path')
    with open(a.conf, "w") as f:
        f.write(text)
    a.start()

    def stored():
        return [v["version"] for m in a.api("GET", "/v1/models")[1]["models"] for v in m["versions"]]
    tap.check("a start keeps the latest two and what is there for something", stored() == [1, 2, 4, 5], f"{stored()} {a.log_text()[-600:]}")
    a.ctl("model", "push", os.path.join(folder, "5.mlt"), "--name", "m", "--version", "6")
    tap.check("and so does a push", wait_for(lambda: stored() == [1, 2, 5, 6]), str(stored()))
    tap.check("each is counted", "martlet_versions_retired_total 2" in a.api("GET", "/metrics")[1])
    status, reply = a.api("POST", "/v1/models/m/rollback", b"")
    tap.check("and rollback has what it needs", status == 200 and reply["live"] == 1, str(reply))


def own_retention(tap, a, folder):
    """A model's own policy, at once and after a restart; then what is stored is told, and all of it deleted."""
    def stored():
        return [v["version"] for v in a.api("GET", "/v1/models/m/versions")[1]["versions"]]
    tap.check("without one of its own it has the configuration's", "latest 2 (store.retention)" in a.ctl("model", "retention", "m").stdout)
    a.ctl("model", "push", os.path.join(folder, "5.mlt"), "--name", "m", "--version", "4")
    with open(a.conf) as f:
        text = f.read()
    with open(a.conf, "w") as f:
        f.write(text.replace("latest 2", "latest 1"))
    a.ctl("config", "apply", a.conf)
    tap.check("that may change live", wait_for(lambda: stored() == [1, 2, 6]), str(stored()))
    a.ctl("model", "retention", "m", "--all")
    for v in (7, 8):
        a.ctl("model", "push", os.path.join(folder, "5.mlt"), "--name", "m", "--version", str(v))
    tap.check("its own goes before the configuration's", stored() == [1, 2, 6, 7, 8], str(stored()))
    a.ctl("model", "retention", "m", "--latest", "1")
    tap.check("and is done at once, but for what is there for something", wait_for(lambda: stored() == [1, 2, 8]), str(stored()))
    a.stop(signal.SIGKILL)
    a.start()
    told = a.api("GET", "/v1/models/m/retention")[1]
    tap.check("a restart finds it", told == {"model": "m", "retention": "latest 1", "from": "model"}, str(told))
    for body in ({"retention": "latest 0"}, {"retention": "some"}, {"retention": 5}, {}, {"keep": 1}):
        status, reply = a.api("PUT", "/v1/models/m/retention", body)
        tap.check(f"retention {json.dumps(body)} is refused", status == 400 and reply["error"], f"{status} {reply}")
    show, one = a.ctl("model", "show", "m").stdout, json.loads(a.ctl("model", "show", "m:8", "--json").stdout)
    tap.check("show tells roles, sizes, times and sources", all(w in show for w in ("live", "stored", "lightgbm", "latest 1", "T", " KiB")), show)
    tap.check("and one version that is not in service", a.ctl("model", "show", "m:8").stdout.count("\n") == 2 and one["name"] == "m"
              and "no version 9" in a.ctl("model", "show", "m:9", check=False).stderr, str(one))
    tap.check("a model in service is not deleted", "version 1 is live" in a.ctl("model", "delete", "m", "--all", check=False).stderr)
    a.ctl("model", "unload", "m")
    with open(os.path.join(a.dir, "store", "models", "m", "compare.json"), "w") as f:
        f.write("{}")
    a.ctl("model", "delete", "m", "--all")
    tap.check("deleted, all of it is gone", a.api("GET", "/v1/models")[1]["models"] == [] and os.listdir(os.path.join(a.dir, "store", "models")) == [])
    a.ctl("model", "push", os.path.join(folder, "1.mlt"), "--name", "m", "--version", "1")
    told = a.api("GET", "/v1/models/m/retention")[1]
    tap.check("and another of its name has nothing of it", told["from"] == "store.retention" and a.api("GET", "/v1/models/m/deployment")[0] == 404)


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root")
    tap, far = Tap(), FarEnd()
    sh("ip address add 10.66.0.2/24 dev veth-c")
    port = '{ name = "edge"; device = "net_af_packet0,iface=veth-m"; addresses = [ "10.66.0.1/24" ]; }'
    with tempfile.TemporaryDirectory() as folder, Appliance([port], netns=far.pid) as a:
        try:
            a.start()
            push_all(a, folder)
            a.ctl("model", "promote", "m:1", "--id", "7")
            under_traffic(tap, a)
            roles(tap, a)
            growing(tap, a, folder)
            two_operators(tap, a)
            killed(tap, a)
            retention(tap, a, folder)
            own_retention(tap, a, folder)
        finally:
            a.stop()
            far.close()
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
