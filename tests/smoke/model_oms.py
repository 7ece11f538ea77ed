#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletctl model verify --oms: the published vectors of OpenSSF Model Signing, and bundles of our own that are bent."""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, ROOT, Tap

VECTORS = os.path.join(ROOT, "tests", "fixtures", "oms")
TYPE = "application/vnd.in-toto+json"


def verify(bundle, *args):
    done = subprocess.run([MARTLETCTL, "model", "verify", "--oms", bundle, *args], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def published(tap, folder):
    # Copied, since a key's folder must be nobody else's to write.
    for name in os.listdir(VECTORS):
        shutil.copy(os.path.join(VECTORS, name), folder)
        os.chmod(os.path.join(folder, name), 0o644)
    at = lambda name: os.path.join(folder, name)
    key, ca, files = at("signing-key-pub.pem"), at("ca-cert.pem"), (at("signme-1"), at("signme-2"))
    for bundle, args, wanted, sentence in (
            ("key", ("--key", key), 0, "by a key is good"),
            ("certificate", ("--certificate", ca), 0, "by a certificate is good"),
            ("sigstore", ("--key", key), 1, "not supported offline"),
            ("key", ("--certificate", ca), 1, "is signed by a key alone"),
            ("certificate", ("--key", key), 1, "is signed by a certificate"),
            ("certificate", ("--certificate", key), 1, "holds no certificate"),
            ("empty", ("--key", key), 1, "no bundle"),
            ("missing-envelope", ("--key", key), 1, "dsseEnvelope is missing"),
            ("missing-tlog-entries", ("--key", key), 1, "not supported offline"),
            ("missing-verification-material", ("--key", key), 1, "verificationMaterial is missing"),
            ("wrong-predicate", ("--key", key), 1, "the signature does not fit")):
        code, said = verify(at(bundle + ".bundle.json"), *args, *files)
        tap.check(f"published: {bundle} with {args[0]}", code == wanted and sentence in said, said)
    for given, sentence in ((files[:1], "signme-2 was signed with the model"), (files + files[:1], "given before"),
                            (files + (key,), "is none of the 2 files")):
        code, said = verify(at("key.bundle.json"), "--key", key, *given)
        tap.check(f"published: {len(given)} files: {sentence}", code == 1 and sentence in said, said)
    with open(files[0], "ab") as f:
        f.write(b"x")
    code, said = verify(at("key.bundle.json"), "--key", key, *files)
    tap.check("published: a file that was changed", code == 1 and "is not the file that was signed" in said, said)


class Signer:
    """Bundles as the reference implementation makes them, by the openssl program."""

    def __init__(self, folder, curve, digest):
        self.folder, self.digest = folder, digest
        self.secret, self.public = (os.path.join(folder, f"{curve}.{end}") for end in ("sec", "pub"))
        self.run("ecparam", "-name", curve, "-genkey", "-noout", "-out", self.secret)
        self.run("ec", "-in", self.secret, "-pubout", "-out", self.public)
        os.chmod(self.public, 0o644)

    @staticmethod
    def run(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True)

    def sign(self, payload):
        message, out = os.path.join(self.folder, "message"), os.path.join(self.folder, "sig")
        with open(message, "wb") as f:
            f.write(f"DSSEv1 {len(TYPE)} {TYPE} {len(payload)} ".encode() + payload)
        self.run("dgst", f"-{self.digest}", "-sign", self.secret, "-out", out, message)
        with open(out, "rb") as f:
            return f.read()

    def bundle(self, statement, material=None, bend=lambda b: b, **changes):
        payload = statement if isinstance(statement, bytes) else json.dumps(statement).encode()
        body = {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
                "verificationMaterial": material or {"publicKey": {"hint": "00"}},
                "dsseEnvelope": {"payload": base64.b64encode(payload).decode(), "payloadType": TYPE,
                                 "signatures": [{"sig": base64.b64encode(self.sign(payload)).decode(), "keyid": ""}]}}
        body.update(changes)
        path = os.path.join(self.folder, "own.bundle.json")
        with open(path, "w") as f:
            f.write(json.dumps(bend(body)))
        return path


def digest_of(data, how):
    return (hashlib.sha256(data) if how == "sha256" else hashlib.blake2b(data)).hexdigest()


def statement(files, how="sha256", shard=0, predicate="https://model_signing/signature/v1.0", name="model"):
    resources = []
    for file, data in files:
        parts = [(file, data)] if not shard else [(f"{file}:{at}:{min(at + shard, len(data))}", data[at:at + shard])
                                                  for at in range(0, len(data), shard)]
        resources += [{"name": n, "digest": digest_of(d, how), "algorithm": how} for n, d in parts]
    root = hashlib.sha256(b"".join(bytes.fromhex(r["digest"]) for r in resources)).hexdigest()
    serialization = {"method": "shards" if shard else "files", "hash_type": how, "allow_symlinks": False}
    if shard:
        serialization["shard_size"] = shard
    return {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": name, "digest": {"sha256": root}}],
            "predicateType": predicate, "predicate": {"resources": resources, "serialization": serialization}}


def changed(source, **fields):
    copy = json.loads(json.dumps(source))
    for path, value in fields.items():
        at = copy
        *folders, last = [int(p) if p.isdigit() else p for p in path.split("__")]
        for part in folders:
            at = at[part]
        at[last] = value
    return copy


def own(tap, folder):
    files = [("a/weights.bin", os.urandom(2500)), ("config.json", b"{}")]
    paths = []
    for name, data in files:
        path = os.path.join(folder, "model", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
        paths.append(path)
    signers = [Signer(folder, *pair) for pair in (("prime256v1", "sha256"), ("secp384r1", "sha384"), ("secp521r1", "sha512"))]
    p256 = signers[0]
    for signer in signers:
        for how, shard in (("sha256", 0), ("blake2b", 0), ("sha256", 1000)):
            code, said = verify(signer.bundle(statement(files, how, shard)), "--key", signer.public, *paths)
            tap.check(f"own: {os.path.basename(signer.public)}, {how}, parts of {shard}", code == 0, said)
    code, said = verify(p256.bundle(statement(files)), "--key", signers[1].public, *paths)
    tap.check("own: another key", code == 1 and "the signature does not fit" in said, said)
    weak = Signer(folder, "secp256k1", "sha256")
    code, said = verify(weak.bundle(statement(files)), "--key", weak.public, *paths)
    tap.check("own: a curve that OMS has not", code == 1 and "another kind than P-256" in said, said)

    good = statement(files)
    first = "predicate__resources__0__"
    for what, bent, sentence in (
            ("another predicate", changed(good, predicateType="https://model_signing/Digests/v0.1"), "predicateType"),
            ("another type", changed(good, _type="https://in-toto.io/Statement/v0.1"), "_type"),
            ("a root that is another", changed(good, subject__0__digest__sha256="00" * 32), "contradicts itself"),
            ("no subject", changed(good, subject=[]), "0 subjects"),
            ("no resources", changed(good, predicate__resources=[]), "names no files"),
            ("a path that leads out", changed(good, **{first + "name": "../weights.bin"}), "leads out"),
            ("an absolute path", changed(good, **{first + "name": "/a/weights.bin"}), "leads out"),
            ("a name twice", statement([files[0], files[1], files[0]]), "names a/weights.bin twice"),
            ("a part twice", statement([files[0], files[0]], shard=1000), "twice"),
            ("a digest too short", changed(good, **{first + "digest": "00"}), "no hash of 32 bytes"),
            ("a digest of no digits", changed(good, **{first + "digest": "zz" * 32}), "no hash of 32 bytes"),
            ("another algorithm", changed(good, **{first + "algorithm": "blake2b"}), "not by sha256"),
            ("an unknown hash", changed(good, predicate__serialization__hash_type="blake3"), "read here"),
            ("an unknown method", changed(good, predicate__serialization__method="tar"), "must be"),
            ("a shard size of files", changed(good, predicate__serialization__shard_size=7), "with a shard_size"),
            ("shards that leave a gap", statement([("a/weights.bin", files[0][1][:2000]), files[1]], shard=1000), "signed"),
            ("no JSON", b"{", "no JSON"),
            ("JSON that says a thing twice", json.dumps(good)[:-1].encode() + b', "_type": "x"}', "no JSON")):
        code, said = verify(p256.bundle(bent), "--key", p256.public, *paths)
        tap.check(f"own: {what}", code == 1 and sentence in said, said)

    flip = lambda text: ("B" if text[0] != "B" else "C") + text[1:]
    for what, bend, sentence in (
            ("a payload that was changed", lambda b: changed(b, dsseEnvelope__payload=flip(b["dsseEnvelope"]["payload"])), "does not fit"),
            ("no signature", lambda b: changed(b, dsseEnvelope__signatures=[]), "0 signatures"),
            ("two signatures", lambda b: changed(b, dsseEnvelope__signatures=b["dsseEnvelope"]["signatures"] * 2), "2 signatures"),
            ("another payload type", lambda b: changed(b, dsseEnvelope__payloadType="text/plain"), "payloadType"),
            ("a payload of no base64", lambda b: changed(b, dsseEnvelope__payload="%%%"), "no base64"),
            ("another media type", lambda b: changed(b, mediaType="text/plain"), "mediaType"),
            ("two methods", lambda b: changed(b, verificationMaterial__x509CertificateChain={"certificates": []}), "both"),
            ("an empty key", lambda b: changed(b, verificationMaterial={"publicKey": {}}), "neither hint nor rawBytes"),
            ("a list", lambda b: [b], "no JSON object")):
        code, said = verify(p256.bundle(good, bend=bend), "--key", p256.public, *paths)
        tap.check(f"own: {what}", code == 1 and sentence in said, said)

    os.chmod(p256.public, 0o666)
    code, said = verify(p256.bundle(good), "--key", p256.public, *paths)
    tap.check("own: a key that others can write", code == 1 and "others can write it" in said, said)


def orders(tap, folder):
    """The specification sorts names as text, the reference implementation paths by their folders, and parts by their place."""
    files = [("a/b.bin", os.urandom(120)), ("a-b.bin", b"{}")]
    paths = []
    for name, data in files:
        paths.append(os.path.join(folder, name))
        os.makedirs(os.path.dirname(paths[-1]), exist_ok=True)
        with open(paths[-1], "wb") as f:
            f.write(data)
    signer = Signer(folder, "prime256v1", "sha256")
    for what, listed in (("by folders", files), ("as text", files[::-1])):
        code, said = verify(signer.bundle(statement(listed)), "--key", signer.public, *paths)
        tap.check(f"order: names {what}", code == 0, said)
    parts = statement(files, shard=10)
    as_text = json.loads(json.dumps(parts))
    as_text["predicate"]["resources"].sort(key=lambda r: r["name"])
    as_text["subject"][0]["digest"]["sha256"] = hashlib.sha256(
        b"".join(bytes.fromhex(r["digest"]) for r in as_text["predicate"]["resources"])).hexdigest()
    tap.check("order: part 10 stands before part 2 as text", as_text != parts)
    for what, listed in (("by their place", parts), ("as text", as_text)):
        code, said = verify(signer.bundle(listed), "--key", signer.public, *paths)
        tap.check(f"order: 12 parts {what}", code == 0, said)
    with open(paths[0], "r+b") as f:
        f.seek(25)
        f.write(b"changed")
    code, said = verify(signer.bundle(as_text), "--key", signer.public, *paths)
    tap.check("order: a part that was changed", code == 1 and "is not the file that was signed as a/b.bin:20:30" in said, said)


def folders(tap, folder):
    """A model's folder: all that was signed and nothing else."""
    files = [("a/b/weights.bin", os.urandom(2500)), ("a/empty", b""), ("config.json", b"{}")]
    model, signer = os.path.join(folder, "model"), Signer(folder, "prime256v1", "sha256")
    at = lambda name: os.path.join(model, name)

    def make():
        shutil.rmtree(model, ignore_errors=True)
        for name, data in files:
            os.makedirs(os.path.dirname(at(name)), exist_ok=True)
            with open(at(name), "wb") as f:
                f.write(data)

    def put(name, data=b"x"):
        os.makedirs(os.path.dirname(at(name)), exist_ok=True)
        with open(at(name), "wb") as f:
            f.write(data)
    said_of = statement(files)
    said_of["predicate"]["serialization"]["ignore_paths"] = ["notes", "a/log.txt", "model.sig"]
    bundle = signer.bundle(said_of)
    for what, bend, sentence in (
            ("as it was signed", lambda: None, ""),
            ("with what was left out", lambda: (put("notes/a/b"), put("a/log.txt"), put(".git/config"), put(".gitignore")), ""),
            ("with one more", lambda: put("evil.py"), "evil.py: is none of the files that were signed"),
            ("with a hidden one", lambda: put("a/.hidden"), "a/.hidden: is none"),
            ("with one whose name begins as one that was left out", lambda: put("notes.py"), "notes.py: is none"),
            ("with one below a folder that has such a name elsewhere", lambda: put("a/notes/x"), "a/notes/x: is none"),
            ("with .git elsewhere", lambda: put("a/.git/config"), "a/.git/config: is none"),
            ("with one changed", lambda: put("a/b/weights.bin"), "a/b/weights.bin: is not the file that was signed"),
            ("with one missing", lambda: os.unlink(at("config.json")), "config.json was signed with the model"),
            ("with one moved below", lambda: (os.makedirs(at("c")), os.rename(at("config.json"), at("c/config.json"))), "c/config.json: is none"),
            ("with one doubled below", lambda: put("c/config.json", b"{}"), "c/config.json: is none"),
            ("with a link in the place of a file", lambda: (os.rename(at("config.json"), folder + "/away"), os.symlink(folder + "/away", at("config.json"))),
             "config.json: is a symbolic link"),
            ("with a link to a folder", lambda: os.symlink("a", at("c")), "c: is a symbolic link"),
            ("with a link that leads nowhere", lambda: os.symlink("/nowhere", at("c")), "c: is a symbolic link"),
            ("with a pipe", lambda: os.mkfifo(at("c")), "c: "),
            ("very deep", lambda: put("d/" * 70 + "x"), "lies deeper than 64 folders")):
        make()
        bend()
        code, said = verify(bundle, "--key", signer.public, model)
        tap.check(f"folder: {what}", code == (1 if sentence else 0) and sentence in said and (sentence or "3 files" in said), said)
    make()
    shutil.copy(bundle, at("own.json"))
    code, said = verify(at("own.json"), "--key", signer.public, model)
    tap.check("folder: with the bundle in it", code == 0, said)
    os.unlink(at("own.json"))
    put("later/x")
    put("extra.md")
    for left_out, sentence in (("later,extra.md", ""), ("extra.md,later", ""), ("later", "extra.md: is none"), ("extra.md,late", "later/x: is none"),
                               ("later/x,extra.md", ""), ("x,extra.md", "later/x: is none"), ("later,extra.md,config.json", "config.json was signed with the model")):
        code, said = verify(bundle, "--key", signer.public, "--ignore", left_out, model)
        tap.check(f"folder: --ignore {left_out}", code == (1 if sentence else 0) and sentence in said, said)
    code, said = verify(bundle, "--key", signer.public, "--ignore", "later", *(at(name) for name, _ in files))
    tap.check("files: --ignore is of a folder", code == 1 and "give the folder" in said, said)
    make()
    code, said = verify(signer.bundle(statement([f for f in files if f[1]], shard=1000)), "--key", signer.public, model)
    tap.check("folder: in parts, of which an empty file has none", code == 0, said)
    for paths, sentence in ((["../notes"], "ignore_paths[0] leads out"), (["a", "/etc"], "ignore_paths[1] leads out"), (["."], "leads out"), ("a", "no list"),
                            ([7], "ignore_paths[0]")):
        code, said = verify(signer.bundle(changed(said_of, predicate__serialization__ignore_paths=paths)), "--key", signer.public, model)
        tap.check(f"folder: left out {paths}", code == 1 and sentence in said, said)


def certificate(folder, name, signer, days, *extensions):
    """A self-signed certificate of the signer's key."""
    path = os.path.join(folder, name)
    Signer.run("req", "-x509", "-new", "-key", signer.secret, "-out", path, "-days", str(days), "-subj", f"/CN={name}",
               *[a for e in extensions for a in ("-addext", e)])
    os.chmod(path, 0o644)
    with open(path) as f:
        der = base64.b64decode("".join(line for line in f.read().splitlines() if "-" not in line))
    return path, {"x509CertificateChain": {"certificates": [{"rawBytes": base64.b64encode(der).decode()}]}}


def certificates(tap, folder):
    signer = Signer(folder, "prime256v1", "sha256")
    path = os.path.join(folder, "one.bin")
    with open(path, "wb") as f:
        f.write(b"weights")
    said_of = statement([("one.bin", b"weights")])
    trusted, material = certificate(folder, "good", signer, 2, "keyUsage=critical,digitalSignature")
    other, _ = certificate(folder, "other", Signer(folder, "secp384r1", "sha384"), 2, "keyUsage=digitalSignature")
    _, wrong_use = certificate(folder, "use", signer, 2, "keyUsage=critical,keyEncipherment")
    for what, chain, trust, wanted, sentence in (
            ("good", material, trusted, 0, "is good"), ("trusted by nobody", material, other, 1, "does not lead to one that is trusted"),
            ("for another use", wrong_use, os.path.join(folder, "use"), 1, "other things than signatures"),
            ("none", {"x509CertificateChain": {"certificates": []}}, trusted, 1, "0 certificates"),
            ("no certificate", {"x509CertificateChain": {"certificates": [{"rawBytes": "AAAA"}]}}, trusted, 1, "is no certificate")):
        code, said = verify(signer.bundle(said_of, chain), "--certificate", trust, path)
        tap.check(f"certificate: {what}", code == wanted and sentence in said, said)
    imposter = Signer(tempfile.mkdtemp(dir=folder), "prime256v1", "sha256")
    code, said = verify(imposter.bundle(said_of, material), "--certificate", trusted, path)
    tap.check("certificate: signed by another key than its own", code == 1 and "does not fit" in said, said)


def main():
    tap = Tap()
    for test in (published, own, folders, orders, certificates):
        with tempfile.TemporaryDirectory(prefix="martlet-oms-") as folder:
            test(tap, folder)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
