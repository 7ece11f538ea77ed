#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two appliances behind the same clients, restarted one after the other while these ask: no request is lost. The clients are as real ones:
UDP with one retry, REST that keeps its connections and looks at readiness, REST that does not look but goes elsewhere when it is asked to close,
gRPC with round robin, health checks and retries. Each process ends with 0 and nothing cut, its hook run within the grace, which here lasts
until the clients have gone."""
import http.client
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import MARTLETCTL, Appliance, FarEnd, Reply, Tap, enter_private_network, request, sh, skip_all, wait_for
from grpc_python import grpc, infer_request, messages

PORT, FEATURES = 7798, 41
ROW = struct.pack(f"<{FEATURES}f", *[0.5] * FEATURES)
BODY = json.dumps({"inputs": [{"name": "rows", "datatype": "FP32", "shape": [1, FEATURES], "data": [0.5] * FEATURES}]}).encode()
HOOK = "cd $(dirname $MARTLET_CONFIG); curl -s --unix-socket $MARTLET_SOCKET http://m/v1/drain > hook"
GONE = "; while ! [ -e gone ]; do sleep 0.05; done"
SERVICE = json.dumps({
    "loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""},
    "methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 3, "initialBackoff": "0.05s", "maxBackoff": "0.2s", "backoffMultiplier": 2,
                                                    "retryableStatusCodes": ["UNAVAILABLE"]}}]})


class Node:
    """An appliance in a network of its own: its port's address is 10.66.N.1, its listener's 10.67.N.1. The version says which one answers."""

    def __init__(self, n, image, grace, hook):
        self.n, self.far = n, FarEnd(f"veth-c{n}", f"veth-m{n}")
        self.udp, self.http = f"10.66.{n}.1", f"10.67.{n}.1"
        sh(f"ip address add 10.66.{n}.2/24 dev veth-c{n}")
        sh(f"ip link add ctl-c{n} type veth peer name ctl-m{n}")
        sh(f"ip link set ctl-m{n} netns {self.far.pid}")
        sh(f"ip address add 10.67.{n}.2/24 dev ctl-c{n}")
        sh(f"ip link set ctl-c{n} up")
        sh(f"nsenter -t {self.far.pid} -n ip address add {self.http}/24 dev ctl-m{n}")
        sh(f"nsenter -t {self.far.pid} -n ip link set ctl-m{n} up")
        self.a = Appliance([f'{{ name = "edge"; device = "net_af_packet0,iface=veth-m{n}"; addresses = [ "{self.udp}/24" ]; }}'],
                           netns=self.far.pid, control=f'drain_grace = {grace}; drain_timeout = 120; drain_hook = "{hook}"; '
                           f'http = ( {{ listen = "{self.http}:{PORT}"; serves = [ "infer" ]; }} );')
        self.a.start()
        self.a.ctl("model", "push", image, "--name", "lab", "--version", str(n))
        self.a.ctl("model", "promote", "lab", str(n), "--id", "7")
        self.is_ready, self.is_over = True, False
        self.watcher = threading.Thread(target=self.watch)
        self.watcher.start()

    def watch(self):
        """As a balancer does, over a connection of its own each time."""
        while not self.is_over:
            try:
                c = http.client.HTTPConnection(self.http, PORT, timeout=30)
                c.request("GET", "/v2/health/ready")
                self.is_ready = c.getresponse().status == 200
                c.close()
            except (OSError, http.client.HTTPException):
                self.is_ready = False
            time.sleep(0.02)

    def close(self):
        self.is_over = True
        self.watcher.join()
        self.a.close()
        self.far.close()


class Client(threading.Thread):
    """Asks until it is told to end: ask(node) says which version answered, or raises. `pause` seconds lie between two requests' beginnings."""

    def __init__(self, nodes):
        super().__init__()
        self.nodes, self.pause, self.is_over, self.lost, self.turn = nodes, 0, False, [], 0
        self.answered = {n.n: 0 for n in nodes}

    def total(self):
        return sum(self.answered.values())

    def choose(self):
        self.turn += 1
        ready = [n for n in self.nodes if n.is_ready] or self.nodes
        return ready[self.turn % len(ready)]

    def run(self):
        due = time.monotonic()
        while not self.is_over:
            node = self.choose()
            try:
                self.answered[self.ask(node)] += 1
            except Exception as e:  # whatever it is, a request is lost
                self.after_loss(node)
                self.lost.append(f"{type(self).__name__}, node {node.n}, request {self.total()}: {e!r}"[:300])
            due = max(due + self.pause, time.monotonic() - 0.1)
            time.sleep(max(0, due - time.monotonic()))

    def after_loss(self, node):
        pass

    def end(self):
        self.is_over = True
        self.join()


class Udp(Client):
    def __init__(self, nodes):
        super().__init__(nodes)
        self.sockets, self.id, self.retries = {}, 0, 0
        for n in nodes:
            s = self.sockets[n.n] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.connect((n.udp, 7797))

    def once(self, node, seconds):
        self.id += 1
        s = self.sockets[node.n]
        try:
            s.send(request(ROW, model=7, request_id=self.id, columns=FEATURES))
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                s.settimeout(left)
                reply = Reply(s.recv(2048))
                if reply.request_id == self.id:
                    return reply
        except OSError as e:
            return e
        return "nothing"

    def ask(self, node):
        reply = self.once(node, 2)
        if getattr(reply, "status", None) != "OK":
            self.retries += 1
            other = next(n for n in self.nodes if n is not node)
            reply = self.once(other if other.is_ready else node, 20)
        if getattr(reply, "status", None) != "OK":
            raise RuntimeError(f"twice without an answer: {getattr(reply, 'status', reply)}")
        return reply.model_version


