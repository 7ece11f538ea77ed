#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Encrypted images, from the tool into service: made, read with the key and without, pushed, promoted, restarted; keys
rotated; plain images refused where the policy says so; and the decrypted weights in no page that a core dump would hold."""
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "fixtures")]
from appliance import MARTLETCTL, ROOT, Appliance, Tap, wait_for
from protobuf import number, text

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
INPUTS, OUTPUTS = 16, 64
WEIGHT = struct.pack("<I", 0x3c4d5e6b)  # all of them, so that they are found in whatever order they are packed
TRACE = WEIGHT * 8


def ctl(*args):
    return subprocess.run([MARTLETCTL, *args], capture_output=True, text=True)


def write_model(path):
    """y = x W, as ONNX's protobuf has it."""
    def value(name, columns):
        shape = text(1, text(2, "n")) + text(1, number(1, columns))
        return text(1, name) + text(2, text(1, number(1, 1) + text(2, shape)))

    weights = number(1, INPUTS) + number(1, OUTPUTS) + number(2, 1) + text(8, "w") + text(9, WEIGHT * INPUTS * OUTPUTS)
    node = text(1, "x") + text(1, "w") + text(2, "y") + text(4, "MatMul")
    graph = text(1, node) + text(2, "g") + text(5, weights) + text(11, value("x", INPUTS)) + text(12, value("y", OUTPUTS))
    with open(path, "wb") as f:
        f.write(number(1, 8) + text(8, number(2, 13)) + text(7, graph))


def read(path):
    with open(path, "rb") as f:
        return f.read()


def dumped_and_secret(pid):
    """(places of the trace in pages that a core dump holds, in pages that it does not hold and that are locked)"""
    dumped = secret = 0
    with open(f"/proc/{pid}/smaps") as f:
        maps = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) (\S+).*?^VmFlags: ([^\n]*)", f.read(), re.M | re.S)
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for low, high, mode, flags in maps:
            flags = flags.split()
            if not mode.startswith("rw") or "io" in flags or "pf" in flags:
                continue
            at, end, found, before = int(low, 16), int(high, 16), 0, b""
            while at < end:
                memory.seek(at)
                try:
                    piece = memory.read(min(1 << 22, end - at))
                except OSError:
                    break
                found += (before + piece).count(TRACE)
                before, at = piece[-len(TRACE) + 1:], at + len(piece)
            if "dd" not in flags:
                dumped += found
            elif "lo" in flags:
                secret += found
    return dumped, secret


def configure(a, trust):
    with open(a.conf) as f:
        conf = re.sub(r"\ntrust = .*", "", f.read())
    with open(a.conf, "w") as f:
        f.write(conf + f"\ntrust = {{ {trust} }};\n")


def reload(a, trust, says):
    """Whether the log says so of a reload to that."""
    configure(a, trust)
    before = len(a.log_text())
    a.proc.send_signal(signal.SIGHUP)
    return wait_for(lambda: says in a.log_text()[before:])


def live(a, model="m"):
    models = {m["name"]: m for m in a.api("GET", "/v1/models")[1]["models"]}
    return models[model].get("live") if models.get(model, {}).get("state") == "READY" else None


def reason(a, model="m"):
    return next(m for m in a.api("GET", "/v1/models")[1]["models"] if m["name"] == model).get("reason", "")


def score(a, model="m"):
    body = {"inputs": [{"name": "input", "datatype": "FP32", "shape": [1, INPUTS], "data": [1.0] * INPUTS}]}
    status, meta = a.api("GET", f"/v2/models/{model}")
    body["inputs"][0]["name"] = meta["inputs"][0]["name"]
    status, answer = a.api("POST", f"/v2/models/{model}/infer", body)
    return answer["outputs"][0]["data"] if status == 200 else (status, answer)


class Files:
    def __init__(self, folder):
        self.folder = folder
        for name in ("onnx", "mlt", "rows"):
            setattr(self, name, self.at(f"m.{name}"))
        self.key, self.second, self.sealed, self.other = self.at("a.key"), self.at("b.key"), self.at("m.enc.mlt"), self.at("o.enc.mlt")

    def at(self, name):
        return os.path.join(self.folder, name)


