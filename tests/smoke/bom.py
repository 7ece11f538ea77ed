#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Bills of materials as CycloneDX 1.6 has them: a model's (model inspect --bom), with the signature that it claims or that is
verified, and the programs' (make sbom), which have each library that these link."""
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import LOAD, MARTLETCTL, MARTLETD, ROOT, Tap

TYPES = {"application", "library", "machine-learning-model"}
# Of https://cyclonedx.org/docs/1.6/json/: what each object may have, and what it must.
FORMS = {
    "bom": ({"$schema", "bomFormat", "specVersion", "serialNumber", "version", "metadata", "components", "dependencies"},
            {"bomFormat", "specVersion"}),
    "metadata": ({"tools", "component"}, set()),
    "component": ({"type", "mime-type", "bom-ref", "name", "version", "hashes", "licenses", "purl", "pedigree", "modelCard", "properties"},
                  {"type", "name"}),
    "modelCard": ({"bom-ref", "modelParameters", "quantitativeAnalysis", "considerations", "properties"}, set()),
    "modelParameters": ({"approach", "task", "architectureFamily", "modelArchitecture", "datasets", "inputs", "outputs"}, set()),
    "pedigree": ({"ancestors", "descendants", "variants", "commits", "patches", "notes"}, set()),
    "hash": ({"alg", "content"}, {"alg", "content"}),
    "property": ({"name", "value"}, set()),
}


def wrong_form(what, value, name):
    may, must = FORMS[what]
    return [f"{name}: has {k}" for k in value.keys() - may] + [f"{name}: lacks {k}" for k in must - value.keys()]


def wrong_component(c, name, refs):
    found = wrong_form("component", c, name)
    if c.get("type") not in TYPES:
        found.append(f"{name}: is a {c.get('type')}")
    if c.get("bom-ref") in refs:
        found.append(f"{name}: two have the reference {c['bom-ref']}")
    refs.add(c.get("bom-ref"))
    for h in c.get("hashes", []):
        found += wrong_form("hash", h, f"{name}.hashes")
        if h["alg"] != "SHA-256" or not re.fullmatch("[0-9a-f]{64}", h["content"]):
            found.append(f"{name}: {h}")
    card = c.get("modelCard", {})
    for p in c.get("properties", []) + card.get("properties", []):
        found += wrong_form("property", p, f"{name}.properties")
        if not all(isinstance(v, str) for v in p.values()):
            found.append(f"{name}: {p}")
    found += wrong_form("modelCard", card, f"{name}.modelCard")
    found += wrong_form("modelParameters", card.get("modelParameters", {}), f"{name}.modelParameters")
    for io in card.get("modelParameters", {}).get("inputs", []) + card.get("modelParameters", {}).get("outputs", []):
        if list(io) != ["format"]:
            found.append(f"{name}: {io}")
    for m in card.get("quantitativeAnalysis", {}).get("performanceMetrics", []):
        if set(m) != {"type", "value"} or not all(isinstance(v, str) for v in m.values()):
            found.append(f"{name}: {m}")
    found += wrong_form("pedigree", c.get("pedigree", {}), f"{name}.pedigree")
    for i, ancestor in enumerate(c.get("pedigree", {}).get("ancestors", [])):
        found += wrong_component(ancestor, f"{name}.ancestors[{i}]", refs)
    return found


