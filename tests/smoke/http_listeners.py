#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""control.http: each listener serves what it is to and has no other routes; who is slow, greedy or late is refused as the
protocol says, in JSON, and counted."""
import http.client
import json
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import Appliance, Tap, enter_private_network, receive_all, skip_all

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
CONTROL = """http = ( { listen = "127.0.0.1:7798"; serves = [ "infer" ]; },
         { listen = "127.0.0.1:7799"; serves = [ "metrics" ]; },
         { listen = "[::1]:7798"; serves = [ "infer", "metrics" ]; } );
connections = 64; address_connections = 40; header_seconds = 2; body_megabytes = 1; idle_seconds = 30;"""
INFER, METRICS, BOTH = ("127.0.0.1", 7798), ("127.0.0.1", 7799), ("::1", 7798)


def ask(address, method, path, body=None, headers=None):
    c = http.client.HTTPConnection(address[0], address[1], timeout=30)
    c.request(method, path, body, headers or {})
    reply = c.getresponse()
    text = reply.read()
    c.close()
    return reply.status, reply.headers, text


def raw(address, data):
    s = socket.create_connection(address, timeout=30)
    s.sendall(data)
    return receive_all(s)


def routes(tap):
    for address, path, status in ((INFER, "/v2/health/live", 200), (INFER, "/v2/models/lab", 200), (INFER, "//v2/health/live", 200),
                                  (INFER, "/metrics", 404), (METRICS, "/metrics", 200), (METRICS, "/v2/health/live", 404),
                                  (BOTH, "/v2/models/l%61b/ready", 200), (BOTH, "/metrics", 200)):
        got = ask(address, "GET", path)[0]
        tap.check(f"{address[0]}:{address[1]} {path}: {status}", got == status, str(got))
    for address in (INFER, METRICS, BOTH):
        for method, path in (("GET", "/v1/status"), ("PUT", "/v1/models/lab/versions/9"), ("POST", "/v2/repository/index"),
                             ("PUT", "/v1/log"), ("POST", "/v2/repository/models/lab/unload"), ("GET", "/")):
            status, headers, text = ask(address, method, path, b"")
            tap.check(f"{address[0]}:{address[1]} {method} {path}: there is none", status == 404 and list(json.loads(text)) == ["error"]
                      and headers["Content-Type"] == "application/json", f"{status} {text}")
    status, headers, text = ask(INFER, "HEAD", "/v2/models/lab")
    tap.check("HEAD", status == 200 and not text and int(headers["Content-Length"]) > 100, f"{status} {headers}")
    status, headers, _ = ask(INFER, "DELETE", "/v2/models/lab")
    tap.check("another method: 405", status == 405 and headers["Allow"] == "GET, HEAD", f"{status} {headers}")


def refusals(tap, a):
    before = a.api("GET", "/v1/status")[1]["api"]["refused"]
    head = b"POST /v2/models/lab/infer HTTP/1.1\r\nHost: a\r\n"
    for name, kind, status, data in (
            ("no Host", "malformed", 400, b"GET /v2 HTTP/1.1\r\n\r\n"),
            ("a body of two lengths", "malformed", 400, head + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nGET /v2"),
            ("chunks", "no_length", 411, head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v2 HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("a large body", "body_large", 413, head + b"Content-Length: 1048577\r\n\r\n"),
            ("a long path", "target_long", 414, b"GET /" + b"a" * 5000),
            ("a large header", "head_large", 431, head + b"A: " + b"a" * 20000),
            ("a header that does not end", "head_slow", 408, head),
            ("another version", "version", 505, b"GET /v2 HTTP/2.0\r\n\r\n"),
            ("another method", "method_unknown", 501, b"BREW /v2 HTTP/1.1\r\n\r\n")):
        got = raw(INFER, data)
        first, _, body = got.partition(b"\r\n\r\n")
        tap.check(f"{name}: {status}, once, and closed", got.count(b"\r\nContent-Length") == 1 and int(first.split()[1]) == status
                  and b"\r\nContent-Type: application/json\r\n" in first and list(json.loads(body)) == ["error"], str(got[:300]))
        after = a.api("GET", "/v1/status")[1]["api"]["refused"]
        tap.check(f"{name}: counted as {kind}", after.get(kind, 0) == before.get(kind, 0) + 1, f"{before} {after}")
        before = after
    text = a.api("GET", "/metrics")[1]
    tap.check("and in the metrics", 'martlet_api_refusals_total{reason="head_slow"} 1\n' in text)


def unread(tap):
    """What the header alone is refused for is refused before the body, which is asked for otherwise."""
    expect = b"Host: a\r\nExpect: 100-continue\r\nContent-Length: 500000\r\n"
    for address, line, more, status in ((INFER, b"POST /v2/models/lab/infer", b"", 100), (INFER, b"POST /v2/models/none/infer", b"", 404),
                                        (INFER, b"POST /v2/models/lab/infer", b"Content-Encoding: gzip\r\n", 415),
                                        (INFER, b"POST /v2/models/lab/versions/9/infer", b"", 404), (INFER, b"PUT /v2", b"", 405),
                                        (METRICS, b"POST /v2/models/lab/infer", b"", 404), (METRICS, b"GET /metrics", b"", 413)):
        s = socket.create_connection(address, timeout=30)
        s.sendall(line + b" HTTP/1.1\r\n" + expect + more + b"\r\n")
        got = s.recv(65536)
        tap.check(f"{line.decode()} {more.decode().strip()}: {status}, unread", got.startswith(b"HTTP/1.1 %d " % status)
                  and (status == 100 or b"\r\nConnection: close\r\n" in got), str(got))
        s.close()


def half_closed(tap):
    s = socket.create_connection(INFER, timeout=30)
    body = b'{"instances": [%s]}' % b",".join([b"[" + b",".join([b"0"] * 41) + b"]"] * 1000)
    s.sendall(b"POST /v1/models/lab:predict HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    s.shutdown(socket.SHUT_WR)
    got = receive_all(s)
    tap.check("a client that closes its own side is answered", got.startswith(b"HTTP/1.1 ") and got.endswith(b"}"), str(got[:200]))


def pipeline(tap):
    got = raw(INFER, b"GET /v2/health/live HTTP/1.1\r\nHost: a\r\n\r\n" * 200 + b"GET /v2 HTTP/1.0\r\n\r\n")
    tap.check("200 requests in a row are answered in a row", got.count(b"HTTP/1.1 200 OK") == 201 and b"extensions" in got[-400:], str(got[-300:]))


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{frames.compile_lab_image()}"; }}'], control=CONTROL) as a:
        a.start()
        routes(tap)
        refusals(tap, a)
        pipeline(tap)
        unread(tap)
        half_closed(tap)
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-2000:])
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