def make(tap, files):
    write_model(files.onnx)
    tap.check("the model compiles", ctl("model", "compile", files.onnx, "-o", files.mlt, "--name", "m").returncode == 0)
    tap.check("its weights are found in a plain image", TRACE in read(files.mlt))
    made = ctl("model", "encryption-key", "-o", files.key)
    tap.check("a key is made, for its owner alone", made.returncode == 0 and os.stat(files.key).st_mode & 0o777 == 0o600, made.stderr)
    again = ctl("model", "encryption-key", "-o", files.key)
    tap.check("and none is written over", again.returncode == 1 and "exists already" in again.stderr, again.stderr)
    ctl("model", "encryption-key", "-o", files.second)
    done = ctl("model", "encrypt", files.mlt, "--key", files.key, "-o", files.sealed)
    tap.check("model encrypt", done.returncode == 0 and TRACE not in read(files.sealed), done.stderr)
    ctl("model", "encrypt", files.mlt, "--key", files.second, "-o", files.other)
    twice = ctl("model", "encrypt", files.sealed, "--key", files.key, "-o", files.at("twice"))
    tap.check("not twice", twice.returncode == 1 and "is encrypted already" in twice.stderr and not os.path.exists(files.at("twice")))
    odd = ctl("model", "encrypt", files.onnx, "--key", files.key, "-o", files.at("odd"))
    tap.check("nor what is no image", odd.returncode == 1 and "is no model image" in odd.stderr, odd.stderr)
    for command, image in (("encrypt", files.mlt), ("decrypt", files.sealed)):
        before = read(files.key)
        over = ctl("model", command, image, "--key", files.key, "-o", files.key)
        tap.check(f"model {command} does not write over the key", over.returncode == 1 and "would be lost" in over.stderr and read(files.key) == before,
                  over.stderr)
    none = ctl("model", "inspect", files.sealed, "--key", files.at("none"))
    tap.check("a key's file that is not there is refused, without a usage", none.returncode == 1 and none.stderr.count("\n") == 1 and
              files.at("none") in none.stderr, none.stderr)


def read_back(tap, files):
    key_id = re.search(r"martlet-image-key: (\w{16})", open(files.key).read())[1]
    back = files.at("back.mlt")
    done = ctl("model", "decrypt", files.sealed, "--key", files.key, "-o", back)
    tap.check("model decrypt gives the same bytes, to its owner alone",
              done.returncode == 0 and read(back) == read(files.mlt) and os.stat(back).st_mode & 0o777 == 0o600, done.stderr)
    wrong = ctl("model", "decrypt", files.sealed, "--key", files.second, "-o", files.at("wrong"))
    tap.check("another key is refused by the id that is wanted, and nothing is written",
              wrong.returncode == 1 and key_id in wrong.stderr and not os.path.exists(files.at("wrong")), wrong.stderr)
    data = read(files.sealed)
    for name, bytes_ in (("cut", data[:-1]), ("longer", data + b"x"), ("changed", data[:-40] + bytes([data[-40] ^ 1]) + data[-39:]),
                         ("the header alone", data[:64]), ("shorter than a header", data[:40])):
        with open(files.at("bad"), "wb") as f:
            f.write(bytes_)
        bad = ctl("model", "decrypt", files.at("bad"), "--key", files.key, "-o", files.at("wrong"))
        seen = ctl("model", "inspect", files.at("bad"), "--key", files.key)
        tap.check(f"{name}: refused, and nothing is written", bad.returncode == 1 and seen.returncode == 1 and
                  "damaged" in bad.stderr and not [n for n in os.listdir(files.folder) if n.startswith("wrong")], bad.stderr + seen.stderr)
    with open(files.rows + ".csv", "w") as f:
        f.write("".join(",".join(str(r + c / 7) for c in range(INPUTS)) + "\n" for r in range(5)))
    plain = ctl("model", "run", files.mlt, files.rows + ".csv", "-o", "-", "--no-header")
    with_key = ctl("model", "run", files.sealed, files.rows + ".csv", "-o", "-", "--no-header", "--key", files.key)
    tap.check("model run scores as the plain image does", plain.returncode == 0 and plain.stdout == with_key.stdout,
              plain.stderr + with_key.stderr)
    for words in (["inspect"], ["bench"]):
        without, with_key = ctl("model", *words, files.sealed), ctl("model", *words, files.sealed, "--key", files.key)
        tap.check(f"model {words[0]}: with the key, and without it the sentence names it", with_key.returncode == 0 and
                  without.returncode == 1 and f"it is encrypted with the key {key_id}, which was not given" in without.stderr,
                  without.stderr + with_key.stderr)
    for words in ("compress", "prune", "quantise", "distil"):
        done = ctl("model", words, files.sealed, "--rows", files.rows + ".csv", "-o", files.at("wrong"))
        tap.check(f"model {words} says that it must be decrypted first", done.returncode == 1 and "decrypt it first" in done.stderr and
                  not os.path.exists(files.at("wrong")), done.stderr)
    os.chmod(files.key, 0o660)
    loose = ctl("model", "inspect", files.sealed, "--key", files.key)
    tap.check("a key that others may write is refused", loose.returncode != 0 and "chmod 600" in loose.stderr, loose.stderr)
    os.chmod(files.key, 0o600)
    return key_id


