#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Scoring over REST: in every form that a request may have the bits are those of `martletctl model run`, every mistake is told
with its place, and what stands in the protocol's answers is what its clients look for."""
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import MARTLETCTL, ROOT, Appliance, Tap, UnixHTTP, skip_all

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
FEATURES, N = 41, 64
INFER, LENGTH = "/v2/models/lab/infer", "Inference-Header-Content-Length"


class Client:
    def __init__(self, appliance):
        self.connection = UnixHTTP(appliance.sock)

    def __call__(self, method, path, body=None, **headers):
        """(status, headers, body)"""
        self.connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        reply = self.connection.getresponse()
        return reply.status, dict(reply.getheaders()), reply.read()

    def post(self, what, **headers):
        return self(*("POST", INFER), what if isinstance(what, bytes) else json.dumps(what).encode(), **headers)


def offline(image, rows, folder, *options):
    out = os.path.join(folder, "scores.f32")
    subprocess.run([MARTLETCTL, "model", "run", image, rows, "-o", out, *options], check=True, capture_output=True)
    with open(out, "rb") as f:
        return f.read()


def floats(values):
    return struct.pack(f"<{len(values)}f", *values)


def rows_input(data, n=N, **more):
    return {"name": "rows", "datatype": "FP32", "shape": [n, FEATURES], "data": data, **more}


def split(reply):
    """The JSON of an answer with bytes, and the bytes by output."""
    status, headers, body = reply
    if status != 200 or LENGTH not in headers:
        return {}, {}
    n = int(headers[LENGTH])
    head, rest, outputs = json.loads(body[:n]), body[n:], {}
    for output in head["outputs"]:
        size = output["parameters"]["binary_data_size"]
        outputs[output["name"]], rest = rest[:size], rest[size:]
    return head, outputs if not rest else {}


