#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The walls of the house: who includes whom, and that no two files need each other.

usage: walls.py [OBJECTS]     OBJECTS: a folder of object files laid out as the sources are, build/obj say

A file and the header of its name are one unit. It proves, and exits 1 where it cannot:
 1. each file includes only what the Makefile's SEES_<room> allows, written from the root;
 2. there is no circle of units, neither by includes nor, where OBJECTS is given, by the symbols that
    one object file takes from another;
 3. where OBJECTS is given, each symbol that a file defines for others is declared in a header that
    stands in the file's own room or in one around it.
"""
import pathlib
import re
import subprocess
import sys

GENERATED = {"onnx.pb-c.h": ("infer/import/", "tests/"), "inference.pb-c.h": ("ctl/server/grpc/", "tests/"),
             "grpc_descriptors.h": ("ctl/server/grpc/",)}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def read_rooms():
    """Room to the folders and headers that it sees, as the Makefile says."""
    rooms = {}
    for line in run("make", "-s", "rooms").splitlines():
        room, _, sees = line.partition(":")
        rooms[room] = sees.split()
    return rooms


def room_of(path, rooms):
    return max((room for room in rooms if path.startswith(room + "/")), key=len, default=None)


def is_seen(header, sees):
    return any(header == seen or header.startswith(seen + "/") for seen in sees)


def unit_of(path):
    return path.rsplit(".", 1)[0]


def check_includes(sources, rooms, fail):
    """The edges by includes: unit to {unit: why}."""
    edges = {}
    for path in sources:
        room = room_of(path, rooms)
        if room is None:
            fail(f"{path} lies in no room: the Makefile's SEES_ lists name them")
            continue
        for header in re.findall(r'^#include "(.*)"', pathlib.Path(path).read_text(), re.M):
            if header in GENERATED and path.startswith(GENERATED[header]):
                continue
            if not pathlib.Path(header).is_file():
                fail(f'{path} includes "{header}": write it from the root')
            elif not is_seen(header, rooms[room]):
                fail(f'{path} includes "{header}", which {room}/ may not')
            elif unit_of(header) != unit_of(path):
                edges.setdefault(unit_of(path), {})[unit_of(header)] = f'includes "{header}"'
    return edges


def read_symbols(objects):
    """Unit to what it defines for others and what it takes, by its object file."""
    symbols = {}
    for path in sorted(pathlib.Path(objects).rglob("*.o")):
        unit = unit_of(str(path.relative_to(objects)))
        if not pathlib.Path(unit + ".c").is_file() or unit.startswith("tests/"):
            continue
        defined, taken = set(), set()
        for line in run("nm", "-P", str(path)).splitlines():
            name, kind = line.split()[:2]
            (taken if kind == "U" else defined if kind in "TDBRVW" else set()).add(name)
        symbols[unit] = (defined, taken)
    return symbols


def add_symbol_edges(edges, symbols):
    homes = {name: unit for unit, (defined, _) in symbols.items() for name in defined if name != "main"}
    for unit, (_, taken) in symbols.items():
        for name in taken:
            home = homes.get(name)
            if home and home != unit:
                edges.setdefault(unit, {}).setdefault(home, f"takes {name}()")


def circles(edges):
    """Groups of units that reach each other (Tarjan's strongly connected components)."""
    index, low, stack, found = {}, {}, [], []

    def visit(unit):
        index[unit] = low[unit] = len(index)
        stack.append(unit)
        for other in edges.get(unit, ()):
            if other not in index:
                visit(other)
                low[unit] = min(low[unit], low[other])
            elif other in stack:
                low[unit] = min(low[unit], index[other])
        if low[unit] == index[unit]:
            group = []
            while not group or group[-1] != unit:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for unit in sorted(edges):
        if unit not in index:
            visit(unit)
    return found


def read_declarations(header):
    """Names that a header's own text has: what a macro would make, and comments, left out."""
    text = pathlib.Path(header).read_text()
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)
    text = re.sub(r"^#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)
    return set(re.findall(r"\w+(?=\s*[(\[;,=])", text))


def check_declarations(sources, symbols, rooms, fail):
    names = {path: read_declarations(path)
             for path in sources if path.endswith(".h") and not path.startswith("tests/")}
    for unit, (defined, _) in sorted(symbols.items()):
        room = room_of(unit + ".c", rooms)
        for name in sorted(defined - {"main"}):
            homes = [header for header in names if name in names[header]]
            if homes and not any((room + "/").startswith(room_of(header, rooms) + "/") for header in homes):
                fail(f"{unit}.c defines {name}, which {', '.join(homes)} declares: "
                     f"a header declares what its own .c defines")


def main():
    bad = []

    def fail(text):
        bad.append(text)
        print(f"walls: {text}")

    sys.setrecursionlimit(10000)
    rooms = read_rooms()
    sources = run("git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h").split()
    sources = [path for path in sources if pathlib.Path(path).is_file()]
    edges = check_includes(sources, rooms, fail)
    if len(sys.argv) > 1:
        symbols = read_symbols(sys.argv[1])
        add_symbol_edges(edges, symbols)
        check_declarations(sources, symbols, rooms, fail)
    for group in circles(edges):
        fail("a circle: " + ", ".join(group))
        for unit in group:
            for other, why in sorted(edges[unit].items()):
                if other in group:
                    print(f"    {unit} -> {other}: {why}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
