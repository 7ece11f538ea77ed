#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes fuzz_grpc's corpus: requests as tritonclient, KServe and grpcurl write them, calls of each method, hostile messages."""
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "fixtures"))
from protobuf import contents, framed, number, packed, parameter, tensor, text, varint

MODEL = text(1, "lab")
ROWS = [1.5, 0, 80, -2, 1, 443]
RAW = struct.pack("<6f", *ROWS)
HEAD = tensor("rows", "FP32", [2, 3])


def cells(*texts):
    return b"".join(struct.pack("<I", len(t)) + t for t in texts)


REQUESTS = {
    "triton_raw": MODEL + text(2, "7") + text(3, "my id") + HEAD + text(6, text(1, "scores")) + text(7, RAW),
    "triton_parameters": MODEL + parameter(4, "priority", uint64_param=1) + parameter(4, "timeout", int64_param=5000) +
    parameter(4, "sequence_id", uint64_param=9) + parameter(4, "sequence_start", bool_param=True) +
    parameter(4, "note", string_param="x") + parameter(4, "weight", double_param=0.5) + HEAD +
    text(6, text(1, "scores") + parameter(2, "classification", int64_param=2)) + text(6, text(1, "label")) + text(7, RAW),
    "kserve_typed": MODEL + tensor("rows", "FP32", [2, 3], contents(fp32=ROWS)),
    "typed_answer": MODEL + parameter(4, "martlet_typed", bool_param=True) + tensor("rows", "FP32", [2, 3], contents(fp32=ROWS)),
    "typed_pieces": MODEL + tensor("rows", "FP32", [2, 3], contents(fp32=ROWS[:2]), contents(fp32=ROWS[2:4]),
                                   text(5, b"".join(varint(6 << 3 | 5) + struct.pack("<f", v) for v in ROWS[4:]))),
    "by_name": MODEL + b"".join(tensor(n, "FP32", [2, 1]) for n in ("duration", "proto", "flag")) + text(7, RAW[:8]) * 3,
    "half": MODEL + tensor("rows", "FP16", [1, 3]) + text(7, struct.pack("<3e", 1, 2, 3)),
    "bfloat": MODEL + tensor("rows", "BF16", [1, 3]) + text(7, b"\x80\x3f" * 3),
    "texts": MODEL + tensor("rows", "BYTES", [1, 3]) + text(7, cells(b"1.5", b"udp", b"2")),
    "texts_typed": MODEL + tensor("rows", "BYTES", [1, 3], contents(bytes=[b"1.5", b"tcp", b"2"])),
    "unknown_fields": number(99, 1) + MODEL + varint(98 << 3 | 1) + b"8" * 8 + text(97, "x") + varint(96 << 3 | 5) + b"4" * 4 + HEAD +
    text(7, RAW),
    "parameter_without_value": MODEL + text(4, text(1, "priority")) + text(4, text(2, "")) + text(4, "") + HEAD + text(7, RAW),
    "parameter_of_another_kind": MODEL + text(4, text(1, "x") + text(2, text(1, "y"))) + HEAD + text(7, RAW),
    "tag_overlong": MODEL + b"\x9a\x80\x80\x80\x80\x00\x01x" + HEAD + text(7, RAW),
    "name_twice": text(1, "other") + MODEL + text(5, text(1, "x") + text(1, "rows") + text(2, "FP32") + number(3, 2) + number(3, 3)) +
    text(7, RAW),
    # Hostile ones.
    "length_lies": MODEL + varint(5 << 3 | 2) + varint(1 << 40) + b"x",
    "group": MODEL + varint(5 << 3 | 3) + HEAD + varint(5 << 3 | 4),
    "field_zero": MODEL + b"\x02\x01x" + HEAD,
    "deep": MODEL + text(5, text(5, text(5, text(5, text(5, text(5, "")))))),
    "shape_product": MODEL + tensor("rows", "FP32", [1 << 33, 1 << 33]) + text(7, b""),
    "shape_product_zero": MODEL + tensor("rows", "FP32", [0, 1 << 62, 8]) + text(7, b""),
    "shape_wraps_to_size": MODEL + tensor("rows", "FP32", [1 << 62, 3]) + text(7, RAW),
    "shape_negative": MODEL + tensor("rows", "FP32", [-1, 3]) + text(7, RAW),
    "dimensions": MODEL + tensor("rows", "FP32", [1] * 9) + text(7, RAW),
    "inputs": MODEL + tensor("a", "FP32", [0]) * 200,
    "both": MODEL + tensor("rows", "FP32", [2, 3], contents(fp32=ROWS)) + text(7, RAW),
    "raw_too_many": MODEL + HEAD + text(7, RAW) * 2,
    "texts_length_lies": MODEL + tensor("rows", "BYTES", [1, 3]) + text(7, struct.pack("<I", 0xffffffff) + b"x"),
    "varint_endless": MODEL + tensor("rows", "FP32", []) + b"\x80" * 12,
    "shape_cut": MODEL + text(5, text(1, "rows") + text(3, b"\x80")),
    "id_no_utf8": MODEL + text(3, b"\xff\xfe") + HEAD + text(7, RAW),
}

