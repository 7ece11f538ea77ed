#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Signed images: what an appliance takes and what it refuses, by its policy, when they come, when they are deployed and when it starts."""
import base64
import json
import os
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, ROOT, Appliance, Tap, UnixHTTP

PORT = '{ name = "p"; device = "net_null0"; addresses = [ "10.0.0.1/24" ]; }'


def tool(*args):
    done = subprocess.run([MARTLETCTL, *args], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"martletctl {' '.join(args)}: {done.stderr}")
    return done.stdout


class Signer:
    def __init__(self, folder, name):
        self.secret, self.public = os.path.join(folder, name + ".sec"), os.path.join(folder, name + ".pub")
        self.id = json.loads(tool("--json", "model", "keygen", "--no-password", self.secret, self.public))["key"]

    def sign(self, image, number, model="lab"):
        """The text of the signature."""
        out = self.secret + ".minisig"
        tool("model", "sign", image, "-k", self.secret, "--version", str(number), "--name", model, "-o", out)
        with open(out, "rb") as f:
            return f.read()


class Site:
    """An appliance whose policy can be changed, images, and signers."""

    def __init__(self, folder):
        self.folder = folder
        self.images = []
        for i in range(6):
            path = os.path.join(folder, f"lab{i}.mlt")
            # Each says another name of itself, so that no two have the same bytes.
            tool("model", "compile", os.path.join(ROOT, "data", "lab.onnx"), "-o", path, "--name", f"lab{i}")
            self.images.append(path)
        self.a, self.b, self.stranger = (Signer(folder, name) for name in "abc")
        self.m = Appliance([PORT])

    def policy(self, require, keys, apply=True):
        with open(self.m.conf) as f:
            text = f.read().split("# policy")[0]
        listed = ", ".join(f'{{ model = "{model}"; key = "{key}"; }}' for model, key in keys)
        with open(self.m.conf, "w") as f:
            f.write(f"{text}# policy\ntrust = {{ require_signature = {str(require).lower()}; trusted_keys = ( {listed} ); }};\n")
        if apply:
            self.m.ctl("config", "apply", self.m.conf)

    def push(self, version, image, signature=None, model="lab", header=None):
        """(status, the answer)"""
        connection = UnixHTTP(self.m.sock)
        headers = {} if signature is None else {"Martlet-Signature": base64.b64encode(signature).decode()}
        headers.update({} if header is None else {"Martlet-Signature": header})
        with open(self.images[image], "rb") as f:
            connection.request("PUT", f"/v1/models/{model}/versions/{version}", f.read(), headers)
        reply = connection.getresponse()
        answer = json.loads(reply.read())
        connection.close()
        return reply.status, answer

    def deploy(self, version, **more):
        return self.m.api("PUT", "/v1/models/lab/deployment", {"live": version, "force": True, **more})

    def store(self, *parts):
        return os.path.join(self.m.dir, "store", "models", *parts)


def refused(tap, name, got, status, sentence):
    tap.check(name, got[0] == status and sentence in str(got[1].get("error", "")), str(got))


def push_is_judged(tap, site):
    good = site.a.sign(site.images[0], 3)
    lines = good.decode().split("\n")
    legacy = bytearray(base64.b64decode(lines[1]))
    legacy[1] = ord("d")
    bent = lambda n, text: "\n".join(lines[:n] + [text] + lines[n + 1:]).encode()
    refused(tap, "push: not signed", site.push(1, 0), 403, "it is not signed")
    refused(tap, "push: by a stranger", site.push(1, 0, site.stranger.sign(site.images[0], 3)), 403,
            f"signed by key {site.stranger.id}, which is none of trust.trusted_keys")
    refused(tap, "push: by a key of other models", site.push(1, 0, site.b.sign(site.images[0], 3)), 403,
            f"signed by key {site.b.id}, which is trusted, but not for model 'lab'")
    refused(tap, "push: another image's signature", site.push(1, 1, good), 422, "the signature does not fit")
    refused(tap, "push: signed as another model", site.push(1, 0, site.a.sign(site.images[0], 3, "other")), 422,
            f"key {site.a.id} signed it as an image of model 'other', not of 'lab'")
    refused(tap, "push: pushed as another model", site.push(1, 0, good, model="labour"), 403,
            "trusted, but not for model 'labour'")
    refused(tap, "push: a changed comment", site.push(1, 0, bent(2, lines[2].replace("version:3", "version:9"))), 422,
            "the trusted comment is not the one")
    refused(tap, "push: a legacy signature", site.push(1, 0, bent(1, base64.b64encode(legacy).decode())), 422, "legacy signature (Ed)")
    refused(tap, "push: a cut signature", site.push(1, 0, good[:-90]), 422, "its signature")
    refused(tap, "push: no base64", site.push(1, 0, header="%%%"), 400, "Martlet-Signature")
    refused(tap, "push: nothing in the field", site.push(1, 0, header=""), 400, "Martlet-Signature")
    # Another key with the id of a trusted one: an id is not vouched for.
    forged = bytearray(base64.b64decode(site.stranger.sign(site.images[0], 3).decode().split("\n")[1]))
    forged[2:10] = base64.b64decode(lines[1])[2:10]
    refused(tap, "push: a key of the same id", site.push(1, 0, bent(1, base64.b64encode(forged).decode())), 422, "does not fit")
    tap.check("push: nothing of these is stored", not os.path.exists(site.store("lab")), str(os.listdir(site.store())))
    status, answer = site.push(1, 0, good)
    tap.check("push: signed by a trusted key", status == 201 and answer["signed_by"] == site.a.id, str(answer))
    tap.check("push: its signature lies beside it", sorted(os.listdir(site.store("lab"))) == ["1.mlt", "1.mlt.minisig", "accepted"],
              str(os.listdir(site.store("lab"))))
    listed = site.m.api("GET", "/v1/models/lab/versions")[1]["versions"][0]
    tap.check("versions: who signed it", (listed["signed_by"], listed["signed_version"], listed["trusted"]) == (site.a.id, 3, True), str(listed))
    tap.check("versions: its signature can be had", site.m.api("GET", "/v1/models/lab/versions/1/signature")[1] == good.decode())
    tap.check("show: says who signed it", site.a.id in site.m.ctl("model", "show", "lab:1").stdout)


