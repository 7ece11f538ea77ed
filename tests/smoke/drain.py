#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""SIGTERM: not ready first, then a grace in which everything is served, with a hook that is run once; a second one ends it. The same by
POST /v1/drain and martletctl. After the grace connections of before have an answer more, and those that come too late are sent away."""
import http.client
import json
import os
import signal
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
import http2
from appliance import Appliance, Tap, UnixHTTP, receive_all, skip_all, wait_for

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
INFER = {"inputs": [{"name": "rows", "datatype": "FP32", "shape": [1, 41], "data": [0.5] * 41}]}
FOREVER = "drain_grace = 3600; drain_timeout = 3600; header_seconds = 600; bytes_per_second = 1;"


def infer(a):
    return a.api("POST", "/v2/models/lab/infer", INFER)


def grace(tap, image):
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}'],
                   control=FOREVER + ' drain_hook = "echo $MARTLET_EVENT $MARTLET_SOCKET $MARTLET_CONFIG >> $(dirname $MARTLET_CONFIG)/hook";') as a:
        a.start()
        tap.check("before: ready, and scores", a.api("GET", "/v2/health/ready")[0] == 200 and infer(a)[0] == 200, str(infer(a)))
        a.proc.send_signal(signal.SIGTERM)
        status, answer = wait_for(lambda: (lambda r: r if r[0] == 503 else None)(a.api("GET", "/v2/health/ready")))
        tap.check("SIGTERM: not ready at once, and says why", status == 503 and answer["error"] == "not ready: draining" and
                  answer["ready"] is False, str(answer))
        tap.check("in the grace models are scored and ready", infer(a)[0] == 200 and a.api("GET", "/v2/models/lab/ready")[0] == 200,
                  str(infer(a)))
        status, answer = a.api("POST", "/v2/repository/models/lab/unload", {})
        tap.check("but no model is taken out of service", status == 503 and "draining" in answer["error"], str(answer))
        wait_for(lambda: "drain_hook: done" in a.log_text())
        with open(f"{a.dir}/hook") as f:
            said = f.read()
        tap.check("the hook was run once and told of what", said == f"drain {a.sock} {a.conf}\n", said)
        tap.check("it goes on until a second SIGTERM, which ends it with 0", a.proc.poll() is None and a.stop() == 0, a.log_text()[-500:])
        tap.check("the log says so", "the grace ends at once" in a.log_text() and "drained" in a.log_text(), a.log_text()[-500:])


def infer_message():
    """A call of ModelInfer for a row, as gRPC sends it."""
    def text(number, data):
        return bytes([number << 3 | 2]) + (bytes([len(data)]) if len(data) < 128 else bytes([len(data) % 128 | 128, len(data) // 128])) + data
    tensor = text(1, b"rows") + text(2, b"FP32") + text(3, b"\1\x29")
    message = text(1, b"lab") + text(5, tensor) + text(7, struct.pack("<41f", *[0.5] * 41))
    return b"\0" + struct.pack(">I", len(message)) + message


def under_way(tap, image):
    """The service ends while bodies are still coming: whoever was let in before is scored, and others are not."""
    body = json.dumps(INFER).encode()
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}'], control="drain_grace = 0; drain_timeout = 60;") as a:
        a.start()
        large = UnixHTTP(a.sock)
        large.putrequest("POST", "/v2/models/lab/infer")
        large.putheader("Content-Length", str(len(body)))
        large.endheaders(body[:100])
        begun = UnixHTTP(a.sock)
        begun.connect()
        begun.sock.sendall(b"POST /v2/models/lab/infer HTTP/1.1\r\nHost: a\r\nContent-Le")
        kept = UnixHTTP(a.sock)
        kept.request("GET", "/v2/health/live")
        kept.getresponse().read()
        streams = http2.Client(a.sock)
        kinds = {1: (b"/v2/models/lab/infer", (), body),
                 3: (b"/inference.GRPCInferenceService/ModelInfer", ((b"content-type", b"application/grpc"), (b"te", b"trailers")), infer_message())}
        for stream, (path, more, data) in kinds.items():
            streams.send(http2.frame(http2.HEADERS, http2.END_HEADERS, stream, http2.head(b"POST", path, more)) +
                         http2.frame(http2.DATA, 0, stream, data[:50]))
        streams.send(http2.frame(http2.PING, 0, 0, b"is there"))
        streams.until(lambda f: f[0] == http2.PING)
        a.proc.send_signal(signal.SIGTERM)
        status, answer = wait_for(lambda: (lambda r: r if r[0] == 503 else None)(infer(a)))
        tap.check("the service has ended: who comes now is told so", status == 503 and "draining" in answer["error"], f"{status} {answer}")
        kept.request("POST", "/v2/models/lab/infer", body)
        reply = kept.getresponse()
        tap.check("a connection of before asks once more", reply.status == 200 and "outputs" in json.load(reply) and
                  reply.getheader("Connection") == "close", str(reply.status))
        large.send(body[100:])
        begun.sock.sendall(b"ngth: %d\r\n\r\n" % len(body) + body)
        for name, c in (("a body that was coming is scored", large), ("and a request whose header was", begun)):
            reply = c.getresponse() if c is large else http.client.HTTPResponse(c.sock)
            if c is begun:
                reply.begin()
            answer = json.load(reply)
            tap.check(name, reply.status == 200 and "outputs" in answer, f"{reply.status} {answer}")
        for stream, (_, _, data) in kinds.items():
            streams.send(http2.frame(http2.DATA, http2.END_STREAM, stream, data[50:]))
        answer = streams.body_of(1)
        tap.check("so is one by HTTP/2", b"outputs" in answer, str(answer))
        answer = streams.body_of(3) or b"".join(f[3] for f in streams.got if f[0] == http2.DATA and f[2] == 3)
        tap.check("and a call of gRPC", b"lab" in answer, str(answer))
        streams.until(lambda f: False)
        tap.check("then it ends: nothing was cut", a.proc.wait(60) == 0 and "drained, nothing was cut" in a.log_text(), a.log_text()[-500:])


def by_the_api(tap, image):
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}'], control=FOREVER) as a:
        a.start()
        status, answer = a.api("GET", "/v1/drain")
        tap.check("GET /v1/drain: nothing drains", status == 200 and (answer["state"], answer["stage"], answer["by"]) == ("ready", None, None)
                  and answer["under_way"] == {"connections": 0, "scoring": 0, "changes": 0, "packets": False}, str(answer))
        keeps = UnixHTTP(a.sock)
        keeps.request("GET", "/v2/health/live")
        keeps.getresponse().read()
        half = socket.socket(socket.AF_UNIX)
        half.connect(a.sock)
        body = json.dumps(INFER).encode()
        head = b"POST /v2/models/lab/infer HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
        done = a.ctl("drain", "--json")
        first = json.loads(done.stdout)
        tap.check("martletctl drain: the grace begins", (first["state"], first["stage"]) == ("draining", "grace") and first["grace_left_ms"] > 3500e3
                  and f"by uid {os.getuid()}" in first["by"], str(first))
        status, second = a.api("POST", "/v1/drain", b"")
        tap.check("asked again: nothing changes", status == 200 and second["stage"] == "grace" and second["by"] == first["by"]
                  and 0 < second["grace_left_ms"] <= first["grace_left_ms"], str(second))
        a.proc.send_signal(signal.SIGTERM)
        wait_for(lambda: "draining already" in a.log_text())
        tap.check("one SIGTERM does not end it", a.api("GET", "/v1/drain")[1]["stage"] == "grace" and infer(a)[0] == 200)
        half.sendall(head + body[:10])
        wait_for(lambda: a.api("GET", "/v1/drain")[1]["under_way"]["connections"] == 1)
        status, answer = a.api("POST", "/v1/drain", {"now": True})
        tap.check("now: the grace ends", status == 200 and answer["grace_left_ms"] == 0, str(answer))
        wait_for(lambda: a.api("GET", "/v1/drain")[1]["stage"] == "closing")
        keeps.request("POST", "/v2/models/lab/infer", body)
        reply = keeps.getresponse()
        text = reply.read()
        tap.check("a connection of before has an answer more, its last", reply.status == 200 and reply.getheader("Connection") == "close"
                  and b"scores" in text, f"{reply.status} {text}")
        status, answer = infer(a)
        tap.check("one that comes too late is sent away", status == 503 and "draining" in answer["error"], f"{status} {answer}")
        tap.check("what has begun to come is waited for", a.proc.poll() is None)
        half.sendall(body[10:])
        answer = receive_all(half)
        tap.check("and scored", answer.startswith(b"HTTP/1.1 200") and b"Connection: close" in answer and b"scores" in answer, str(answer))
        tap.check("it ends with 0, and says that nothing was cut", wait_for(lambda: a.proc.poll() is not None) and a.proc.returncode == 0
                  and "drained, nothing was cut" in a.log_text(), a.log_text()[-500:])


def by_the_tool(tap):
    with Appliance([RING], control="drain_grace = 3600;") as a:
        a.start()
        done = a.ctl("drain", "--now", "--wait")
        tap.check("martletctl drain --now --wait returns when it has ended", done.stdout.endswith("martletd has ended; what was cut, if anything, is in its log\n")
                  and "draining" in done.stdout and a.proc.wait(1) == 0, done.stdout)
        done = a.ctl("drain", "--wait", check=False)
        tap.check("there is none any more: refused", done.returncode == 1 and "no martletd answers" in done.stderr, done.stderr)


def hooks(tap):
    for name, hook, control, words in (
            ("a hook that fails", "exit 3", "drain_timeout = 60;", "control.drain_hook: failed, exit status 3; draining goes on"),
            ("one that kills itself", "kill -USR1 $$", "drain_timeout = 60;", "control.drain_hook: ended by SIGUSR1; draining goes on"),
            ("one that does not end", "sleep 1000 & sleep 1000", "drain_timeout = 1;",
             "control.drain_hook: not done after 1 s, ended; draining goes on")):
        with Appliance([RING], control=f'drain_grace = 0; {control} drain_hook = "{hook}";') as a:
            a.start()
            code = a.stop()
            tap.check(f"{name} is said and stops nothing", code == 0 and words in a.log_text() and "drained" in a.log_text(),
                      f"{code} {a.log_text()[-500:]}")


def main():
    if os.geteuid():
        skip_all("needs root")
    tap = Tap()
    image = frames.compile_lab_image()
    grace(tap, image)
    under_way(tap, image)
    by_the_api(tap, image)
    by_the_tool(tap)
    hooks(tap)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