def push_without_keys(tap, files, key_id):
    with Appliance([RING]) as a:
        a.start()
        unnamed = ctl("-s", a.sock, "model", "push", files.sealed)
        tap.check("push of what cannot be read wants a name", unnamed.returncode == 1 and key_id in unnamed.stderr, unnamed.stderr)
        refused = ctl("-s", a.sock, "model", "push", files.sealed, "--name", "m")
        tap.check("an appliance without the key refuses it by its id", refused.returncode == 1 and
                  f"encrypted with the key {key_id}, which is not among the keys" in refused.stderr, refused.stderr)
        a.ctl("model", "push", files.mlt, "--name", "plain")
        a.ctl("model", "promote", "plain", "1", "--id", "9")
        dumped, secret = dumped_and_secret(a.proc.pid)
        tap.check("a plain image's weights would be in a core dump, so the look at the memory finds them", dumped > 0 and secret == 0,
                  f"{dumped} {secret}")
        tap.check("keys come by a reload", reload(a, f'image_keys = [ "{files.key}" ];', "taken over: trust.image_keys"), a.log_text()[-600:])
        tap.check("with the key it is taken", ctl("-s", a.sock, "model", "push", files.sealed, "--name", "m").returncode == 0)


def serve(tap, files):
    with Appliance([RING]) as a:
        configure(a, f'image_keys = [ "{files.key}" ];')
        a.start()
        pushed = ctl("-s", a.sock, "model", "push", files.sealed, "--key", files.key)
        tap.check("push with the key knows the name", pushed.returncode == 0 and "m: stored as version 1" in pushed.stdout, pushed.stderr)
        with open(a.dir + "/store/models/m/1.mlt", "rb") as f:
            tap.check("the store has the encrypted bytes", f.read() == read(files.sealed))
        done = ctl("-s", a.sock, "model", "promote", "m", "1", "--id", "3")
        tap.check("promote", done.returncode == 0 and live(a) == 1, done.stderr)
        wanted = struct.unpack("<f", WEIGHT)[0] * INPUTS
        tap.check("it scores", all(abs(v - wanted) < 1e-4 for v in score(a)), str(score(a))[:200])
        dumped, secret = dumped_and_secret(a.proc.pid)
        tap.check("its weights are locked, and in no page of a core dump", dumped == 0 and secret > 0, f"{dumped} {secret}")
        replay = ctl("-s", a.sock, "model", "replay", files.rows + ".csv", "--live", "m:1", "--against", files.mlt, "--no-header",
                     "--key", files.key)
        tap.check("the stored version is fetched and read with the key", replay.returncode == 0, replay.stderr)
        a.stop(signal.SIGKILL)
        a.start()
        tap.check("after a kill it comes back", live(a) == 1 and all(abs(v - wanted) < 1e-4 for v in score(a)), reason(a))
        dumped, secret = dumped_and_secret(a.proc.pid)
        tap.check("and so locked again", dumped == 0 and secret > 0, f"{dumped} {secret}")
        a.ctl("model", "unload", "m")
        dumped, secret = wait_for(lambda: (found := dumped_and_secret(a.proc.pid)) == (0, 0) and found) or dumped_and_secret(a.proc.pid)
        tap.check("unloaded, its weights are in no page at all", (dumped, secret) == (0, 0), f"{dumped} {secret}")
        rotate(tap, files, a)
        forbid_plain(tap, files, a)


