#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a program is made of, as CycloneDX 1.6: the Debian packages of the libraries that it links and of those that they
link, with their versions, and which needs which. The same program on the same machine gives the same bytes.

usage: sbom.py PROGRAM VERSION [--static FILE]... > BOM
  --static FILE   a file of a package that is built into the program: an archive, or a source that code is made of
"""
import hashlib
import json
import os
import re
import subprocess
import sys
import urllib.parse

DOC = "/usr/share/doc"


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needed(path):
    """The names of the libraries that a program or library links."""
    return re.findall(r"\(NEEDED\).*\[(.+?)\]", run("readelf", "-d", path))


def loaded(program):
    """Name to path, of all libraries that the loader would load."""
    told = run("ldd", program)
    # A library that is linked by its path is shown by that alone, and so is the loader, by a name that no library has.
    by_path = {path: path for path in re.findall(r"^\s*(/\S+) \(", told, re.M) if "/ld-linux" not in path}
    return by_path | dict(re.findall(r"^\s*(\S+) => (/\S+)", told, re.M))


def spellings(path):
    """Where / is merged with /usr, dpkg may know a file by either path."""
    every = [at for known in (path, os.path.realpath(path)) for at in (known, known.removeprefix("/usr"), "/usr" + known)]
    return list(dict.fromkeys(every))


def packages_of(paths):
    """Path to the package that has it, as dpkg names it: asked once, as dpkg reads the lists of all packages each time."""
    every = [at for path in paths for at in spellings(path)]
    told = subprocess.run(["dpkg", "-S", *every], capture_output=True, text=True).stdout
    known = {path: names.split(", ")[0] for names, path in re.findall(r"^(?!diversion)(.+?): (/.*)$", told, re.M)}
    found = {path: next((known[at] for at in spellings(path) if at in known), None) for path in paths}
    for path, package in found.items():
        if not package:
            raise SystemExit(f"sbom: no Debian package has {path}: a library of your own? Its contents are not known")
    return found


def licences(name):
    """The short names in a machine-readable copyright file (DEP-5), in its order; none where it is none."""
    try:
        with open(os.path.join(DOC, name, "copyright"), encoding="utf-8", errors="replace") as f:
            text = f.read()
    except OSError:
        return []
    if not re.match(r"Format(-Specification)?: ", text):
        return []
    return list(dict.fromkeys(re.findall(r"^License: *([^\s,;]\S*)", text, re.M)))


def components(packages):
    """Package to component."""
    form = "${binary:Package}\t${Package}\t${Version}\t${Architecture}\t${source:Package}\n"
    with open("/etc/os-release") as f:
        release = dict(line.rstrip().split("=", 1) for line in f if "=" in line)
    distro = f"{release.get('ID', 'debian')}-{release.get('VERSION_ID', '').strip(chr(34))}"
    found = {}
    for line in run("dpkg-query", "-W", "-f", form, *sorted(packages)).splitlines():
        package, name, version, architecture, source = line.split("\t")
        purl = (f"pkg:deb/debian/{urllib.parse.quote(name, safe='')}@{urllib.parse.quote(version, safe='')}"
                f"?arch={architecture}&distro={distro}")
        entry = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
        if licences(name):
            entry["licenses"] = [{"license": {"name": licence}} for licence in licences(name)]
        entry["properties"] = [{"name": "debian:source", "value": source}]
        found[package] = found[name] = entry
    return found


class Bill:
    def __init__(self, program, static):
        self.program, self.paths = program, loaded(program)
        self.owners = packages_of([*self.paths.values(), *static])
        self.known = components(set(self.owners.values()))
        self.packages, self.edges, self.libraries = {}, {}, {}

    def add(self, path, whose, library=None):
        """Notes that `whose`, a reference, is made of a file. The reference of the file's package."""
        package = self.owners[path]
        self.packages[package] = self.known[package]
        ref = self.packages[package]["bom-ref"]
        if ref != whose:
            self.edges.setdefault(whose, set()).add(ref)
        if library:
            self.libraries.setdefault(package, set()).add(library)
        return ref

    def walk(self, path, whose, seen):
        for name in needed(path):
            at = self.paths.get(name)
            if not at:
                if name.startswith("ld-linux"):  # the loader, which ldd shows by its path alone
                    continue
                raise SystemExit(f"sbom: {path} links {name}, which is not to be found")
            ref = self.add(at, whose, name)
            if name not in seen:
                seen.add(name)
                self.walk(at, ref, seen)

    def json(self, version):
        with open(self.program, "rb") as f:
            digest = hashlib.sha256(f.read()).hexdigest()
        name = os.path.basename(self.program)
        for package, libraries in self.libraries.items():
            self.packages[package]["properties"] += [{"name": "martlet:library", "value": n} for n in sorted(libraries)]
        components = sorted(self.packages.values(), key=lambda c: c["bom-ref"])
        refs = [name] + [c["bom-ref"] for c in components]
        uuid = f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-{8 | int(digest[16], 16) & 3:x}{digest[17:20]}-{digest[20:32]}"
        return {
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6",
            "serialNumber": f"urn:uuid:{uuid}", "version": 1,
            "metadata": {"component": {"type": "application", "bom-ref": name, "name": name, "version": version,
                                       "hashes": [{"alg": "SHA-256", "content": digest}],
                                       "licenses": [{"license": {"id": "BSD-3-Clause"}}]}},
            "components": components,
            "dependencies": [{"ref": ref, "dependsOn": sorted(self.edges.get(ref, ()))} for ref in refs],
        }


def main():
    words, static = sys.argv[1:], []
    while "--static" in words:
        at = words.index("--static")
        if at + 1 == len(words):
            sys.exit(__doc__)
        static.append(words[at + 1])
        del words[at:at + 2]
    if len(words) != 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    program, version = words
    bill = Bill(program, static)
    bill.walk(program, os.path.basename(program), set())
    for path in static:
        bill.add(path, os.path.basename(program))
    print(json.dumps(bill.json(version), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
