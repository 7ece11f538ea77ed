#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""gRPC by Debian's grpcio, over the UNIX socket, in the clear and by TLS: the calls of the Open Inference Protocol, health and
reflection; the scores are the bits of `martletctl model run`, mistakes have their status and sentence, calls that are late, given up,
too large or a thousand at once disturb no other."""
import os
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import MARTLETCTL, ROOT, Appliance, Tap, enter_private_network, self_signed, skip_all, wait_for

try:
    import grpc
except ImportError:
    skip_all("python3-grpcio is not installed")
os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
FEATURES, N = 41, 4
INFERENCE = "/inference.GRPCInferenceService/"
CODE = grpc.StatusCode


def messages(folder):
    """Python's form of our definitions."""
    protos = os.path.join(ROOT, "ctl/server/grpc/proto")
    subprocess.run(["protoc", "-I", protos, "--python_out", folder, "inference.proto", "health.proto", "reflection.proto",
                    "reflection_v1alpha.proto"], check=True)
    sys.path.insert(0, folder)
    import health_pb2
    import inference_pb2
    import reflection_pb2
    import reflection_v1alpha_pb2
    return inference_pb2, health_pb2, reflection_pb2, reflection_v1alpha_pb2


class Client:
    def __init__(self, channel, pb):
        self.channel, self.pb = channel, pb

    def raw(self, name):
        """The call of bytes."""
        return self.channel.unary_unary(INFERENCE + name)

    def __call__(self, name, request=None, /, timeout=60, **fields):
        request = request or getattr(self.pb, name + "Request")(**fields)
        return self.channel.unary_unary(INFERENCE + name, lambda m: m.SerializeToString(),
                                        getattr(self.pb, name + "Response").FromString)(request, timeout=timeout)

    def refused(self, name, request=None, /, timeout=60, **fields):
        try:
            self(name, request, timeout, **fields)
        except grpc.RpcError as e:
            return e.code(), e.details()
        return None, ""


def infer_request(pb, rows, typed=False, datatype="FP32", **fields):
    """`rows`: values, or bytes as they stand in raw_input_contents."""
    request = pb.ModelInferRequest(model_name="lab", id="7", **fields)
    raw = rows if isinstance(rows, bytes) else struct.pack(f"<{len(rows)}f", *rows)
    width = {"FP32": 4, "FP16": 2, "BF16": 2}.get(datatype)
    n = len(raw) // width // FEATURES if width else N
    tensor = request.inputs.add(name="rows", datatype=datatype, shape=[n, FEATURES])
    if typed:
        tensor.contents.fp32_contents.extend(rows)
    else:
        request.raw_input_contents.append(raw)
    return request


def scored(tap, call, pb, rows, right):
    raw = call("ModelInfer", infer_request(pb, rows))
    tap.check("raw rows: the bits of `martletctl model run`", raw.raw_output_contents[0] == right)
    tap.check("the id comes back", raw.id == "7" and raw.model_name == "lab" and raw.model_version == "1")
    typed = call("ModelInfer", infer_request(pb, rows, typed=True))
    tap.check("typed rows: the same, raw", typed.raw_output_contents[0] == right)
    asked = infer_request(pb, rows, typed=True)
    asked.parameters["martlet_typed"].bool_param = True
    answer = call("ModelInfer", asked)
    contents = answer.outputs[0].contents.fp32_contents
    tap.check("martlet_typed: the same, typed", struct.pack(f"<{len(contents)}f", *contents) == right and not answer.raw_output_contents)


