#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Completion in bash: commands, options, words of options, models and versions, of the tool as it is and of a server
of our own. And tables as wide as the terminal, at 40, 80 and 200 columns and where there is none."""
import fcntl
import http.server
import json
import os
import pty
import shutil
import socketserver
import struct
import subprocess
import sys
import tempfile
import termios
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, ROOT, Tap

SCRIPT = os.path.join(ROOT, "ctl/tool/martletctl.bash")


def model(name, *versions, reason=""):
    return {"name": name, "id": 7, "live": versions[0], "previous": None, "state": "READY", "reason": reason, "requests": 5,
            "rows": 9, "not_finite": 0,
            "versions": [{"version": v, "bytes": 10, "sha256": "ab", "state": "stored"} for v in versions]}


MODELS = {"models": [model("lab", 3, 11, 12), model("lab-activity", 4), model("tärn" * 8, *range(100, 140))]}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "-"

    def log_message(self, *args):
        pass

    def do_GET(self):
        text = json.dumps(MODELS if self.path == "/v1/models" else {"error": "no such thing"}).encode()
        self.send_response(200 if self.path == "/v1/models" else 404)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def complete(sock, *words):
    """What bash offers for the last of the words, the line being completed at its end."""
    text = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _martletctl; printf "%s\\n" "${COMPREPLY[@]}"'
    path = os.path.dirname(MARTLETCTL) + ":" + os.environ["PATH"]
    done = subprocess.run(["bash", "-c", text, "bash", SCRIPT, "martletctl", *words], capture_output=True, text=True,
                          timeout=60, env={**os.environ, "PATH": path, "MARTLET_SOCK": sock})
    assert done.returncode == 0 and not done.stderr, done.stderr
    return sorted(done.stdout.split())


def commands():
    lines = subprocess.run([MARTLETCTL, "--help"], capture_output=True, text=True).stdout.split("\n")
    return [tuple(line[2:].split("  ")[0].split()) for line in lines if line.startswith("  ") and line[2:3].islower()]


def offers(tap, sock, nobody, here):
    known = commands()
    tap.check("the tool names its commands", ("model", "compile") in known and ("status",) in known, str(known))
    want = sorted({c[0] for c in known} | {"--json", "--help", "--version"})
    tap.check("the first word: each command", complete(sock, "") == want, f"{complete(sock, '')} {want}")
    tap.check("the beginning of it", complete(sock, "stat") == sorted(w for w in want if w.startswith("stat")))
    for noun in sorted({c[0] for c in known if len(c) > 1}):
        want = sorted(c[1] for c in known if len(c) > 1 and c[0] == noun)
        tap.check(f"the second word of {noun}", complete(sock, noun, "") == want, str(complete(sock, noun, "")))
    tap.check("a level of the log", complete(sock, "log", "") == ["debug", "error", "info", "warning"], str(complete(sock, "log", "")))
    for command in known:
        lines = subprocess.run([MARTLETCTL, *command, "--help"], capture_output=True, text=True).stdout.split("\n")
        want = sorted({w.rstrip(",") for line in lines if line.startswith("  ") for w in line.split()[:2] if w.startswith("--")})
        got = complete(sock, *command, "--")
        tap.check(f"options of {' '.join(command)}", got == want, f"{got} {want}")
    for option, words in (("--isa", "amx avx2 avx512 avx512vnni native scalar"), ("--weights", "bf16 f32"),
                          ("--trees", "all best"), ("--thresholds", "floor nearest source")):
        got = complete(sock, "model", "compile", "a.onnx", option, "")
        tap.check(f"words of {option}", got == words.split(), str(got))
    names = sorted(m["name"] for m in MODELS["models"])
    for verb in ("show", "promote", "canary", "shadow", "pin", "unpin", "rollback", "history", "unload", "load", "delete"):
        tap.check(f"models of model {verb}", complete(sock, "model", verb, "") == names, str(complete(sock, "model", verb, "")))
        tap.check(f"the beginning of one, {verb}", complete(sock, "model", verb, "lab-") == ["lab-activity"])
    for verb in ("show", "promote", "canary", "shadow", "pin", "unpin", "delete"):
        got = complete(sock, "model", verb, "lab", "")
        tap.check(f"versions of model {verb}", got == ["11", "12", "3"], str(got))
        tap.check(f"and the beginning of one, {verb}", complete(sock, "model", verb, "lab", "1") == ["11", "12"])
    tap.check("what takes no version is offered none", complete(sock, "model", "rollback", "lab", "1") == [])
    tap.check("behind options of the tool", complete(nobody, "-s", sock, "--json", "model", "promote", "lab", "1") == ["11", "12"])
    tap.check("commands behind them, too", complete(nobody, "--json", "model", "roll") == ["rollback"])
    tap.check("versions are that model's alone", complete(sock, "model", "promote", "lab-activity", "") == ["4"])
    # Where nobody answers, file names are offered, as they are for files.
    open(os.path.join(here, "net.onnx"), "w").close()
    got = complete(nobody, "model", "compile", os.path.join(here, "n"))
    tap.check("files", got == [os.path.join(here, "net.onnx")], str(got))
    tap.check("no appliance: nothing breaks", complete(nobody, "model", "show", "zzz") == [])


def at_width(sock, columns):
    """What `model list` writes to a terminal of so many columns."""
    primary, secondary = pty.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    done = subprocess.Popen([MARTLETCTL, "-s", sock, "model", "list"], stdout=secondary, stderr=subprocess.PIPE)
    os.close(secondary)
    text = b""
    while True:
        try:
            got = os.read(primary, 4096)
        except OSError:
            break
        if not got:
            break
        text += got
    os.close(primary)
    done.wait(60)
    return text.decode().replace("\r\n", "\n").rstrip("\n").split("\n")


def widths(tap, sock):
    whole = subprocess.run([MARTLETCTL, "-s", sock, "model", "list"], capture_output=True, text=True).stdout
    lines = whole.rstrip("\n").split("\n")
    longest = max(map(len, lines))
    tap.check("no terminal: nothing is cut", longest > 200 and "139" in whole and "…" not in whole, str(longest))
    for columns in (40, 80, 200):
        cut = at_width(sock, columns)
        tap.check(f"{columns} columns: no line is longer", max(map(len, cut)) == columns, str([len(c) for c in cut]))
        want = [l if len(l) <= columns else l[:columns - 1] + "…" for l in lines]
        tap.check(f"{columns} columns: what is cut says so", cut == want, f"{cut} {want}")
    tap.check("wide enough: nothing is cut", at_width(sock, longest) == lines)
    tap.check("a terminal of no width is none", at_width(sock, 0) == lines)


def main():
    tap = Tap()
    if not shutil.which("bash"):
        print("1..0 # SKIP no bash")
        return
    with tempfile.TemporaryDirectory() as here:
        sock = os.path.join(here, "api.sock")
        server = Server(sock, Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        offers(tap, sock, os.path.join(here, "nobody.sock"), here)
        widths(tap, sock)
        server.shutdown()
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
