#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What tritonclient's and KServe's clients send, byte for byte (tests/fixtures/make_clients.py), is answered with the bytes they must get."""
import json
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import ROOT, Appliance, Tap, enter_private_network, skip_all
from http2 import PLAIN, Client

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
FOLDER = os.path.join(ROOT, "tests/fixtures/clients")
LENGTH = "Inference-Header-Content-Length"


def read(name):
    with open(os.path.join(FOLDER, name), "rb") as f:
        return f.read()


def http(data, step):
    """(status, headers, body) of a request that comes in pieces."""
    s = socket.create_connection(PLAIN, timeout=30)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(0, len(data), step):
        s.sendall(data[i:i + step])
    got = b""
    while b"\r\n\r\n" not in got:
        got += s.recv(65536) or b"\r\n\r\n"
    head, _, body = got.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    while len(body) < int(headers.get("Content-Length", 0)):
        body += s.recv(65536)
    s.close()
    return first.split(" ")[1], headers, body


def rest(tap, name):
    """JSON is compared by what it says, bytes as they are."""
    wanted, _, right = read(name + ".answer").partition(b"\n\n")
    wanted = dict(line.split(": ", 1) for line in wanted.decode().split("\n"))
    for step in (1 << 16, 7):
        status, headers, body = http(read(name), step)
        n, m = int(headers.get(LENGTH, len(body))), int(wanted.pop(LENGTH, len(right)))
        ok = status == "200" and all(headers.get(k) == v for k, v in wanted.items()) and body[n:] == right[m:]
        tap.check(f"{name}, {step} bytes at a time", ok and (LENGTH in headers) == (m < len(right)) and json.loads(body[:n]) == json.loads(right[:m]),
                  f"{status} {headers} {body}")
        wanted[LENGTH] = str(m)
        if m == len(right):
            del wanted[LENGTH]


def grpc(tap, name):
    right = read(name + ".answer")
    for step in (1 << 16, 7):
        data = read(name)
        c = Client(first=b"")
        for i in range(0, len(data), step):
            c.send(data[i:i + step])
        body = c.body_of(1)
        tap.check(f"{name}, {step} bytes at a time", body == right, f"{body} {c.got}")
        c.close()


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    image = frames.compile_lab_image("exact", "tests/fixtures/clients/exact.onnx")
    with Appliance([RING], models=[f'{{ name = "exact"; id = 7; image = "{image}"; }}'],
                   control='http = ( { listen = "127.0.0.1:7798"; serves = [ "infer" ]; } );') as a:
        a.start()
        names = sorted(os.listdir(FOLDER))
        for name in names:
            if name.endswith(".rest"):
                rest(tap, name)
            elif name.endswith(".grpc"):
                grpc(tap, name)
        tap.check("there are both", sum(n.endswith(".rest") for n in names) > 10 and sum(n.endswith(".grpc") for n in names) > 5)
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-2000:])
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