def forms(tap, c, rows, text, right):
    """rows: lists of floats; text: the same as a CSV; right: the bytes of their scores."""
    raw = b"".join(floats(r) for r in rows)

    def scores(reply):
        reply = json.loads(reply[2])
        return floats(reply["outputs"][0]["data"]) if "outputs" in reply else reply

    reply = c.post({"id": 'caf\u00e9 "1"', "inputs": [rows_input(rows)], "parameters": {"sequence_id": 7, "anything": "x"}})
    answer = json.loads(reply[2])
    tap.check("JSON, nested: the bits of model run", scores(reply) == right, str(answer)[:300])
    tap.check("what stands around them", reply[1].get("Content-Type") == "application/json" and answer["id"] == 'caf\u00e9 "1"'
              and (answer["model_name"], answer["model_version"]) == ("lab", "1")
              and [(o["name"], o["datatype"], o["shape"]) for o in answer["outputs"]] ==
              [("scores", "FP32", [N, 2]), ("label", "BYTES", [N, 1])], str(answer)[:300])
    best = ["benign" if a > b else "attack" for a, b in zip(*[iter(answer["outputs"][0]["data"])] * 2)]
    tap.check("labels are the best class's", answer["outputs"][1]["data"] == best and len(set(best)) == 2, str(best))
    tap.check("JSON, flat: the same", scores(c.post({"inputs": [rows_input(sum(rows, []))]})) == right)
    whole = [[int(v) for v in r] for r in rows]
    tap.check("JSON, whole numbers", scores(c.post({"inputs": [rows_input(whole)]}))
              == scores(c.post({"inputs": [rows_input([[float(v) for v in r] for r in whole])]})))
    tap.check("one output, by name", [o["name"] for o in json.loads(c.post(
        {"inputs": [rows_input(rows)], "outputs": [{"name": "label"}]})[2])["outputs"]] == ["label"])

    def binary(parameters=None, outputs=None, behind=raw, size=None):
        head = {"inputs": [{"name": "rows", "datatype": "FP32", "shape": [N, FEATURES],
                            "parameters": {"binary_data_size": len(raw) if size is None else size}}]}
        if parameters:
            head["parameters"] = parameters
        if outputs:
            head["outputs"] = outputs
        head = json.dumps(head).encode()
        return c.post(head + behind, **{LENGTH: str(len(head))})

    head, outputs = split(binary({"binary_data_output": True}))
    tap.check("bytes in, bytes out: tritonclient's way", outputs.get("scores") == right and "data" not in head["outputs"][0])
    tap.check("labels as bytes", outputs.get("label") == b"".join(struct.pack("<I", len(b)) + b.encode() for b in best))
    tap.check("bytes in, JSON out", scores(binary()) == right)
    reply = binary({"binary_data_output": True}, [{"name": "scores", "parameters": {"binary_data": False}}])
    tap.check("an output's own word goes before the request's", scores(reply) == right, str(reply)[:300])
    reply = c.post(raw, **{LENGTH: "0"})
    tap.check("nothing but bytes", split(reply)[1].get("scores") == right, str(reply)[:300])
    body = json.dumps({"inputs": [rows_input(rows)]}).encode()
    tap.check("the header with JSON alone: the C++ client's way", scores(c.post(body, **{LENGTH: str(len(body))})) == right)
    for name, reply, words in (
            ("too few bytes", binary(behind=raw[:-4]), "expecting 4 additional bytes"),
            ("too many bytes", binary(behind=raw + b"1234"), "4 bytes are left"),
            ("a size that is not the shape's", binary(behind=raw[:-4], size=len(raw) - 4), "unexpected size for input 'rows'"),
            ("bytes that are no rows", c.post(raw[:-1], **{LENGTH: "0"}), "a row of 41 features in FP32 has 164"),
            ("a length beyond the body", c.post(b"{}", **{LENGTH: "3"}), LENGTH),
            ("a length that is none", c.post(b"{}", **{LENGTH: "-1"}), LENGTH),
            ("a NaN among bytes", binary(behind=raw[:164] + struct.pack("<f", float("nan")) + raw[168:]), "row 2 (the first is 1), feature tcp")):
        tap.check(f"{name}: 400", reply[0] == 400 and words in json.loads(reply[2])["error"], str(reply))
    reply = c.post(text.encode(), Content_Type="text/csv")
    values = [float(v) for line in reply[2].decode().splitlines()[1:] for v in line.split(",")]
    tap.check("a CSV in and out", reply[1]["Content-Type"] == "text/csv" and floats(values) == right
              and reply[2].startswith(b"probabilities[benign],"), str(reply)[:300])
    head, *lines = text.splitlines()
    swapped = "\n".join(",".join(reversed(line.split(","))) for line in [head] + lines)
    tap.check("its columns are matched by name", c.post(swapped.encode(), Content_Type="text/csv; charset=utf-8")[2] == reply[2])
    reply = c.post((head + "\n1,2\n").encode(), Content_Type="text/csv")
    tap.check("a CSV that is none: its line", reply[0] == 400 and "the body:2: 2 values" in json.loads(reply[2])["error"], str(reply))
    reply = c("POST", "/v1/models/lab:predict", json.dumps({"instances": rows}))
    tap.check("KServe's :predict", floats(sum(json.loads(reply[2])["predictions"], [])) == right)
    names = head.split(",")[:FEATURES]
    reply = c("POST", "/v1/models/lab:predict", json.dumps({"instances": [dict(reversed(list(zip(names, r)))) for r in rows]}))
    tap.check("and by name", floats(sum(json.loads(reply[2])["predictions"], [])) == right, str(reply)[:300])
    columns = [{"name": name, "datatype": "FP32", "shape": [N, 1], "data": [r[i] for r in rows]} for i, name in enumerate(names)]
    tap.check("a tensor for each feature", scores(c.post({"inputs": columns[::-1]})) == right)
    large = sum([rows] * 400, [])
    reply = c.post({"inputs": [rows_input(large, len(large))], "outputs": [{"name": "scores", "parameters": {"binary_data": True}}]},
                   Expect="100-continue")
    tap.check("several megabytes", split(reply)[1].get("scores") == right * 400, str(reply)[:200])