class Rest(Client):
    """One connection to each, kept; one that was closed while nobody used it is made anew, as every pool of connections does."""

    def __init__(self, nodes):
        super().__init__(nodes)
        self.connections = {n.n: http.client.HTTPConnection(n.http, PORT, timeout=60) for n in nodes}

    def ask(self, node):
        c = self.connections[node.n]
        if c.sock and select.select([c.sock], [], [], 0)[0]:
            c.close()
        c.request("POST", "/v2/models/lab/infer", BODY)
        reply = c.getresponse()
        text = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{reply.status} {text}")
        self.is_last = reply.getheader("Connection") == "close"
        return int(json.loads(text)["model_version"])

    def after_loss(self, node):
        self.connections[node.n].close()


class BlindRest(Rest):
    """Never looks at readiness: it stays with one until that asks it to close, and then goes to the other one."""

    def choose(self):
        if getattr(self, "is_last", False):
            self.turn += 1
            self.is_last = False
        return self.nodes[self.turn % len(self.nodes)]


class Grpc(Client):
    def __init__(self, nodes, pb):
        super().__init__(nodes)
        address = ",".join(f"{n.http}:{PORT}" for n in nodes)
        self.channel = grpc.insecure_channel(f"ipv4:{address}", (
            ("grpc.service_config", SERVICE), ("grpc.enable_retries", 1), ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 1000), ("grpc.max_reconnect_backoff_ms", 500)))
        self.call = self.channel.unary_unary("/inference.GRPCInferenceService/ModelInfer", lambda m: m.SerializeToString(),
                                             pb.ModelInferResponse.FromString)
        self.request = pb.ModelInferRequest(model_name="lab")
        self.request.inputs.add(name="rows", datatype="FP32", shape=[1, FEATURES])
        self.request.raw_input_contents.append(ROW)

    def ask(self, _):
        return int(self.call(self.request, timeout=60, wait_for_ready=True).model_version)


def all_used(clients, node):
    """Until each of the clients that balance has been answered by it once more."""
    before = [c.answered[node.n] for c in clients]
    return wait_for(lambda: all(c.answered[node.n] > b + 5 for c, b in zip(clients, before)), 60)


def all_gone(clients, node):
    """Until each has been answered by others alone for some requests."""
    def gone(c, before={}):
        here, all_of_it = c.answered[node.n], c.total()
        if c not in before or before[c][0] != here:
            before[c] = here, all_of_it
        return all_of_it > before[c][1] + 10
    return wait_for(lambda: all([gone(c) for c in clients]), 60)


def restart(tap, what, node, clients, by_signal):
    a, balancing = node.a, [c for c in clients if not isinstance(c, BlindRest)]
    used = all_used(balancing, node)
    hook, gone, log = os.path.join(a.dir, "hook"), os.path.join(a.dir, "gone"), len(a.log_text())
    for file in (hook, gone):
        if os.path.exists(file):
            os.remove(file)
    if by_signal:
        a.proc.send_signal(signal.SIGTERM)
    else:
        tool = subprocess.Popen([MARTLETCTL, "-s", a.sock, "drain", "--wait"], stdout=subprocess.DEVNULL)
    seen = wait_for(lambda: not node.is_ready, 60) and all_gone(clients, node)
    open(gone, "w").close()
    status = a.proc.wait(150) or (0 if by_signal else tool.wait(30))
    said = a.log_text()[log:]
    with open(hook) as f:
        stage = json.loads(f.read() or "{}").get("stage")
    before = [c.total() for c in clients]
    tap.check(f"{what}: with one of them gone all go on",
              wait_for(lambda: all(c.total() > b + 5 for c, b in zip(clients, before)), 60), str([c.lost[:2] for c in clients]))
    a.start()
    back = all_used(balancing, node)
    tap.check(f"{what}: used, not ready, drained, nothing cut, exit 0, the hook in the grace, used again",
              used and seen and status == 0 and "drained, nothing was cut" in said and stage == "grace" and back,
              f"{used} {seen} {status} {stage} {back} {said[-600:]}")


def fleet(folder, grace, hook):
    image = frames.compile_lab_image()
    pb = messages(folder)[0]
    nodes = [Node(n, image, grace, hook) for n in (1, 2)]
    return nodes, [Udp(nodes), Rest(nodes), BlindRest(nodes), Grpc(nodes, pb)]


def finish(tap, nodes, clients):
    for c in clients:
        c.end()
        tap.check(f"{type(c).__name__}: {c.total()} requests, none lost", not c.lost and c.total(), str(c.lost[:5]))
    print(f"# {clients[0].retries} of UDP were asked again", flush=True)
    for n in nodes:
        n.close()


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        nodes, clients = fleet(folder, 1, HOOK + GONE)
        for c in clients:
            c.start()
        restart(tap, "the first, by SIGTERM", nodes[0], clients, True)
        restart(tap, "the second, by martletctl", nodes[1], clients, False)
        finish(tap, nodes, clients)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
