#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The command line of each program and of every command of martletctl. What it takes is read from --help; each
option and argument is then given wrongly, which must end with exit 2, one sentence and the usage. What is
written well but cannot be done must end with exit 1 and one sentence."""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import LOAD, MARTLETCTL, MARTLETD, Tap

# Options of which any text is good. All others must have a value below that is wrong.
FREE = {"--config", "--socket", "--device", "--rows", "--scores", "--classes", "--features", "--outputs", "--drop",
        "--shape", "--fix", "--key", "--keys", "--client", "--wire-key", "--reference", "--with", "--live", "--against", "--if-match",
        "--url", "--cacert", "--cert", "--udp", "--file", "--token-file", "--ca", "--client-cert", "--client-key",
        "--kind", "--normal", "--labels", "--group", "--weight", "--categories", "--checkpoint", "--onnx", "--positive", "--signer", "--password-file", "--signature", "--oms", "--certificate", "--ignore", "--report", "--session"}
FREE_OF = {"model quantise": {"--keep"}, "model train": {"--label", "--layers", "--units"}, "model windows": {"--label"}}  # and of one command alone
WRONG = {"--parse-memory": "0", "--parse-seconds": "0", "--limit": "0", "--differ": "1.5", "--mean": "-1", "--latency": "fast", "--alpha": "0", "--rows-min": "0",
         "--name": "a/b", "--version": "0", "--id": "65536", "--isa": "mmx", "--weights": "f8", "--label": "a,b",
         "--activity": "", "--idle-timeout": "0", "--active-timeout": "-1", "--flows": "0", "--queues": "17",
         "--rx-queues": "0", "--from": "10.0.0.256", "--to": "fd00::g", "--port": "0", "--source-port": "65535",
         "--peer-mac": "1:2", "--model": "0", "--model-version": "65536", "--columns": "1.5", "--rows-per-request": "x",
         "--dtype": "f64", "--scale": "0", "--zero": "256", "--pad": "-1", "--budget": "1e10", "--window": "0x1", "--stride": "0",
         "--rate": "nan", "--arrivals": "never", "--in-flight": "0", "--requests": "0", "--seconds": "inf",
         "--warmup": "-1", "--timeout-ms": "0", "--link-timeout-ms": "", "--expect": "0=file", "--tolerance": "-1",
         "--cpu": "1024", "--megabytes": "31", "--rows-format": "xls", "--trees": "0",
         "--thresholds": "up", "--bins": "1", "--threshold": "x", "--show": "-1", "--timeout": "0", "--mtu": "575", "--permille": "1001", "--if-revision": "0", "--latest": "0",
         "--student": "tree", "--rounds": "0", "--depth": "33", "--layers": "0", "--epochs": "x", "--batch": "0", "--learning-rate": "0",
         "--temperature": "0", "--drawn": "1", "--held": "0", "--max-rows": "0", "--seed": "-1", "--threads": "0", "--rows-memory": "0",
         "--validation": "1.5", "--activation": "swish", "--missing": "mode", "--loss": "l1", "--class-weights": "x", "--dropout": "1",
         "--patience": "0", "--weight-decay": "-1", "--clip": "-1", "--fpr": "1.5", "--samples": "1", "--cluster": "0",
         "--early-stopping": "-1", "--subsample": "0", "--colsample": "2", "--lambda": "-1", "--min-child-weight": "-1",
         "--as": "guess", "--cost-fp": "-1", "--cost-fn": "x", "--bootstrap": "100001", "--confidence": "0", "--method": "luck", "--sparsity": "1.5", "--max-f1-loss": "2", "--tile": "0", "--steps": "0", "--max-ns": "0", "--max-bytes": "0", "--fits": "l9",
         "--role": "root", "--expires": "soon", "--not-before": "2026-13-01", "--key-id": "0", "--models": "a//b", "--after": "1y", "--format": "xls", "--bits": "int4", "--calibration": "luck", "--tune": "x", "--calibrate-scores": "isotonic"}
FREE_OUTPUT = {"model compress", "model prune", "model quantise", "model windows", "model compile", "model train", "model reference", "flow features", "model distil", "audit export", "model encrypt", "model decrypt", "model encryption-key", "model sign"}  # of which -o takes any name; model run tells the format by it
GOOD = {"log": "info", "announce": "edge"}  # an argument that is good, where "1" is not
# A good command line of each that cannot be done: there is no such file, device or appliance.
REFUSED = {"martletd": "-c nothing.conf",
           "martlet-load": "--device net_nosuch0 --from 10.0.0.1 --to 10.0.0.2 --ping --no-huge",
           "status": "", "model list": "", "model show": "lab", "model promote": "lab 1", "model rollback": "lab",
           "model canary": "lab 1 --permille 5", "model shadow": "lab:1", "model pin": "lab 1", "model unpin": "lab 1", "model history": "lab", "model retention": "lab --latest 3", "model compare": "lab",
           "model unload": "lab", "model load": "lab", "model delete": "lab 1", "stats": "", "stats reset": "", "drops": "", "ports": "",
           "lcores": "", "latency": "", "model compile": "nothing.onnx -o out.mlt", "model train": "nothing.csv -o out.mlt", "model inspect": "nothing.mlt",
           "model windows": "nothing.csv --window 2 -o out.csv",
           "model bench": "nothing.mlt", "model eval": "nothing.mlt --rows rows.csv", "score": "lab nothing.csv", "model run": "nothing.mlt rows.csv -o out.csv", "model push": "nothing.mlt",
           "model reference": "nothing.mlt rows.csv -o out.mlt", "model drift": "lab", "model distil": "nothing.mlt --rows rows.csv -o out.mlt",
           "model prune": "nothing.mlt --rows rows.csv -o out.mlt", "model compress": "nothing.mlt --rows rows.csv -o out.mlt", "model quantise": "nothing.mlt --rows rows.csv -o out.mlt",
           "model replay": "rows.csv --with nothing.mlt --against other.mlt", "flow features": "nothing.pcap", "log": "", "announce": "", "drain": "--wait",
           "key generate": "gate -k nosuch/keys", "key list": "-k nosuch/keys", "key retire": "1 -k nosuch/keys",
           "token create": "a --role viewer --file nothing/tokens", "token list": "", "token revoke": "a --file nothing/tokens",
           "model keygen": "nothing/a nothing/b --no-password", "model sign": "nothing.mlt -k nosuch", "model verify": "nothing.mlt -k nosuch",
           "model encrypt": "nothing.mlt --key nosuch -o out.mlt", "model decrypt": "nothing.mlt --key nosuch -o out.mlt",
           "clients": "", "audit list": "", "audit export": "", "audit verify": "nothing",
           "config check": "nothing.conf", "config diff": "nothing.conf", "config apply": "nothing.conf", "doctor": "-c nothing.conf"}
NEVER_REFUSED = {"model operators", "model encryption-key"}


class CommandLine:
    def __init__(self, name, command):
        self.name, self.command = name, command
        done = self.run("--help")
        self.good = done.returncode == 0 and done.stdout.startswith("usage: ") and not done.stderr
        usage = done.stdout.split("\n\n")[0]
        # (letter or "", name, value or "") of each option, and the arguments' names
        self.options = re.findall(r"^  (?:-(\w), |    )(--[\w-]+) ?(\S*)  ", done.stdout, re.M)
        self.arguments = re.findall(r"^  ([A-Z]+)  ", done.stdout, re.M)
        self.many = re.search(r"^  [A-Z]+\.\.\.  ", done.stdout, re.M)  # as many arguments as one likes
        self.required = re.sub(r"\[[^]]*\]|\(.*?\)", "", usage).split(name, 1)[1].split()

    def run(self, *args):
        return subprocess.run([*self.command, *args], capture_output=True, text=True, timeout=60)


def list_commands():
    text = subprocess.run([MARTLETCTL, "--help"], capture_output=True, text=True).stdout
    return re.findall(r"^  ([a-z]+(?: [a-z-]+)?)  ", text, re.M)


def misused(tap, line, what, args, *words):
    done = line.run(*args)
    said = done.stderr.splitlines()
    tap.check(f"{line.name}: {what} is a wrong command line", done.returncode == 2 and not done.stdout and len(said) > 1
              and said[0].startswith(f"{line.name}: ") and said[1].startswith("usage: ") and all(w in said[0] for w in words),
              f"{args}: exit {done.returncode}: {done.stderr}")


def walk(tap, line, name):
    tap.check(f"{line.name}: --help is a usage and lists what there is", line.good and line.options
              and line.run("-h").stdout == line.run("--help").stdout)
    misused(tap, line, "an unknown option", ["--no-such-thing"], "--no-such-thing")
    misused(tap, line, "an unknown letter", ["-Z"], "-Z")
    if not line.many:
        misused(tap, line, "an argument too many", [GOOD.get(name, "1")] * (len(line.arguments) + 1), "one argument too many")
    if line.required:
        misused(tap, line, "nothing at all", [], "is missing")
    for letter, option, value in line.options:
        if option in ("--help", "--version") and not value:
            continue
        if len(option) > 5:
            misused(tap, line, f"{option} with a letter too many", [option + "z"], f"did you mean {option}?")
        if not value:
            misused(tap, line, f"{option} with a value", [option + "=1"], "takes no value")
            continue
        misused(tap, line, f"{option} without a value", [option], f"{option} needs a value")
        if letter:
            misused(tap, line, f"-{letter} without a value", ["-" + letter], f"-{letter} needs a value")
        if option in FREE or option in FREE_OF.get(name, ()) or option == "--output" and name in FREE_OUTPUT or option == "--columns" and name != "martlet-load":
            continue
        wrong = "out.txt" if option == "--output" else WRONG.get(option)
        if tap.check(f"{line.name}: {option} has a wrong value to try", wrong is not None):
            misused(tap, line, f"{option} '{wrong}'", [f"{option}={wrong}"])


def refused(tap, line, name, folder):
    env = {**os.environ, "MARTLET_SOCK": os.path.join(folder, "nobody.sock")}
    done = subprocess.run([*line.command, *REFUSED.get(name, "--no-line").split()], capture_output=True, text=True,
                          timeout=120, cwd=folder, env=env)
    said = done.stdout if name == "doctor" else done.stderr  # the doctor's answer is a list of findings
    tap.check(f"{line.name}: what cannot be done is refused", done.returncode == 1
              and (name == "doctor" or said.count("\n") == 1 and not done.stdout)
              and ("nothing" in said or "nosuch" in said or "nobody.sock" in said), f"{done.returncode}: {said}")
    tap.check(f"{line.name}: and nothing is written", os.listdir(folder) == [], str(os.listdir(folder)))


def main():
    tap = Tap()
    commands = list_commands()
    lines = [("martletd", CommandLine("martletd", [MARTLETD])), ("martlet-load", CommandLine("martlet-load", [LOAD]))]
    lines += [(name, CommandLine(f"martletctl {name}", [MARTLETCTL, *name.split()])) for name in commands]
    tap.check("every command is among those tried", len(commands) > 10 and {name for name, _ in lines} == set(REFUSED) | NEVER_REFUSED)
    with tempfile.TemporaryDirectory(prefix="martlet-lines-") as folder:
        for name, line in lines:
            walk(tap, line, name)
            if name not in NEVER_REFUSED:
                refused(tap, line, name, folder)
    for program in (MARTLETD, LOAD, MARTLETCTL):
        done = subprocess.run([program, "--version"], capture_output=True, text=True)
        tap.check(f"{os.path.basename(program)} --version", done.returncode == 0
                  and re.fullmatch(os.path.basename(program) + r" \S+\n", done.stdout), done.stdout)
    for args in ([], ["modle", "push"], ["model"], ["model", "psuh"], ["nothing"], ["-s"]):
        done = subprocess.run([MARTLETCTL, *args], capture_output=True, text=True)
        tap.check(f"martletctl {' '.join(args)}: no command", done.returncode == 2 and not done.stdout
                  and done.stderr.startswith("martletctl: "), done.stderr)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
