#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The manuals say all that there is: every route of the API, every option of every command, every key of the configuration,
every reason to drop a packet and what to do about it."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import LOAD, MARTLETCTL, MARTLETD, ROOT, Tap
from command_lines import CommandLine, list_commands


def read(*path):
    with open(os.path.join(ROOT, *path)) as f:
        return f.read()


def plain(page):
    """A manual page's source without what sets the type."""
    text = re.sub(r'^\.(?:B|I|BR|BI|RB|IR|IB|RI) ', "", page, flags=re.M)
    return re.sub(r"\\f[A-Z]|\\&", "", text).replace("\\-", "-").replace("\\(dq", '"')


def routes(tap):
    served = {(m, p) for m, p in re.findall(r'\bHTTP_(\w+),\s*"([^"]+)"', read("ctl", "server", "routes.c"))}
    told = set(re.findall(r"^\.B (GET|PUT|POST|DELETE) (/\S*)$", read("docs", "martlet-api.7"), re.M))
    tap.check("there are routes", len(served) > 20)
    tap.check("martlet-api(7) has every route, and no other", served == told, f"not told: {served - told}; not served: {told - served}")


def drops(tap):
    source = read("dataplane", "drop.h")
    named = re.findall(r'X\(DROP_\w+,\s*"(\w+)"', source)
    table = dict((n, (what, todo)) for n, what, todo in re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", read("docs", "wire.md"), re.M))
    tap.check("there are drops", len(named) > 15)
    tap.check("docs/wire.md has each drop, and no other", set(named) == set(table), str(set(named) ^ set(table)))
    for name, (what, todo) in table.items():
        tap.check(f"{name}: what to do", len(todo) > 5 and todo != what, todo)


def options(tap):
    pages = {"martletctl": plain(read("docs", "martletctl.1")), "martletd": plain(read("docs", "martletd.8")),
             "martlet-load": plain(read("docs", "martlet-load.1"))}
    lines = [("martletd", CommandLine("martletd", [MARTLETD])), ("martlet-load", CommandLine("martlet-load", [LOAD]))]
    lines += [(f"martletctl {c}", CommandLine(f"martletctl {c}", [MARTLETCTL, *c.split()])) for c in list_commands()]
    for name, line in lines:
        page = pages[name.split()[0]]
        missing = [o for _, o, _ in line.options if not re.search(re.escape(o) + r"(?![\w-])", page)
                   and not any(letter and f"-{letter} " in page for letter, other, _ in line.options if other == o)]
        tap.check(f"{name}: each option is in the manual", line.options and not missing, str(missing))


def keys(tap):
    source = read("config", "schema.c")
    manual, example = plain(read("docs", "martletd.8")), read("config", "martletd.conf")
    seen = 0
    for group, text in re.findall(r"static const struct key (\w+)_KEYS\[\] = \{\n(.*?)\n\};", source, re.S):
        for key in re.findall(r'^\t\{ "(\w+)", KEY_', text, re.M):
            seen += 1
            tap.check(f"{group.lower()}: {key} is in martletd(8) and in martletd.conf", re.search(rf"\b{key}\b", manual)
                      and re.search(rf"\b{key}\s*=", example))
    tap.check("there are keys", seen > 20)


def rows(tap):
    """Of 41 columns in float32, as README.md and docs/wire.md say."""
    fit = {mtu: (mtu - 20 - 8 - 32) // (41 * 4) for mtu in (1500, 9000)}
    for name, text in (("README.md", read("README.md")), ("docs/wire.md", read("docs", "wire.md"))):
        said = re.search(r"41 columns in\s+float32 (\d+)(?: rows)? at an MTU of 1500(?:,| and)\s+(\d+)\s+at\s+9000", text)
        tap.check(f"{name}: rows a packet", said and (int(said[1]), int(said[2])) == (fit[1500], fit[9000]), str(fit))


def pages(tap):
    if not shutil.which("man"):
        tap.skip("pages are set without a warning", "no man here")
        return
    for name in sorted(os.listdir(os.path.join(ROOT, "docs"))):
        if re.search(r"\.[178]$", name):
            done = subprocess.run(["man", "-l", "--warnings", os.path.join(ROOT, "docs", name)], capture_output=True, text=True)
            tap.check(f"{name} is set without a warning", done.returncode == 0 and not done.stderr, done.stderr)


def main():
    tap = Tap()
    routes(tap)
    drops(tap)
    options(tap)
    keys(tap)
    rows(tap)
    pages(tap)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