def numbers_rise(tap, site):
    tap.check("deploy: what is signed", site.deploy(1, id=7)[0] == 200)
    tap.check("push: a greater number", site.push(2, 1, site.a.sign(site.images[1], 5))[0] == 201)
    refused(tap, "push: a lower number", site.push(3, 2, site.a.sign(site.images[2], 4)), 422, "number 5 was accepted before")
    tap.check("push: what is stored, once more", site.push(1, 0, site.a.sign(site.images[0], 3))[0] == 200)
    tap.check("deploy: the newer", site.deploy(2)[0] == 200)
    status, answer = site.m.api("POST", "/v1/models/lab/rollback")
    tap.check("roll back: to what was accepted before", status == 200 and answer["live"] == 1, str(answer))
    site.deploy(2)
    site.m.api("DELETE", "/v1/models/lab/versions/1")
    tap.check("delete: the signature goes, too", "1.mlt.minisig" not in os.listdir(site.store("lab")), str(os.listdir(site.store("lab"))))
    refused(tap, "push: what was accepted and deleted", site.push(4, 0, site.a.sign(site.images[0], 3)), 422, "number 5 was accepted before")


def keys_rotate(tap, site):
    site.policy(True, [("lab*", site.a.public), ("lab", site.b.public)])
    tap.check("rotate: the same bytes by the new key", site.push(2, 1, site.b.sign(site.images[1], 5)) [0] == 200)
    listed = site.m.api("GET", "/v1/models/lab/versions")[1]["versions"][0]
    tap.check("rotate: it is listed as the new key's", listed["signed_by"] == site.b.id, str(listed))
    site.policy(True, [("lab", site.b.public)])
    refused(tap, "rotate: the old key is trusted no more", site.push(5, 3, site.a.sign(site.images[3], 6)), 403, "none of trust.trusted_keys")
    tap.check("rotate: what the new key signed comes into service", site.m.api("POST", "/v2/repository/models/lab/unload")[0] == 200
              and site.m.api("POST", "/v2/repository/models/lab/load")[0] == 200)
    # The key's file has another key now, under the same name.
    os.rename(site.a.public, site.b.public)
    site.m.ctl("config", "apply", site.m.conf)
    tap.check("rotate: a key's file is read again", site.push(5, 3, site.a.sign(site.images[3], 6))[0] == 201)


def not_required(tap, site):
    site.policy(False, [("*", site.b.public)])  # a's key is in it
    status, answer = site.push(6, 4)
    tap.check("not required: not signed", status == 201 and answer["signed_by"] is None, str(answer))
    refused(tap, "not required: a wrong signature of a trusted key", site.push(7, 5, site.a.sign(site.images[0], 9)), 422, "does not fit")
    status, answer = site.push(7, 5, site.stranger.sign(site.images[5], 1))
    tap.check("not required: by a stranger", status == 201, str(answer))
    listed = site.m.api("GET", "/v1/models/lab/versions")[1]["versions"][-1]
    tap.check("not required: a stranger's is not trusted", (listed["signed_by"], listed["trusted"]) == (site.stranger.id, False), str(listed))
    got = site.m.api("PUT", "/v1/models/lab/deployment", {"canary": {"version": 6, "permille": 10}})
    tap.check("not required: canary", got[0] == 200, str(got))
    site.policy(True, [("*", site.b.public)])
    refused(tap, "required again: what is not signed is not promoted", site.deploy(6), 403, "it is not signed")
    refused(tap, "required again: nor what a stranger signed", site.deploy(7), 403, f"signed by key {site.stranger.id}")