def classification(tap, c, rows):
    reply = c.post({"inputs": [rows_input(rows)], "outputs": [{"name": "scores", "parameters": {"classification": 9}}]})
    output = json.loads(reply[2])["outputs"][0]
    first, second = output["data"][0].split(":"), output["data"][1].split(":")
    tap.check("classification: the best first", (output["datatype"], output["shape"]) == ("BYTES", [N, 2])
              and float(first[0]) >= float(second[0]) and {first[2], second[2]} == {"benign", "attack"}, str(output)[:300])


def refusals(tap, c, rows):
    row = rows[0]
    one = {"name": "rows", "datatype": "FP32", "shape": [1, FEATURES], "data": row}

    def with_data(text):
        return ('{"inputs":[{"name":"rows","datatype":"FP32","shape":[2,41],"data":' + text + "}]}").encode()

    good = json.dumps(row)
    for name, body, words in (
            ("no JSON", b"{", "byte 2"), ("nothing", b"", "an object must stand here"),
            ("no inputs", {}, "there are no inputs"), ("a key twice", b'{"id":"a","id":"b"}', '"id" is there twice'),
            ("another name", {"inputs": [{**one, "name": "x"}]}, "unexpected inference input 'x'"),
            ("an input twice", {"inputs": [one, one]}, "unexpected inference input 'rows'"),
            ("another datatype", {"inputs": [{**one, "datatype": "INT64"}]}, "'rows' has the datatype INT64"),
            ("no datatype there is", {"inputs": [{**one, "datatype": "fp32"}]}, '"fp32" is none'),
            ("half floats in JSON", {"inputs": [{**one, "datatype": "FP16"}]}, "use binary data"),
            ("a row without a count", {"inputs": [{**one, "shape": [FEATURES]}]}, "[41]; model lab takes [rows,41], as in [1,41]"),
            ("a column too few", {"inputs": [{**one, "shape": [1, 40], "data": row[1:]}]}, "[1,40]; model lab takes [rows,41]"),
            ("an open shape", {"inputs": [{**one, "shape": [-1, FEATURES]}]}, "-1 stands in a model's only"),
            ("a shape beyond 2^64", {"inputs": [{**one, "shape": [1 << 32, 1 << 32, 41]}]}, "more values than can be counted"),
            ("a shape beyond all memory", {"inputs": [{**one, "shape": [1 << 32, FEATURES]}]}, "too many for one request"),
            ("another count", {"inputs": [{**one, "data": row[1:]}]}, "40 values where its shape [1,41] says 41"),
            ("both data and bytes", {"inputs": [{**one, "parameters": {"binary_data_size": 4}}]}, "exactly one of"),
            ("neither", {"inputs": [{k: v for k, v in one.items() if k != "data"}]}, "exactly one of"),
            ("shared memory", {"inputs": [{**one, "parameters": {"shared_memory_region": "r"}}]}, "shared memory is not offered"),
            ("another output", {"inputs": [one], "outputs": [{"name": "y"}]}, "unexpected inference output 'y'"),
            ("a ragged row", with_data(f"[{good},{good[:-1]},7]]"), "row 2 (the first is 1): 42 values where its shape [2,41] says 41"),
            ("a row too few", with_data(f"[{good}]"), "1 arrays where its shape [2,41] says 2"),
            ("a text", with_data(f'[{good},["a"{good[good.index(","):]}]'), "row 2 (the first is 1), column 1 ('tcp'): \"a\" is text"),
            ("NaN", with_data(f"[{good},[NaN{good[good.index(','):]}]"), "row 2 (the first is 1), column 1 ('tcp'): NaN and Infinity are no JSON"),
            ("null", with_data(f"[{good},[null{good[good.index(','):]}]"), "null, and model lab takes finite numbers only"),
            ("a number beyond FP32", with_data(f"[{good},[1e39{good[good.index(','):]}]"), "1e39 is beyond the range of FP32"),
            ("too deep", with_data("[" * 100 + "]" * 100), "more than 32 levels"), ("a bomb", b"[" * 1000000, "an object must stand here"),
            ("a bomb within", b'{"x":' * 100000, "more than 32 levels"), ("no UTF-8", b'{"id":"\xff"}', "no UTF-8")):
        status, headers, text = c.post(body)
        error = json.loads(text).get("error", "")
        tap.check(f"{name}: refused", status == (413 if "memory" in name and "shared" not in name else 400) and words in error
                  and headers["Content-Type"] == "application/json", f"{status} {error}")
    for name, reply, status in (
            ("compressed", c.post(b"\x1f\x8b", Content_Encoding="gzip"), 415),
            ("no such model", c("POST", "/v2/models/labb/infer", b"{}"), 404),
            ("no such version", c("POST", "/v2/models/lab/versions/9/infer", b"{}"), 404),
            ("this version", c("POST", "/v2/models/lab/versions/1/infer", json.dumps({"inputs": [one]})), 200),
            ("another method", c("GET", INFER), 405),
            ("a timeout that is over", c.post({"inputs": [rows_input(sum([rows] * 50, []), 50 * N)], "parameters": {"timeout": 1}}), 504),
            ("time enough", c.post({"inputs": [one], "parameters": {"timeout": 60000000, "priority": 1}}), 200)):
        tap.check(f"{name}: {status}", reply[0] == status and ("error" in json.loads(reply[2])) == (status != 200), str(reply)[:300])