def datatypes(tap, call, pb, rows, right):
    """The rows are numbers that FP16 and BF16 have, too."""
    half = struct.pack(f"<{len(rows)}e", *rows)
    short = b"".join(struct.pack("<f", v)[2:] for v in rows)
    for datatype, raw in (("FP16", half), ("BF16", short)):
        answer = call("ModelInfer", infer_request(pb, raw, datatype=datatype))
        tap.check(f"{datatype}: the same scores", answer.raw_output_contents[0] == right)
    cells = [f"{v:g}".encode() for v in rows]
    texts = b"".join(struct.pack("<I", len(c)) + c for c in cells)
    tap.check("BYTES, raw: the same scores", call("ModelInfer", infer_request(pb, texts, datatype="BYTES")).raw_output_contents[0] == right)
    typed = infer_request(pb, b"", datatype="BYTES")
    del typed.raw_input_contents[:]
    typed.inputs[0].contents.bytes_contents.extend(cells)
    tap.check("BYTES, typed: the same scores", call("ModelInfer", typed).raw_output_contents[0] == right)
    for datatype in ("INT8", "INT32", "INT64", "UINT8", "FP64", "BOOL"):
        code, text = call.refused("ModelInfer", infer_request(pb, bytes(N * FEATURES * 8), datatype=datatype))
        tap.check(f"{datatype}, which the model does not take", code == CODE.INVALID_ARGUMENT and f"has the datatype {datatype}" in text, text)
    labels = infer_request(pb, rows)
    labels.outputs.add(name="scores").parameters["classification"].int64_param = 1
    answer = call("ModelInfer", labels)
    first = answer.raw_output_contents[0]
    tap.check("classification", answer.outputs[0].datatype == "BYTES" and list(answer.outputs[0].shape) == [N, 1] and first[4:].count(b":") > 1, str(first))


def refusals(tap, call, pb, rows):
    code, text = call.refused("ModelMetadata", name="nope")
    tap.check("no such model", code == CODE.NOT_FOUND and "nope" in text)
    code, text = call.refused("ModelInfer", pb.ModelInferRequest(model_name="lab"))
    tap.check("no inputs", code == CODE.INVALID_ARGUMENT and text.startswith("there are no inputs"))
    both = infer_request(pb, rows)
    both.inputs[0].contents.fp32_contents.extend(rows)
    code, text = call.refused("ModelInfer", both)
    tap.check("raw and typed", code == CODE.INVALID_ARGUMENT and text.startswith("contents field must not be specified"))
    code, _ = call.refused("ModelInfer", infer_request(pb, rows, model_version="x"))
    tap.check("a version that is none", code == CODE.INVALID_ARGUMENT)
    try:
        call.channel.unary_unary(INFERENCE + "Nothing")(b"", timeout=20)
        code = None
    except grpc.RpcError as e:
        code = e.code()
    tap.check("no such method", code == CODE.UNIMPLEMENTED)
    latin = infer_request(pb, rows).SerializeToString().replace(b"\x1a\x017", b"\x1a\x02\xc3\x28")
    try:
        call.raw("ModelInfer")(latin, timeout=20)
        code, text = None, ""
    except grpc.RpcError as e:
        code, text = e.code(), e.details()
    tap.check("an id that is no UTF-8", code == CODE.INVALID_ARGUMENT and "UTF-8" in text, text)


def sized(pb, size):
    """A message of so many bytes: rows, and a parameter that nobody knows."""
    request = infer_request(pb, bytes(4 * FEATURES * 25000))
    request.parameters["pad"].string_param = ""
    for _ in range(4):  # the lengths before it have lengths of their own
        request.parameters["pad"].string_param += "x" * (size - request.ByteSize())
        if request.ByteSize() > size:
            request.parameters["pad"].string_param = request.parameters["pad"].string_param[:size - request.ByteSize()]
    assert request.ByteSize() == size
    return request


def sizes(tap, call, pb):
    answer = call("ModelInfer", sized(pb, 4 << 20))
    tap.check("a message of 4 MiB", len(answer.raw_output_contents[0]) == 25000 * 2 * 4)
    code, text = call.refused("ModelInfer", sized(pb, (4 << 20) + 1))
    tap.check("and one byte more: RESOURCE_EXHAUSTED", code == CODE.RESOURCE_EXHAUSTED and "at most 4194304" in text, text)
    tap.check("the channel goes on", call("ServerLive").live)


