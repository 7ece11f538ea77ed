#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletctl model keygen, sign and verify; and both ways with the program minisign, where it is installed."""
import os
import pty
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, ROOT, Tap


def tool(*args):
    done = subprocess.run([MARTLETCTL, "model", *args], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          start_new_session=True)  # no terminal to ask
    return done.returncode, done.stdout + done.stderr


def write(path, text, mode=0o600):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def own(tap, at, image):
    code, said = tool("keygen", "--no-password", at("k.sec"), at("k.pub"))
    tap.check("keygen: makes a pair", code == 0 and "key " in said, said)
    modes = [os.stat(at(n)).st_mode & 0o777 for n in ("k.sec", "k.pub")]
    tap.check("keygen: whose secret is nobody else's", modes == [0o600, 0o644], str(modes))
    tap.check("keygen: writes over nothing", tool("keygen", "--no-password", at("k.sec"), at("new.pub"))[0] == 1
              and tool("keygen", "--no-password", at("new.sec"), at("k.pub"))[0] == 1 and not os.path.exists(at("new.sec")))
    code, said = tool("sign", image, "-k", at("k.sec"), "--version", "7")
    tap.check("sign: by a key without a password", code == 0 and "lab, number 7" in said, said)
    with open(image + ".minisig") as f:
        lines = f.read().split("\n")
    tap.check("sign: says what it signs", lines[2].startswith("trusted comment: timestamp:")
              and lines[2].endswith("\tfile:lab.mlt\thashed\tmodel:lab\tversion:7"), lines[2])
    tap.check("verify: is good", tool("verify", image, "-k", at("k.pub"))[0] == 0)
    with open(at("k.pub")) as f:
        line = f.read().split("\n")[1]
    tap.check("verify: by the key itself", tool("verify", image, "-k", line)[0] == 0)
    tap.check("verify: as the model's", tool("verify", image, "-k", line, "--name", "lab")[0] == 0)
    code, said = tool("verify", image, "-k", line, "--name", "other")
    tap.check("verify: not as another's", code == 1 and "image of model 'lab', not of 'other'" in said, said)
    tool("keygen", "--no-password", at("o.sec"), at("o.pub"))
    code, said = tool("verify", image, "-k", at("o.pub"))
    tap.check("verify: by another key", code == 1 and "is signed by key" in said, said)
    shutil.copy(image, at("changed.mlt"))
    shutil.copy(image + ".minisig", at("changed.mlt.minisig"))
    with open(at("changed.mlt"), "r+b") as f:
        f.seek(200)
        f.write(b"x")
    code, said = tool("verify", at("changed.mlt"), "-k", at("k.pub"))
    tap.check("verify: a changed image", code == 1 and "the signature does not fit" in said, said)
    code, said = tool("verify", at("k.pub"), "-k", at("k.pub"))
    tap.check("verify: without a signature", code == 1 and ".minisig" in said, said)
    os.chmod(at("k.sec"), 0o640)
    os.chown(at("k.sec"), -1, 1) if os.geteuid() == 0 else None
    code, said = tool("sign", image, "-k", at("k.sec"))
    tap.check("sign: a secret that others can read", code == 1 and "chmod 600" in said, said)
    os.chmod(at("k.sec"), 0o600)
    code, said = tool("sign", image, "-k", at("k.sec"))
    tap.check("sign: the time is the number, where none is given", code == 0 and int(said.split("number ")[1].split(",")[0]) > 1700000000, said)
    for what in (image, at("k.sec")):
        with open(what, "rb") as f:
            before = f.read()
        code, said = tool("sign", image, "-k", at("k.sec"), "-o", what)
        with open(what, "rb") as f:
            tap.check(f"sign: the signature does not take the place of {os.path.basename(what)}", code == 1 and "would be lost" in said and f.read() == before, said)
    code, said = tool("sign", image + "/" + "x" * 4090, "-k", at("k.sec"), "--name", "lab")
    tap.check("sign: a path that is too long is not cut", code == 1 and "too long for a path" in said, said)
    code, said = tool("sign", at("k.pub"), "-k", at("k.sec"))
    tap.check("sign: what is no image needs a name", code == 1 and "not a model image" in said, said)
    tool("encryption-key", "-o", at("image.key"))
    tool("encrypt", image, "--key", at("image.key"), "-o", at("lab.sealed"))
    code, said = tool("sign", at("lab.sealed"), "-k", at("k.sec"))
    tap.check("sign: what is encrypted needs a name", code == 1 and "is encrypted: name the model" in said and "--name" in said, said)
    code, said = tool("sign", at("lab.sealed"), "-k", at("k.sec"), "--name", "lab", "--version", "9")
    tap.check("sign: ... and has one", code == 0 and "lab, number 9" in said and tool("verify", at("lab.sealed"), "-k", at("k.pub"))[0] == 0, said)
    tap.check("sign: with a name anything is signed", tool("sign", at("k.pub"), "-k", at("k.sec"), "--name", "lab")[0] == 0)