def about(tap, c, a, rows):
    def get(path):
        return json.loads(c("GET", path)[2])

    meta = get("/v2/models/lab")
    tap.check("metadata", (meta["name"], meta["versions"], meta["platform"]) == ("lab", ["1"], "martlet_mlt")
              and meta["inputs"] == [{"name": "rows", "datatype": "FP32", "shape": [-1, FEATURES]}]
              and [o["name"] for o in meta["outputs"]] == ["scores", "label"], str(meta)[:300])
    config = get("/v2/models/lab/config")
    tap.check("config: what perf_analyzer reads", config["max_batch_size"] > 0 and config["backend"] == "martlet"
              and config["input"] == [{"name": "rows", "data_type": "TYPE_FP32", "dims": [FEATURES]}], str(config))
    before = get("/v2/models/lab/stats")["model_stats"][0]
    c.post({"inputs": [rows_input(rows)]})
    after = get("/v2/models/stats")["model_stats"][0]
    blocks = after["inference_stats"]
    tap.check("statistics count rows and requests", after["inference_count"] - before["inference_count"] == N
              and after["execution_count"] - before["execution_count"] == 1 and after["last_inference"] > 10 ** 12, str(after))
    tap.check("and times", blocks["compute_input"]["count"] == blocks["compute_infer"]["count"] == blocks["compute_output"]["count"]
              and blocks["success"]["ns"] > before["inference_stats"]["success"]["ns"] and blocks["fail"]["count"] > 0, str(blocks))
    model = a.api("GET", "/v1/models")[1]["models"][0]
    tap.check("which stand among the model's own", (model["requests"], model["rows"]) ==
              (after["execution_count"], after["inference_count"]), str(model))
    tap.check("health", get("/v2/health/ready") == get("/v2/health/live") == {"live": True, "ready": True})
    tap.check("KServe's readiness", get("/v1/models/lab") == {"name": "lab", "ready": True})
    tap.check("what is offered", "binary_tensor_data" in get("/v2")["extensions"] and "trace" not in get("/v2")["extensions"]
              and c("GET", "/v2/trace/setting")[0] == 404)
    reply = json.loads(c("POST", "/v2/logging", json.dumps({"log_verbose_level": 1}))[2])
    tap.check("logging", reply["log_verbose_level"] == 1 and a.api("GET", "/v1/log")[1]["level"] == "debug"
              and json.loads(c("POST", "/v2/logging", b'{"log_verbose_level":0}')[2])["log_info"], str(reply))
    tap.check("unload, as tritonclient asks", c("POST", "/v2/repository/models/lab/unload",
                                                b'{"parameters":{"unload_dependents":false}}')[0] == 200)
    reply = c("GET", "/v2/models/lab/ready")
    tap.check("not ready: 503", reply[0] == 503 and json.loads(reply[2])["ready"] is False, str(reply))
    tap.check("nothing is scored", c.post({"inputs": [rows_input(rows)]})[0] == 503)
    tap.check("load", c("POST", "/v2/repository/models/lab/load", b"{}")[0] == 200 and c.post({"inputs": [rows_input(rows)]})[0] == 200)