def the_store_is_bent(tap, site):
    """Each while it does not run: a start is to say no."""
    def start_says(name, sentence, bend, undo):
        site.m.stop()
        size = os.path.getsize(site.m.log)
        bend()
        site.m.start()
        model = site.m.api("GET", "/v1/models")[1]["models"][0]
        tap.check(f"start: {name}", model["state"] == "UNAVAILABLE" and sentence in model["reason"] + site.m.log_text()[size:], str(model)[:600])
        site.m.stop()
        undo()

    site.deploy(5)
    tap.check("start: as it was", site.m.api("GET", "/v1/models")[1]["models"][0]["state"] == "READY")
    live, signature = site.store("lab", "5.mlt"), site.store("lab", "5.mlt.minisig")
    move = lambda a, b: lambda: os.rename(a, b)
    start_says("the signature is gone", "it is not signed", move(signature, site.folder + "/away"), move(site.folder + "/away", signature))

    def swap():
        os.rename(signature, site.folder + "/away")
        with open(signature, "wb") as to:
            to.write(site.a.sign(site.images[1], 6))
    start_says("another image's signature, by a trusted key", "the signature does not fit", swap, move(site.folder + "/away", signature))

    def link():
        os.rename(live, site.folder + "/away.mlt")
        os.symlink(site.folder + "/away.mlt", live)
    start_says("the image is a link", "symbolic link", link, move(site.folder + "/away.mlt", live))

    def link_folder():
        os.rename(site.store("lab"), site.folder + "/lab")
        os.symlink(site.folder + "/lab", site.store("lab"))
    site.m.stop()
    link_folder()
    site.m.start()
    tap.check("start: a model's folder is a link", site.m.api("GET", "/v1/models")[1]["models"] == [])
    site.m.stop()
    os.unlink(site.store("lab"))
    os.rename(site.folder + "/lab", site.store("lab"))
    with open(site.store("lab", "9.mlt.minisig"), "w") as f:
        f.write("left by a crash")
    site.m.start()
    model = site.m.api("GET", "/v1/models")[1]["models"][0]
    tap.check("start: put back, it serves", model["state"] == "READY", str(model)[:600])
    tap.check("start: a signature without its image is removed", "9.mlt.minisig" not in os.listdir(site.store("lab")))
    site.m.stop()
    os.rename(site.m.dir + "/store", site.m.dir + "/real")
    os.symlink("real", site.m.dir + "/store")
    done = subprocess.run([site.m.program, "-c", site.m.conf], capture_output=True, text=True, timeout=120)
    tap.check("start: a store that is a link is refused", done.returncode == 1 and "symbolic link" in done.stdout + done.stderr, done.stderr[-500:])
    os.unlink(site.m.dir + "/store")
    os.rename(site.m.dir + "/real", site.m.dir + "/store")


def deleted_and_back(tap, site):
    site.m.start()
    site.m.api("POST", "/v2/repository/models/lab/unload")
    tap.check("delete: the whole model", site.m.api("DELETE", "/v1/models/lab")[0] == 200)
    tap.check("delete: what was accepted is remembered", os.listdir(site.store("lab")) == ["accepted"], str(os.listdir(site.store("lab"))))
    site.m.stop(signal.SIGKILL)
    site.m.start()
    tap.check("delete: it is no model after a restart", site.m.api("GET", "/v1/models")[1]["models"] == [])
    refused(tap, "delete: a lower number is refused all the same", site.push(1, 1, site.a.sign(site.images[1], 5)), 422,
            "number 6 was accepted before")
    with open(site.store("lab", "accepted"), "a") as f:
        f.write("x")
    refused(tap, "push: what is remembered cannot be read", site.push(1, 1, site.a.sign(site.images[1], 9)), 422, "lab/accepted: is no list")


def tool_pushes(tap, site):
    os.unlink(site.store("lab", "accepted"))
    tool("model", "sign", site.images[2], "-k", site.a.secret, "--name", "lab")
    said = site.m.ctl("model", "push", site.images[2], "--name", "lab").stdout
    tap.check("martletctl model push sends IMAGE.minisig", f"signed by {site.a.id}" in said, said)
    bad = site.m.ctl("model", "push", site.images[3], "--name", "lab", check=False)
    tap.check("martletctl model push says why not", bad.returncode == 1 and "it is not signed" in bad.stderr, bad.stderr)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="martlet-signed-") as folder:
        site = Site(folder)
        site.policy(True, [("lab", site.a.public), ("other*", site.b.public)], apply=False)
        with site.m:
            site.m.start()
            for test in (push_is_judged, numbers_rise, keys_rotate, not_required, the_store_is_bent, deleted_and_back, tool_pushes):
                test(tap, site)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