def cancelled(tap, call, pb, appliance, n):
    """`n` calls or more that are given up, at any moment of theirs: the work is, too, and nothing of the connection's window is lost. Whether
    some of it still waits at that moment is a matter of who runs when: there are more calls until some did."""
    scoring = lambda: appliance.api("GET", "/v1/status")[1]["scoring"]
    failed = lambda: call("ModelStatistics", name="lab").model_stats[0].inference_stats.fail.count
    before = failed()
    large = infer_request(pb, bytes(4 * FEATURES * 8000)).SerializeToString()  # larger than the window, 1.3 MB
    stub = call.raw("ModelInfer")
    for i in range(0, 20 * n, 10):
        if i >= n and scoring()["cancelled"] > 0:
            break
        futures = [stub.future(large, timeout=60) for _ in range(10)]
        if i % 3 == 0:
            wait_for(lambda: scoring()["waiting"] > 0 or all(f.done() for f in futures), seconds=0.2)
        else:
            time.sleep(i // 10 % 20 * 0.002)
        for f in futures:
            f.cancel()
    tap.check("cancelled calls: work that waited was given up", wait_for(lambda: scoring()["cancelled"] > 0), str(scoring()))
    tap.check("which is no refusal of the model's", failed() == before)
    tap.check("the connection goes on, with all of its window", len(stub(large, timeout=60)) > 8000 * 8)
    after = appliance.api("GET", "/v1/status")[1]["api"]["refused"]
    tap.check("and none was ended, as if it were malformed", after.get("malformed", 0) == 0, str(after))
    tap.check("nothing is held", wait_for(lambda: appliance.api("GET", "/v1/status")[1]["api"]["body_bytes"] == 0))


def many(tap, target, credentials, pb, rows, right):
    """1,000 streams at once on one channel, and on eight that share no connection."""
    for n in (1, 8):
        channels = [open_channel(target, credentials, local=True) for _ in range(n)]
        calls = [Client(c, pb).raw("ModelInfer") for c in channels]
        request = infer_request(pb, rows).SerializeToString()
        futures = [calls[i % n].future(request, timeout=60) for i in range(1000)]
        answers = [pb.ModelInferResponse.FromString(f.result()).raw_output_contents[0] for f in futures]
        tap.check(f"1,000 streams at once, on {n} channel{'s' * (n > 1)}: all are answered", answers == [right] * 1000)
        for c in channels:
            c.close()


def others(tap, call, health, reflection, alpha):
    tap.check("live, ready, the model ready", call("ServerLive").live and call("ServerReady").ready and call("ModelReady", name="lab").ready)
    tap.check("a model that is not there is not ready", not call("ModelReady", name="nope").ready)
    tap.check("the server's name", call("ServerMetadata").name == "martlet")
    tap.check("metadata", list(call("ModelMetadata", name="lab").inputs[0].shape) == [-1, FEATURES])
    config = call("ModelConfig", name="lab").config
    tap.check("configuration", config.backend == "martlet" and config.input[0].data_type == call.pb.TYPE_FP32)
    tap.check("statistics", [s.name for s in call("ModelStatistics").model_stats] == ["lab"])
    serialise = lambda m: m.SerializeToString()
    check = call.channel.unary_unary("/grpc.health.v1.Health/Check", serialise, health.HealthCheckResponse.FromString)
    tap.check("health", check(health.HealthCheckRequest(service="model/lab"), timeout=20).status == 1)
    for package, R, answered in (("v1", reflection.ServerReflectionRequest, reflection.ServerReflectionResponse),
                                 ("v1alpha", alpha.ServerReflectionRequest, alpha.ServerReflectionResponse)):
        ask = call.channel.stream_stream(f"/grpc.reflection.{package}.ServerReflection/ServerReflectionInfo", serialise, answered.FromString)
        answers = list(ask(iter([R(list_services=""), R(file_containing_symbol="inference.ModelInferRequest"), R(file_by_filename="no")])))
        services = [s.name for s in answers[0].list_services_response.service]
        tap.check(f"reflection {package}", len(answers) == 3 and len(services) == 4 and
                  len(answers[1].file_descriptor_response.file_descriptor_proto) == 1 and answers[2].error_response.error_code == 5, str(services))
        tap.check(f"health knows the services of reflection {package}",
                  all(check(health.HealthCheckRequest(service=s), timeout=20).status == 1 for s in services))


def changes(tap, call, health):
    tap.check("the index", [(m.name, m.state) for m in call("RepositoryIndex").models] == [("lab", "READY")])
    serialise = lambda m: m.SerializeToString()
    watch = call.channel.unary_stream("/grpc.health.v1.Health/Watch", serialise, health.HealthCheckResponse.FromString)(
        health.HealthCheckRequest(service="model/lab"))
    first = next(watch).status
    call("RepositoryModelUnload", model_name="lab")
    second = next(watch).status
    call("RepositoryModelLoad", model_name="lab")
    tap.check("Watch tells of unload and load", (first, second, next(watch).status) == (1, 2, 1))
    watch.cancel()


def not_managed(tap, call):
    for name, of in (("RepositoryIndex", {}), ("RepositoryModelLoad", {"model_name": "lab"}), ("RepositoryModelUnload", {"model_name": "lab"})):
        code, text = call.refused(name, **of)
        tap.check(f"{name} where there is no management", code == CODE.PERMISSION_DENIED and "UNIX socket" in text, text)


def drained(tap, call, pb, health, appliance, rows, right):
    """What load balancers see of a drain: not serving at once, and everything is served until it is over."""
    serialise = lambda m: m.SerializeToString()
    check = call.channel.unary_unary("/grpc.health.v1.Health/Check", serialise, health.HealthCheckResponse.FromString)
    watches = [call.channel.unary_stream("/grpc.health.v1.Health/Watch", serialise, health.HealthCheckResponse.FromString)(
        health.HealthCheckRequest(service=s)) for s in ("", "model/lab")]
    first = [next(w).status for w in watches]
    appliance.proc.terminate()
    second = [next(w).status for w in watches]
    tap.check("SIGTERM: Watch says SERVING, then NOT_SERVING", (first, second) == ([1, 1], [2, 2]), f"{first} {second}")
    tap.check("Check says NOT_SERVING", check(health.HealthCheckRequest(), timeout=20).status == 2)
    tap.check("the grace: what is asked is scored", call("ModelInfer", infer_request(pb, rows)).raw_output_contents[0] == right)
    appliance.proc.terminate()
    codes = []
    for w in watches:
        try:
            next(w)
        except grpc.RpcError as e:
            codes.append(e.code())
    tap.check("its end: who watches hears UNAVAILABLE", codes == [CODE.UNAVAILABLE] * 2, str(codes))


def open_channel(target, credentials, local=False):
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)] + [("grpc.use_local_subchannel_pool", 1)] * local
    return grpc.secure_channel(target, credentials, options) if credentials else grpc.insecure_channel(target, options)