def by_the_tool(tap, a, path, right, folder):
    """martletctl score, in and out of each format."""
    out, raw = os.path.join(folder, "by_tool.f32"), os.path.join(folder, "rows.f32")
    with open(path) as f, open(raw, "wb") as g:
        g.write(b"".join(floats([float(v) for v in line.split(",")[:FEATURES]]) for line in f.read().splitlines()[1:]))
    for rows in (path, raw):
        done = a.ctl("score", "lab", rows, "-o", out, check=False)
        with open(out, "rb") as f:
            tap.check(f"martletctl score {rows[-4:]}: the bits of model run", done.returncode == 0 and f.read() == right
                      and "64 rows" in done.stdout, done.stderr)
        os.remove(out)
    done = a.ctl("score", "lab", path)
    values = [float(v) for line in done.stdout.splitlines()[1:] for v in line.split(",")]
    tap.check("martletctl score: a CSV on standard output", floats(values) == right and "'label'" in done.stderr, done.stderr)
    answer = json.loads(a.ctl("--json", "score", "lab", path).stdout)
    tap.check("martletctl score: JSON", floats(sum(answer["scores"], [])) == right and len(answer["outputs"]) == 2, str(answer)[:200])
    done = a.ctl("score", "labb", path, check=False)
    tap.check("martletctl score: the appliance's own words", done.returncode == 1 and "did you mean 'lab'?" in done.stderr, done.stderr)
    done = a.ctl("score", "lab", "/nowhere.csv", check=False)
    tap.check("martletctl score: a file that is not there", done.returncode == 1 and "/nowhere.csv" in done.stderr, done.stderr)