def wrong(bom):
    """What of a bill is not as the specification has it: a check of our own of what we write."""
    refs = set()
    found = wrong_form("bom", bom, "bom") + wrong_form("metadata", bom["metadata"], "metadata")
    if (bom["bomFormat"], bom["specVersion"], bom["version"]) != ("CycloneDX", "1.6", 1):
        found.append("its head")
    if not re.fullmatch(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", bom["serialNumber"]):
        found.append(bom["serialNumber"])
    found += wrong_component(bom["metadata"]["component"], "metadata.component", refs)
    for i, c in enumerate(bom["components"]):
        found += wrong_component(c, f"components[{i}]", refs)
    for d in bom.get("dependencies", []):
        if d["ref"] not in refs or not set(d["dependsOn"]) <= refs or d["ref"] in d["dependsOn"]:
            found.append(f"dependencies: {d}")
    return found


def ctl(*args):
    return subprocess.run([MARTLETCTL, *args], capture_output=True, text=True)


def properties(component, name):
    return [p["value"] for p in component.get("properties", []) if p["name"] == name]


def ed25519(key, message):
    with tempfile.NamedTemporaryFile() as f:
        f.write(message)
        f.flush()
        return subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", f.name], check=True, capture_output=True).stdout


def minisign(key, path, comment):
    """As minisign signs it, by OpenSSL and Python: the public key's text."""
    with open(path, "rb") as f:
        signature = ed25519(key, hashlib.blake2b(f.read()).digest())
    both = ed25519(key, signature + comment.encode())
    number = b"\1\2\3\4\5\6\7\x08"
    with open(path + ".minisig", "w") as f:
        f.write("untrusted comment: by a test\n" + base64.b64encode(b"ED" + number + signature).decode() + "\ntrusted comment: "
                + comment + "\n" + base64.b64encode(both).decode() + "\n")
    der = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
    return base64.b64encode(b"Ed" + number + der[-32:]).decode()


def make_key(folder, name):
    path = os.path.join(folder, name)
    subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519", "-out", path], check=True, capture_output=True)
    return path


def model(tap, folder):
    image, source = os.path.join(folder, "lab.mlt"), os.path.join(ROOT, "data", "lab.onnx")
    ctl("model", "compile", source, "-o", image, "--name", "lab")
    done = ctl("model", "inspect", image, "--bom")
    bom = json.loads(done.stdout)
    tap.check("a model's bill is as CycloneDX has it", wrong(bom) == [], str(wrong(bom))[:600])
    broken = json.loads(done.stdout)
    broken["metadata"]["component"]["modelCard"]["inputs"] = []
    tap.check("and the check finds what is not", wrong(broken) != [])
    component, info = bom["metadata"]["component"], json.loads(ctl("--json", "model", "inspect", image).stdout)
    with open(image, "rb") as f:
        tap.check("the image's own hash", component["hashes"][0]["content"] == hashlib.sha256(f.read()).hexdigest())
    with open(source, "rb") as f:
        tap.check("its source's hash", component["pedigree"]["ancestors"][0]["hashes"][0]["content"] == hashlib.sha256(f.read()).hexdigest())
    card = component["modelCard"]
    tap.check("its features, outputs and classes", properties(card, "martlet:feature") == info["features"] and
              properties(card, "martlet:output") == info["outputs"] and properties(card, "martlet:class") == info["class_labels"])
    tap.check("its lineage", component["pedigree"].get("notes", "") == "\n".join(info["lineage"]))
    tap.check("the same image gives the same bytes", ctl("model", "inspect", image, "--bom").stdout == done.stdout)
    tap.check("of no signature nothing is said", not properties(component, "martlet:signature:status"))
    signed(tap, folder, image)
    encrypted(tap, folder, image, bom)
    damaged = os.path.join(folder, "damaged.mlt")
    with open(image, "rb") as f, open(damaged, "wb") as to:
        to.write(f.read()[:-1])
    refused = ctl("model", "inspect", damaged, "--bom")
    tap.check("a damaged image has no bill", refused.returncode == 1 and not refused.stdout and damaged in refused.stderr, refused.stderr)


def signed(tap, folder, image):
    key, other = make_key(folder, "a.pem"), make_key(folder, "b.pem")
    refused = ctl("model", "inspect", image, "--bom", "--signer", "RWQ" + "A" * 53)
    tap.check("a signer is asked for, and there is no signature", refused.returncode == 1 and not refused.stdout, refused.stderr)
    public = minisign(key, image, "lab, version 3")
    claimed = json.loads(ctl("model", "inspect", image, "--bom").stdout)["metadata"]["component"]
    tap.check("a signature that nobody checked is claimed", properties(claimed, "martlet:signature:status") == ["claimed"] and
              properties(claimed, "martlet:signature:trusted-comment") == ["lab, version 3"] and
              properties(claimed, "martlet:signature:key-id") == ["0807060504030201"], str(claimed.get("properties")))
    path = os.path.join(folder, "a.pub")
    with open(path, "w") as f:
        f.write("untrusted comment: minisign public key\n" + public + "\n")
    for name, signer in (("by the key", public), ("by its file", path)):
        verified = ctl("model", "inspect", image, "--bom", "--signer", signer)
        tap.check(f"verified {name}", verified.returncode == 0 and properties(
            json.loads(verified.stdout)["metadata"]["component"], "martlet:signature:status") == ["verified"], verified.stderr)
    minisign(other, image, "lab, version 3")  # the same id, another key
    forged = ctl("model", "inspect", image, "--bom", "--signer", public)
    tap.check("a forged signature is refused, and nothing is printed", forged.returncode == 1 and not forged.stdout, forged.stderr)
    with open(image + ".minisig", "a") as f:
        f.write("more\n")
    bad = ctl("model", "inspect", image, "--bom")
    tap.check("so is one that is none", bad.returncode == 1 and "lab.mlt.minisig" in bad.stderr, bad.stderr)
    os.unlink(image + ".minisig")
    alone = ctl("model", "inspect", image, "--signer", public)
    tap.check("--signer is for --bom", alone.returncode == 1 and "--signer is for --bom" in alone.stderr, alone.stderr)


def encrypted(tap, folder, image, plain):
    key, sealed = os.path.join(folder, "image.key"), os.path.join(folder, "sealed.mlt")
    ctl("model", "encryption-key", "-o", key)
    ctl("model", "encrypt", image, "--key", key, "-o", sealed)
    bom = json.loads(ctl("model", "inspect", sealed, "--bom", "--key", key).stdout)
    component = bom["metadata"]["component"]
    with open(key) as f:
        tap.check("an encrypted one says by which key", wrong(bom) == [] and properties(component, "martlet:encryption:key-id") ==
                  [re.search(r"martlet-image-key: (\w+)", f.read())[1]])
    tap.check("and has another hash, of the same model", component["hashes"] != plain["metadata"]["component"]["hashes"] and
              component["pedigree"] == plain["metadata"]["component"]["pedigree"])


def programs(tap, folder):
    script = os.path.join(ROOT, "scripts", "sbom.py")
    for program in (MARTLETD, MARTLETCTL, LOAD):
        name = os.path.basename(program)
        if not os.path.exists(program):
            tap.skip(f"{name}: its bill", "it is not built")
            continue
        done = subprocess.run([sys.executable, script, program, "1.2.3"], capture_output=True, text=True)
        if done.returncode:
            tap.check(f"{name}: a bill is made", False, done.stderr)
            continue
        bom = json.loads(done.stdout)
        tap.check(f"{name}: its bill is as CycloneDX has it", wrong(bom) == [], str(wrong(bom))[:600])
        needed = set(re.findall(r"\(NEEDED\).*\[(.+?)\]", subprocess.run(["readelf", "-d", program], capture_output=True, text=True).stdout))
        told = {n for c in bom["components"] for n in properties(c, "martlet:library")}
        tap.check(f"{name}: each library that it links is told", needed and {n for n in needed if not n.startswith("ld-linux")} <= told,
                  str(needed - told))
        linked = next(d["dependsOn"] for d in bom["dependencies"] if d["ref"] == name)
        tap.check(f"{name}: it depends on the packages of these", set(linked) == {
            c["bom-ref"] for c in bom["components"] if needed & set(properties(c, "martlet:library"))}, str(linked))
        tap.check(f"{name}: with versions", all(c["version"] and c["purl"].startswith(f"pkg:deb/debian/{c['name'].replace('+', '%2B')}@")
                                                for c in bom["components"]))
    stranger = os.path.join(folder, "martlet-stranger")
    with open(os.path.join(folder, "s.c"), "w") as f:
        f.write("int strange(void); int strange(void) { return 1; }\n")
    with open(os.path.join(folder, "p.c"), "w") as f:
        f.write("int strange(void); int main(void) { return strange(); }\n")
    library = os.path.join(folder, "libstrange.so")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, os.path.join(folder, "s.c")], check=True)
    subprocess.run(["gcc", "-o", stranger, os.path.join(folder, "p.c"), library], check=True)
    done = subprocess.run([sys.executable, script, stranger, "1"], capture_output=True, text=True)
    tap.check("a library of no package is refused by name", done.returncode == 1 and f"no Debian package has {library}" in done.stderr, done.stderr)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="martlet-bom-") as folder:
        model(tap, folder)
        programs(tap, folder)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