def offline(image, rows, folder):
    file, out = os.path.join(folder, "rows.f32"), os.path.join(folder, "scores.f32")
    with open(file, "wb") as f:
        f.write(struct.pack(f"<{len(rows)}f", *rows))
    subprocess.run([MARTLETCTL, "model", "run", image, file, "-o", out], check=True, capture_output=True)
    with open(out, "rb") as f:
        return f.read()


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    image = frames.compile_lab_image("lab")
    with tempfile.TemporaryDirectory(prefix="martlet-grpc-") as folder:
        cert, key = self_signed(folder)
        with open(cert, "rb") as f:
            credentials = grpc.ssl_channel_credentials(f.read())
        control = f"""http = ( {{ listen = "127.0.0.1:7798"; serves = [ "infer" ]; }}, {{ listen = "127.0.0.1:7799"; serves = [ "infer" ];
            tls = {{ certificate = "{cert}"; key = "{key}"; }}; }} ); drain_grace = 3600;"""
        with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}'], control=control) as appliance:
            with open(appliance.conf, "a") as f:  # all of eight connections' streams may wait
                f.write("scoring = { queue = 2048; };\n")
            appliance.start()
            pb, health, reflection, alpha = messages(folder)
            rows = [((i * 37) % 101) / 4 for i in range(N * FEATURES)]
            right = offline(image, rows, folder)
            ways = (("UNIX socket", "unix:" + appliance.sock, None), ("h2c", "127.0.0.1:7798", None), ("TLS", "localhost:7799", credentials))
            for name, target, secret in ways:
                print(f"# {name}")
                with open_channel(target, secret) as channel:
                    call = Client(channel, pb)
                    scored(tap, call, pb, rows, right)
                    refusals(tap, call, pb, rows)
                    others(tap, call, health, reflection, alpha)
                    sizes(tap, call, pb)
                    if name == "UNIX socket":
                        datatypes(tap, call, pb, rows, right)
                        changes(tap, call, health)
                    else:
                        not_managed(tap, call)
                    cancelled(tap, call, pb, appliance, 500 if name == "h2c" else 100)
                many(tap, target, secret, pb, rows, right)
            with open_channel(ways[1][1], None) as channel:
                drained(tap, Client(channel, pb), pb, health, appliance, rows, right)
            tap.check("exit 0", appliance.stop() == 0, appliance.log_text()[-2000:])
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