def rotate(tap, files, a):
    a.ctl("model", "load", "m")
    both = f'image_keys = [ "{files.key}", "{files.second}" ];'
    tap.check("a second key by a reload", reload(a, both, "taken over: trust.image_keys"), a.log_text()[-600:])
    a.ctl("model", "push", files.other, "--name", "m")
    a.ctl("model", "promote", "m", "2")
    tap.check("images of both keys side by side", live(a) == 2)
    os.chmod(files.second, 0o640)
    os.chown(files.second, 0, 12345)
    kept = reload(a, both, "everything stays as it is")
    tap.check("a key that others can read: the reload is refused", kept and "others can read this secret" in a.log_text(), a.log_text()[-600:])
    a.ctl("model", "rollback", "m")
    tap.check("and the keys before stay", live(a) == 1)
    os.chown(files.second, 0, 0)
    os.chmod(files.second, 0o600)
    a.ctl("model", "promote", "m", "2")
    tap.check("the old key goes by a reload", reload(a, f'image_keys = [ "{files.second}" ];', "taken over: trust.image_keys"))
    back = ctl("-s", a.sock, "model", "rollback", "m")
    tap.check("what it opened is refused then, and what is live stays", back.returncode == 1 and "not among the keys" in back.stderr and
              live(a) == 2, back.stderr)


def forbid_plain(tap, files, a):
    a.ctl("model", "push", files.mlt, "--name", "plain")
    a.ctl("model", "promote", "plain", "1", "--id", "9")
    strict = f'image_keys = [ "{files.second}" ]; require_encryption = true;'
    tap.check("plain images are forbidden by a reload", reload(a, strict, "taken over: trust.require_encryption"), a.log_text()[-600:])
    for words in (["push", files.mlt, "--name", "new"], ["push", files.mlt, "--name", "m"]):
        refused = ctl("-s", a.sock, "model", *words)
        tap.check(f"then a plain image is refused: {words[-1]}", refused.returncode == 1 and
                  "it is not encrypted, and only encrypted images are taken here" in refused.stderr, refused.stderr)
    a.ctl("model", "unload", "plain")
    refused = ctl("-s", a.sock, "model", "load", "plain")
    tap.check("and one that is stored is not loaded", refused.returncode == 1 and "it is not encrypted" in refused.stderr, refused.stderr)
    reload(a, strict.replace("true", "false"), "taken over: trust.require_encryption")
    a.ctl("model", "load", "plain")
    a.stop()
    configure(a, strict)
    a.start()
    tap.check("nor at the start, while the encrypted one is", live(a) == 2 and live(a, "plain") is None and
              "it is not encrypted" in reason(a, "plain"), reason(a, "plain"))
    a.stop()
    configure(a, f'image_keys = [ "{files.key}" ];')
    a.start()
    tap.check("without its key the live one is not back, and why is said", live(a) is None and "is encrypted with the key" in reason(a) and
              live(a, "plain") == 1, reason(a))
    a.stop()
    configure(a, "require_encryption = true;")
    checked = a.check()
    tap.check("the policy without keys is refused", checked.returncode == 1 and
              "trust.require_encryption: without trust.image_keys no image could be opened" in checked.stderr, checked.stderr)
    configure(a, 'image_keys = [ "image.key" ];')
    checked = a.check()
    tap.check("a key's file is named from the root", checked.returncode == 1 and "'image.key' is neither a path" in checked.stderr,
              checked.stderr)


def credential(tap, files):
    with Appliance([RING]) as a:
        configure(a, 'image_keys = [ "credential:a.key" ];')
        os.environ["CREDENTIALS_DIRECTORY"] = files.folder
        a.start()
        del os.environ["CREDENTIALS_DIRECTORY"]
        tap.check("a key as a credential of systemd's", ctl("-s", a.sock, "model", "push", files.sealed, "--name", "m").returncode == 0)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="martlet-encrypted-") as folder:
        files = Files(folder)
        make(tap, files)
        key_id = read_back(tap, files)
        push_without_keys(tap, files, key_id)
        serve(tap, files)
        credential(tap, files)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
