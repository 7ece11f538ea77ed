#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The audit log of a running appliance: what is asked for and what became of it; kill -9 in the midst of changes; a full
disk, which refuses changes and nothing else; martletctl audit verify on all that, and on a log that was bent."""
import csv
import http.client
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import MARTLETCTL, Appliance, Tap, skip_all, wait_for

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'


def lines(a):
    return [json.loads(line) for line in a.api("GET", "/v1/audit?after=0&limit=10000")[1].splitlines() if line]


def verify(path, *more):
    return subprocess.run([MARTLETCTL, "audit", "verify", path, *more], capture_output=True, text=True)


def records(tap, a):
    a.api("PUT", "/v1/log", {"level": "info"})
    a.api("PUT", "/v1/log", {"level": "noise"})
    a.api("DELETE", "/v1/models/lab/versions/9")
    a.api("GET", "/v1/log")
    got = lines(a)
    asked = [line for line in got if line["kind"] == "request"]
    results = {line["of"]: line for line in got if line["kind"] == "result"}
    tap.check("each change has a line, and no question has", [line["what"] for line in asked] ==
              ["PUT /v1/log", "PUT /v1/log", "DELETE /v1/models/lab/versions/9"], str(asked))
    tap.check("and what became of it", [results[line["seq"]]["status"] for line in asked] == [200, 400, 404], str(results))
    tap.check("who and from where", all(line["by"] == f"uid {os.geteuid()}" and line["from"] == "unix" for line in asked), str(asked))
    figures = dict(line.split(" ") for line in a.api("GET", "/metrics")[1].splitlines() if line.startswith("martlet_audit_"))
    tap.check("the metrics have the log's figures", int(figures["martlet_audit_last_line"]) == got[-1]["seq"] == int(figures["martlet_audit_lines_total"]) and
              0 < int(figures["martlet_audit_bytes_total"]) and abs(int(figures["martlet_audit_last_write_timestamp_seconds"]) - time.time()) < 3600 and
              figures["martlet_audit_failing"] == figures["martlet_audit_omitted_total"] == "0", str(figures))
    shown = a.ctl("audit", "list").stdout
    tap.check("audit list shows them", shown.count("DELETE /v1/models/lab/versions/9") == 2, shown)


def reload(tap, a):
    """Keys that are read anew have their line, as the reload has."""
    keys = os.path.join(a.dir, "wire.keys")
    subprocess.run([MARTLETCTL, "key", "generate", "gate", "--keys", keys], check=True, capture_output=True)
    with open(a.conf, "a") as f:
        f.write(f'trust = {{ keys = "{keys}"; }};\n')
    a.proc.send_signal(signal.SIGHUP)
    line = f"trust.keys: read {keys} anew"
    tap.check("keys that are read anew have their line", wait_for(lambda: [n["allowed"] for n in lines(a) if n.get("what") == line] == [True]), a.log_text()[-400:])
    with open(keys, "a") as f:
        f.write("7 and nothing more\n")
    a.proc.send_signal(signal.SIGHUP)
    tap.check("and keys that cannot be, with why", wait_for(lambda: any(
        not n.get("allowed", True) and n.get("why", "").startswith(f"trust.keys: {keys}") for n in lines(a))), str(lines(a)[-3:]))
    tap.check("where those of before stay", [n.get("what") for n in lines(a)].count(line) == 1)


def kill(tap, a, folder):
    """kill -9 while changes are made: what was answered is there, and the log is whole after each start."""
    answered = []

    def change():
        try:
            while a.api("PUT", "/v1/log", {"level": "info"})[0] == 200:
                answered.append(1)
        except (OSError, http.client.HTTPException):
            pass

    for round in range(4):
        thread = threading.Thread(target=change)
        before = sum(line["kind"] == "result" and line["status"] == 200 for line in lines(a))
        answered.clear()
        thread.start()
        wait_for(lambda: len(answered) >= 3 + round, 60)
        a.stop(signal.SIGKILL)
        thread.join()
        a.start()
        after = sum(line["kind"] == "result" and line["status"] == 200 for line in lines(a))
        tap.check(f"kill -9, round {round}: what was answered is recorded",
                  after - before >= len(answered) >= 3 + round, f"{after - before} lines, {len(answered)} answers")
        done = verify(folder)
        tap.check(f"kill -9, round {round}: the log is whole", done.returncode == 0 and done.stdout.startswith("whole: lines 1 to"),
                  done.stderr + done.stdout)


def exports(tap, a, folder, whole):
    """Of a range, as CSV, and of a log's files without an appliance."""
    def tool(*args, options=()):
        return subprocess.run([MARTLETCTL, "-s", os.path.join(a.dir, "nobody.sock"), *options, "audit", *args], capture_output=True, text=True)

    with open(whole) as f:
        each = [line.rstrip("\n") for line in f]
    at = [json.loads(line)["at"] for line in each]
    for name, log in (("the folder", folder), ("an exported file", whole)):
        tap.check(f"{name}: exported without an appliance", tool("export", log).stdout.splitlines()[:len(each)] == each)
        tap.check(f"{name}: a range of lines", tool("export", log, "--from", "3", "--to", "7").stdout.splitlines() == each[2:7])
        tap.check(f"{name}: listed, the lines behind one", tool("list", log, "-a", "4", "-n", "3", options=["--json"]).stdout.splitlines() == each[4:7])
    tap.check("listed, the newest", tool("list", whole, "-n", "5", options=["--json"]).stdout.splitlines() == each[-5:])
    second = at[len(at) // 2][:19] + "Z"
    tap.check("a range of time", tool("export", whole, "--from", second, "--to", second).stdout.splitlines() ==
              [line for line, when in zip(each, at) if when[:19] + "Z" == second])
    tap.check("a day", tool("export", whole, "--to", at[-1][:10]).stdout.splitlines() == each)
    none = tool("export", whole, "--from", "9999-01-01")
    tap.check("an empty range is said", none.returncode == 0 and not none.stdout and "no line is in that range" in none.stderr, none.stderr)
    tap.check("of the appliance, too", a.ctl("audit", "export", "--from", "3", "--to", "7").stdout.splitlines() == each[2:7])
    odd = os.path.join(a.dir, "odd.jsonl")
    with open(odd, "w") as f:
        f.write(each[0] + "\n{broken\n" + json.dumps({"seq": 900, "by": "=cmd|'x'!A1", "what": 'say "a, b"\n'}) + "\n" + "x" * 10000 + "\n")
    done = tool("export", odd, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    tap.check("CSV: quoted, and no formula", done.returncode == 0 and len(rows) == 2 and rows[1]["by"] == "'=cmd|'x'!A1" and
              rows[1]["what"] == 'say "a, b"\n' and rows[1]["seq"] == "900" and rows[1]["status"] == "", done.stdout)
    tap.check("what is no line is passed over, and said", "2 pieces are no lines" in done.stderr, done.stderr)
    rows = list(csv.DictReader(io.StringIO(tool("export", whole, "-f", "csv").stdout)))
    tap.check("CSV: each line is a row", [(row["seq"], row["hash"]) for row in rows] ==
              [(str(line["seq"]), line["hash"]) for line in map(json.loads, each)])
    inside = tool("export", folder, "-o", os.path.join(folder, "000000000001.jsonl"))
    tap.check("nor that of one of its log's files", inside.returncode == 1 and "lies in the folder of the log" in inside.stderr, inside.stderr)
    with tempfile.TemporaryDirectory() as other:
        none = tool("export", other)
        tap.check("a folder without a log is refused", none.returncode == 1 and "has no files of an audit log in it" in none.stderr, none.stderr)
    twice = os.path.join(a.dir, "twice.jsonl")
    with open(twice, "w") as file:
        file.writelines(f"{line}\n" for line in [*each[:3], each[1], *each[3:]])
    done = tool("export", twice)
    tap.check("a line that is there twice is told of", done.returncode == 0 and done.stdout.splitlines() == each and "1 pieces are no lines" in done.stderr,
              done.stderr)
    over = tool("export", whole, "-o", whole)
    tap.check("an export does not take its log's place", over.returncode == 1 and "would be lost" in over.stderr, over.stderr)
    tap.check("what is not there is refused", tool("list", os.path.join(a.dir, "nothing")).returncode == 1)


def bent(tap, a, folder):
    """On a copy: what root on another machine would do."""
    copy = os.path.join(a.dir, "copy")
    shutil.copytree(folder, copy)
    name = os.path.join(copy, sorted(f for f in os.listdir(copy) if f.endswith(".jsonl"))[-1])
    with open(name) as f:
        text = f.read()
    newest = json.loads(text.splitlines()[-1])["hash"]
    key = os.path.join(copy, "audit.pub")
    tap.check("a copy is whole, with its key and newest hash", verify(copy, "--key", key, "--expect", newest).returncode == 0)
    split = text.splitlines(keepends=True)
    for what, other, sentence in [
            ("a changed line", text.replace("uid", "Uid", 1), "was changed"),
            ("a removed first line", "".join(split[1:]), "should begin with line"),
            ("a removed line", "".join(split[:3] + split[4:]), "those between them were removed"),
            ("a doubled line", "".join(split[:3] + split[2:]), "a line was added"),
            ("a cut end", "".join(split[:-1]), "its end was cut off")]:
        with open(name, "w") as f:
            f.write(other)
        done = verify(copy, "--key", key)
        tap.check(f"{what} is found", done.returncode == 1 and sentence in done.stderr, done.stderr + done.stdout)
    whole = os.path.join(a.dir, "exported.jsonl")
    a.ctl("audit", "export", "-o", whole)
    tap.check("an exported log is whole", verify(whole, "--key", key).returncode == 0)
    exports(tap, a, folder, whole)
    with open(whole) as f, open(os.path.join(a.dir, "unsigned.jsonl"), "w") as to:
        for line in f:
            if '"kind":"checkpoint"' in line:
                break
            to.write(line)
    unsigned = to.name
    done = verify(unsigned, "--key", key)
    tap.check("a log of which nothing is signed is not proven by a key", verify(unsigned).returncode == 0 and done.returncode == 1 and
              "no line of it is signed" in done.stderr, done.stderr + done.stdout)
    done = verify(whole, "--expect", "0" * 64)
    tap.check("a hash that is not there is missed", done.returncode == 1 and "no line has the hash" in done.stderr, done.stderr)


def full(tap, a, folder):
    """A disk without room: a small tmpfs is the log's folder."""
    a.stop()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "none", folder], capture_output=True).returncode:
        tap.skip("a full disk", "no tmpfs here")
        return
    try:
        a.start()
        with open(os.path.join(folder, "filler"), "wb", buffering=0) as f:
            try:
                while f.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        status = 200
        for _ in range(200):  # what is left of the last block
            status, reply = a.api("PUT", "/v1/log", {"level": "info"})
            if status != 200:
                break
        tap.check("a full disk refuses changes", status == 507 and "nothing is changed that cannot be recorded" in reply["error"], str(reply))
        infer = {"inputs": [{"name": "rows", "datatype": "FP32", "shape": [1, 41], "data": [0.5] * 41}]}
        status, reply = a.api("POST", "/v2/models/lab/infer", infer)
        tap.check("and scores", status == 200, str(reply))
        tap.check("and answers questions", a.api("GET", "/v1/status")[0] == 200 and a.api("GET", "/v2/health/live")[0] == 200)
        os.unlink(os.path.join(folder, "filler"))
        tap.check("and takes changes again by itself", wait_for(lambda: a.api("PUT", "/v1/log", {"level": "info"})[0] == 200))
        done = verify(folder)
        tap.check("the log is whole", done.returncode == 0, done.stderr)
        a.stop()
    finally:
        a.stop()
        subprocess.run(["umount", folder])


def main():
    if os.geteuid():
        skip_all("needs root")
    tap = Tap()
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{frames.compile_lab_image()}"; }}']) as a:
        folder = os.path.join(a.dir, "store", "audit")
        shutil.copy(a.conf, a.conf + ".before")
        a.start()
        records(tap, a)
        reload(tap, a)
        shutil.copy(a.conf + ".before", a.conf)
        kill(tap, a, folder)
        bent(tap, a, folder)
        full(tap, a, folder)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
