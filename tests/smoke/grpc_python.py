#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""gRPC by Debian's grpcio, over the UNIX socket: the calls of the Open Inference Protocol, health and reflection; the scores are
the bits of REST's, and mistakes have their status and sentence."""
import json
import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import ROOT, Appliance, Tap, UnixHTTP, skip_all

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
    subprocess.run(["protoc", "-I", protos, "--python_out", folder, "inference.proto", "health.proto", "reflection.proto"], check=True)
    sys.path.insert(0, folder)
    import health_pb2
    import inference_pb2
    import reflection_pb2
    return inference_pb2, health_pb2, reflection_pb2


class Client:
    def __init__(self, channel, pb):
        self.channel, self.pb = channel, pb

    def __call__(self, name, request=None, /, **fields):
        request = request or getattr(self.pb, name + "Request")(**fields)
        return self.channel.unary_unary(INFERENCE + name, lambda m: m.SerializeToString(),
                                        getattr(self.pb, name + "Response").FromString)(request, timeout=20)

    def refused(self, name, request=None, /, **fields):
        try:
            self(name, request, **fields)
        except grpc.RpcError as e:
            return e.code(), e.details()
        return None, None


def infer_request(pb, rows, typed=False, **fields):
    request = pb.ModelInferRequest(model_name="lab", id="7", **fields)
    tensor = request.inputs.add(name="rows", datatype="FP32", shape=[N, FEATURES])
    if typed:
        tensor.contents.fp32_contents.extend(rows)
    else:
        request.raw_input_contents.append(struct.pack(f"<{len(rows)}f", *rows))
    return request


def scored(tap, call, pb, rows, rest):
    raw = call("ModelInfer", infer_request(pb, rows))
    tap.check("raw rows: the bits of REST's scores", raw.raw_output_contents[0] == rest)
    tap.check("the id comes back", raw.id == "7" and raw.model_name == "lab" and raw.model_version == "1")
    typed = call("ModelInfer", infer_request(pb, rows, typed=True))
    tap.check("typed rows: the same, raw", typed.raw_output_contents[0] == rest)
    asked = infer_request(pb, rows, typed=True)
    asked.parameters["martlet_typed"].bool_param = True
    answer = call("ModelInfer", asked)
    contents = answer.outputs[0].contents.fp32_contents
    tap.check("martlet_typed: the same, typed", struct.pack(f"<{len(contents)}f", *contents) == rest and not answer.raw_output_contents)


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
    for size, wanted in ((4 << 20, CODE.INVALID_ARGUMENT), ((4 << 20) + 1, CODE.RESOURCE_EXHAUSTED)):
        try:
            call.channel.unary_unary(INFERENCE + "ModelInfer")(b"\x07" * size, timeout=20)
            code = None
        except grpc.RpcError as e:
            code = e.code()
        tap.check(f"a message of {size} bytes: {wanted.name}", code == wanted)


def others(tap, call, health, reflection):
    tap.check("live, ready, the model ready", call("ServerLive").live and call("ServerReady").ready and call("ModelReady", name="lab").ready)
    tap.check("a model that is not there is not ready", not call("ModelReady", name="nope").ready)
    tap.check("the server's name", call("ServerMetadata").name == "martlet")
    tap.check("metadata", list(call("ModelMetadata", name="lab").inputs[0].shape) == [-1, FEATURES])
    config = call("ModelConfig", name="lab").config
    tap.check("configuration", config.backend == "martlet" and config.input[0].data_type == call.pb.TYPE_FP32)
    tap.check("statistics", [s.name for s in call("ModelStatistics").model_stats] == ["lab"])
    tap.check("the index", [(m.name, m.state) for m in call("RepositoryIndex").models] == [("lab", "READY")])
    serialise = lambda m: m.SerializeToString()
    check = call.channel.unary_unary("/grpc.health.v1.Health/Check", serialise, health.HealthCheckResponse.FromString)
    tap.check("health", check(health.HealthCheckRequest(service="model/lab"), timeout=20).status == 1)
    watch = call.channel.unary_stream("/grpc.health.v1.Health/Watch", serialise, health.HealthCheckResponse.FromString)(
        health.HealthCheckRequest(service="model/lab"))
    first = next(watch).status
    call("RepositoryModelUnload", model_name="lab")
    second = next(watch).status
    call("RepositoryModelLoad", model_name="lab")
    tap.check("Watch tells of unload and load", (first, second, next(watch).status) == (1, 2, 1))
    watch.cancel()
    ask = call.channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", serialise,
                                     reflection.ServerReflectionResponse.FromString)
    R = reflection.ServerReflectionRequest
    answers = list(ask(iter([R(list_services=""), R(file_containing_symbol="inference.ModelInferRequest"), R(file_by_filename="no")])))
    tap.check("reflection", len(answers) == 3 and len(answers[0].list_services_response.service) == 4 and
              len(answers[1].file_descriptor_response.file_descriptor_proto) == 1 and answers[2].error_response.error_code == 5)


def main():
    if os.geteuid():
        skip_all("needs root")
    tap = Tap()
    image = frames.compile_lab_image("lab")
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}']) as appliance, \
            tempfile.TemporaryDirectory(prefix="martlet-grpc-") as folder:
        appliance.start()
        pb, health, reflection = messages(folder)
        rows = [((i * 37) % 101) / 8 for i in range(N * FEATURES)]
        rest = UnixHTTP(appliance.sock)
        body = {"inputs": [{"name": "rows", "datatype": "FP32", "shape": [N, FEATURES], "data": rows}],
                "outputs": [{"name": "scores", "parameters": {"binary_data": True}}]}
        rest.request("POST", "/v2/models/lab/infer", json.dumps(body))
        reply = rest.getresponse()
        scores = reply.read()[int(reply.getheader("Inference-Header-Content-Length")):]
        with grpc.insecure_channel("unix:" + appliance.sock) as channel:
            call = Client(channel, pb)
            scored(tap, call, pb, rows, scores)
            refusals(tap, call, pb, rows)
            others(tap, call, health, reflection)
        tap.check("SIGTERM: exit 0", appliance.stop() == 0, appliance.log_text())
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