METHODS = ["ModelInfer", "ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelConfig", "ModelStatistics",
           "RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload", "Check", "Watch", "Reflection", "ReflectionAlpha", "Nothing"]
TIMEOUT, NOT_READ, BROKEN_OFF, STRANGER = 1, 2, 4, 8
READY, DRAINING = 1, 3


def call(method, stream, piece=0, how=0, phase=READY, timeout=b""):
    return bytes([2, METHODS.index(method), piece, how | (TIMEOUT if timeout else 0), phase]) + (timeout + b"\0" if timeout else b"") + stream


def reflected(*asked):
    return b"".join(framed(text(1, "host") + a) for a in asked)


CALLS = {
    "infer": call("ModelInfer", framed(REQUESTS["triton_raw"]), piece=7),
    "infer_late": call("ModelInfer", framed(REQUESTS["triton_raw"]), timeout=b"0m"),
    "infer_in_time": call("ModelInfer", framed(REQUESTS["triton_raw"]), timeout=b"99999999H"),
    "timeout_is_none": call("ServerLive", framed(b""), timeout=b"1s"),
    "live": call("ServerLive", framed(b"")),
    "ready": call("ServerReady", framed(b""), phase=DRAINING),
    "model_ready": call("ModelReady", framed(text(1, "lab") + text(2, "1"))),
    "server_metadata": call("ServerMetadata", framed(b"")),
    "metadata": call("ModelMetadata", framed(text(1, "lba"))),
    "config": call("ModelConfig", framed(text(1, b"\xff%s\n\0"))),
    "statistics": call("ModelStatistics", framed(b"")),
    "index": call("RepositoryIndex", framed(text(1, "r") + number(2, 1))),
    "load": call("RepositoryModelLoad", framed(text(2, "lab") + text(3, text(1, "config") + text(2, text(3, "{}")))), phase=DRAINING),
    "unload_kserve": call("RepositoryModelUnload", framed(text(1, "lab")), phase=DRAINING),
    "unload_forbidden": call("RepositoryModelUnload", framed(text(1, "lab"))),
    "stranger": call("ServerLive", framed(b""), how=STRANGER),
    "check": call("Check", framed(text(1, "model/lab"))),
    "check_unknown": call("Check", framed(text(1, b"no \xc3 service"))),
    "watch": call("Watch", framed(text(1, "model/lab"))),
    "watch_unknown": call("Watch", framed(text(1, "model/none")), how=NOT_READ),
    "reflection": call("Reflection", reflected(text(7, ""), text(3, "inference.proto"), text(4, "inference.ModelInferRequest.inputs"),
                                               text(4, "inference.DataType.TYPE_FP32"), text(6, "inference.ModelConfig"),
                                               text(5, text(1, "x") + number(2, 1)), b""), piece=3),
    "reflection_alpha": call("ReflectionAlpha", reflected(text(4, "grpc.health.v1.Health.Check"), text(3, "no")), how=BROKEN_OFF),
    "reflection_not_read": call("Reflection", reflected(text(7, "*"), text(7, "*")), how=NOT_READ),
    "nothing": call("Nothing", framed(b"x")),
    "two_messages": call("ServerLive", framed(b"") * 2),
    "none": call("ServerLive", b""),
    "cut": call("ServerLive", framed(text(1, "lab"))[:-1]),
    "compressed": call("ServerLive", framed(b"x", flag=1)),
    "flag": call("ServerLive", framed(b"x", flag=2)),
    "too_long": call("ModelInfer", struct.pack(">BI", 0, 0xffffffff) + b"x"),
}
TEXTS = {"seconds": b"20S", "longest": b"99999999n", "proto": b"application/grpc+proto; charset=utf-8", "sentence": b"100 % \xc3\xa4\n"}


def main():
    folder = os.path.join(HERE, "corpus", "grpc")
    os.makedirs(folder, exist_ok=True)
    entries = {f"request_{n}": bytes([0x80 if "texts" in n else 0]) + m for n, m in REQUESTS.items()}
    entries.update({f"call_{n}": m for n, m in CALLS.items()})
    entries.update({f"header_{n}": b"\3" + m for n, m in TEXTS.items()})
    for name, data in entries.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)


if __name__ == "__main__":
    main()