def too_many(tap, image, rows):
    """One thread, and one request that may wait: of several at a time some are told to come again, and each is answered."""
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}']) as a:
        with open(a.conf, "a") as f:
            f.write("scoring = { threads = 1; queue = 1; };\n")
        a.start()
        body = json.dumps({"inputs": [rows_input(rows * 20, 20 * N)]}).encode()
        replies, lock = [], threading.Lock()

        def ask():
            c, end = Client(a), time.time() + 30
            while time.time() < end and not any(r[0] == 429 for r in replies):
                reply = c.post(body)
                with lock:
                    replies.append(reply)

        askers = [threading.Thread(target=ask) for _ in range(8)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        busy = [r for r in replies if r[0] == 429]
        tap.check("a full queue: 429, and when to ask again", busy and all(r[1].get("Retry-After") == "1" and "ask again later" in
                  json.loads(r[2])["error"] for r in busy), str([r[0] for r in replies]))
        tap.check("the others are scored", {r[0] for r in replies} == {200, 429}, str([r[0] for r in replies]))
        scoring = a.api("GET", "/v1/status")[1]["scoring"]
        tap.check("all are counted", (scoring["busy"], scoring["scored"]) == (len(busy), len(replies) - len(busy)), str(scoring))


def off_the_lcores(tap, a):
    """The appliance's lcore is on CPU 0: the threads that score keep off it, where there is another."""
    allowed = []
    for task in os.listdir(f"/proc/{a.proc.pid}/task"):
        with open(f"/proc/{a.proc.pid}/task/{task}/status") as f:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        if status["Name"] == "scoring":
            allowed.append(int(status["Cpus_allowed"].replace(",", ""), 16))
    others = len(os.sched_getaffinity(0) - {0})
    tap.check("one thread scores, on no lcore's CPU", len(allowed) == 1 and (not others or not allowed[0] & 1), str(allowed))
    latency = [m for m in a.api("GET", "/v1/latency")[1]["models"] if m["name"] == "lab"]
    tap.check("its times stand beside those of UDP", [m["via"] for m in latency] == ["udp", "api"] and latency[1]["count"] > 10
              and latency[1]["p50_ns"] > 0, str(latency))


def texts(tap, c, a, folder):
    """A model with columns of text: the texts go through the image's tables."""
    image, path = os.path.join(folder, "text.mlt"), os.path.join(folder, "text.csv")
    lines = [["S0", "udp", 0.5], ["SF", "tcp", -2], ["REJ", "other", 1]]
    text = "flag,protocol,duration\n" + "".join(",".join(map(str, line)) + "\n" for line in lines)
    with open(path, "w") as f:
        f.write(text)
    subprocess.run([MARTLETCTL, "model", "compile", os.path.join(ROOT, "tests", "fixtures", "operators", "models", "text_columns.onnx"),
                    "-o", image, "--rows", path], check=True, capture_output=True)
    right = offline(image, path, folder)
    a.ctl("model", "push", image, "--name", "text")
    a.ctl("model", "promote", "text", "1", "--id", "8")
    meta = json.loads(c("GET", "/v2/models/text")[2])
    names = meta["parameters"]["feature_names"]
    order = [("flag", "protocol", "duration").index(n) for n in names]
    tap.check("texts: the input is BYTES", meta["inputs"][0]["datatype"] == "BYTES", str(meta["inputs"]))

    def scores(inputs, behind=None):
        body = json.dumps({"inputs": inputs}).encode()
        headers = {LENGTH: str(len(body))} if behind else {}
        reply = json.loads(c("POST", "/v2/models/text/infer", body + (behind or b""), **headers)[2])
        return floats(reply["outputs"][0]["data"]) if "outputs" in reply else reply

    cells = [[line[i] for i in order] for line in lines]
    shape = {"name": "rows", "datatype": "BYTES", "shape": [3, 3]}
    tap.check("texts: cells of text", scores([{**shape, "data": [[str(v) for v in r] for r in cells]}]) == right)
    tap.check("texts: numbers among them", scores([{**shape, "data": cells}]) == right, str(scores([{**shape, "data": cells}])))
    raw = b"".join(struct.pack("<I", len(str(v))) + str(v).encode() for r in cells for v in r)
    tap.check("texts: as bytes", scores([{**shape, "parameters": {"binary_data_size": len(raw)}}], raw) == right)
    columns = [{"name": n, "datatype": "FP32" if n == "duration" else "BYTES", "shape": [3], "data": [r[i] for r in cells]}
               for i, n in enumerate(names)]
    tap.check("texts: a tensor for each column", scores(columns) == right, str(scores(columns)))
    reply = c("POST", "/v2/models/text/infer", text, Content_Type="text/csv")
    values = [float(v) for line in reply[2].decode().splitlines()[1:] for v in line.split(",")]
    tap.check("texts: a CSV", floats(values) == right, str(reply))
    reply = c("POST", "/v1/models/text:predict", json.dumps({"instances": cells}))
    tap.check("texts: :predict", floats(sum(json.loads(reply[2]).get("predictions", []), [])) == right, str(reply))
    cells[1][names.index("flag")] = "S9"
    why = scores([{**shape, "data": [[str(v) for v in r] for r in cells]}])
    tap.check("texts: one that is not known", "row 2 (the first is 1)" in why["error"] and "'S9' is none of the 3 texts" in why["error"], str(why))


def main():
    if os.geteuid():
        skip_all("needs root")
    tap = Tap()
    image = frames.compile_lab_image("lab")
    with open(os.path.join(ROOT, "data", "lab-test.csv")) as f:
        lines = f.read().splitlines()
    lines = lines[:1] + lines[1::len(lines) // N][:N]
    rows = [[float(v) for v in line.split(",")[:FEATURES]] for line in lines[1:]]
    with tempfile.TemporaryDirectory(prefix="martlet-rest-") as folder:
        path = os.path.join(folder, "rows.csv")
        with open(path, "w") as f:
            f.write("\n".join(lines) + "\n")
        right = offline(image, path, folder)
        with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}']) as a:
            a.start()
            c = Client(a)
            forms(tap, c, rows, "\n".join(lines) + "\n", right)
            classification(tap, c, rows)
            refusals(tap, c, rows)
            by_the_tool(tap, a, path, right, folder)
            off_the_lcores(tap, a)
            about(tap, c, a, rows)
            texts(tap, c, a, folder)
            tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text())
    too_many(tap, image, rows)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