def on_terminal(command, answers):
    """(exit status, all that the terminal showed)"""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(command[0], command)
    shown = b""
    for prompt, answer in answers:
        while prompt not in shown.split(b"\n")[-1]:
            try:
                got = os.read(fd, 4096)
            except OSError:
                got = b""
            if not got:
                break
            shown += got
        os.write(fd, answer + b"\n")
        shown += b"\n"
    try:
        while got := os.read(fd, 4096):
            shown += got
    except OSError:
        pass
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode(errors="replace")


def passwords(tap, at, image):
    password = write(at("password"), "correct horse\n")
    code, said = tool("keygen", at("p.sec"), at("p.pub"), "--password-file", password)
    tap.check("password: of a file", code == 0, said)
    tap.check("password: it opens the key", tool("sign", image, "-k", at("p.sec"), "--password-file", password)[0] == 0
              and tool("verify", image, "-k", at("p.pub"))[0] == 0)
    code, said = tool("sign", image, "-k", at("p.sec"), "--password-file", write(at("wrong"), "battery\n"))
    tap.check("password: another is refused", code == 1 and "the password is wrong" in said, said)
    code, said = tool("sign", image, "-k", at("p.sec"))
    tap.check("password: without a terminal", code == 1 and "give --password-file" in said, said)
    code, said = tool("sign", image, "-k", at("p.sec"), "--password-file", write(at("open"), "correct horse\n", 0o666))
    tap.check("password: a file that others can write", code == 1 and "others can write it" in said, said)
    code, shown = on_terminal([MARTLETCTL, "model", "sign", image, "-k", at("p.sec")], [(b"password of", b"correct horse")])
    tap.check("password: of a terminal, which does not show it", code == 0 and "correct horse" not in shown, shown)
    code, shown = on_terminal([MARTLETCTL, "model", "keygen", at("t.sec"), at("t.pub")], [(b"password of", b"one"), (b"the same again", b"two")])
    tap.check("password: a new one, twice the same", code == 1 and "not the same" in shown and not os.path.exists(at("t.sec")), shown)
    return password


def peer(tap, at, image, password):
    if not shutil.which("minisign"):
        tap.skip("minisign: both ways", "minisign is not installed")
        return
    run = lambda *args, say="": subprocess.run(["minisign", *args], capture_output=True, text=True, input=say)
    for name, say in (("k", ""), ("p", "correct horse\n")):
        locked = name == "p"
        what = "with a password" if locked else "without a password"
        tool("sign", image, "-k", at(name + ".sec"), "--version", "3", *(("--password-file", password) if locked else ()))
        done = run("-V", "-H", "-p", at(name + ".pub"), "-m", image)
        tap.check(f"minisign: verifies what martletctl signed, {what}", done.returncode == 0 and "version:3" in done.stdout, done.stdout + done.stderr)
        done = run("-S", "-s", at(name + ".sec"), "-m", image, "-x", at("peer.sig"), "-t", "model:lab version:4", say=say)
        code, said = tool("verify", image, "-k", at(name + ".pub"), "--signature", at("peer.sig"), "--name", "lab")
        tap.check(f"minisign: signs by martletctl's key, {what}", done.returncode == 0 and code == 0 and "number 4" in said, done.stderr + said)
    done = run("-G", "-W", "-p", at("m.pub"), "-s", at("m.sec"))
    code, said = tool("sign", image, "-k", at("m.sec"), "--version", "5")
    checked = run("-V", "-p", at("m.pub"), "-m", image)
    tap.check("minisign: its key signs here", done.returncode == 0 and code == 0 and checked.returncode == 0, said + checked.stderr)
    done = run("-G", "-p", at("q.pub"), "-s", at("q.sec"), say="correct horse\ncorrect horse\n")
    code, said = tool("sign", image, "-k", at("q.sec"), "--password-file", password)
    tap.check("minisign: its key with a password signs here", done.returncode == 0 and code == 0 and tool("verify", image, "-k", at("q.pub"))[0] == 0, said)
    run("-S", "-s", at("m.sec"), "-m", image, "-x", at("plain.sig"))
    code, said = tool("verify", image, "-k", at("m.pub"), "--signature", at("plain.sig"))
    tap.check("minisign: its own comment verifies, and says no version", code == 0 and "says no model and version" in said, said)
    done = run("-S", "-l", "-s", at("m.sec"), "-m", image, "-x", at("legacy.sig"))
    code, said = tool("verify", image, "-k", at("m.pub"), "--signature", at("legacy.sig"))
    tap.check("minisign: a legacy signature is refused", done.returncode == 0 and code == 1 and "legacy signature (Ed)" in said, said)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="martlet-sign-") as folder:
        at = lambda name: os.path.join(folder, name)
        image = at("lab.mlt")
        code, said = tool("compile", os.path.join(ROOT, "data", "lab.onnx"), "-o", image)
        tap.check("an image to sign", code == 0, said)
        own(tap, at, image)
        password = passwords(tap, at, image)
        peer(tap, at, image, password)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
