#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletctl model train: dense networks and autoencoders of the lab's rows, the same bits by any number of threads and after an
interruption, and what is refused."""
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, ROOT, Tap

TRAIN = os.path.join(ROOT, "data", "lab-train.csv")
TEST = os.path.join(ROOT, "data", "lab-test.csv")
LAB = ("--label", "label", "--drop", "activity")


def tool(*args):
    return subprocess.run([MARTLETCTL, *args], capture_output=True, text=True)


def train(rows, image, *args):
    return tool("model", "train", rows, "-o", image, *args)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def scores(image, folder, rows=TEST):
    out = os.path.join(folder, "scores.csv")
    done = tool("model", "run", image, rows, "-o", out, "--exact", "--drop", "activity,label")
    if done.returncode:
        return done.stderr, []
    with open(out) as f:
        lines = list(csv.reader(f))
    return lines[0], [[float(x) for x in line] for line in lines[1:]]


def labels():
    with open(TEST) as f:
        return [line["label"] for line in csv.DictReader(f)]


def dense(tap, folder):
    image = os.path.join(folder, "net.mlt")
    done = train(TRAIN, image, *LAB, "--epochs", "40", "--threads", "2")
    tap.check("dense: trained on the lab's rows", done.returncode == 0, done.stderr)
    names, rows = scores(image, folder)
    right = sum((row[0] > row[1]) == (label == names[0].split("[")[1][:-1]) for row, label in zip(rows, labels()))
    tap.check("dense: decides as the labels say", len(rows) > 1000 and right >= 0.985 * len(rows), f"{right} of {len(rows)}")
    for options in (("--threads", "1"), ("--threads", "5")):
        other = os.path.join(folder, "other.mlt")
        train(TRAIN, other, *LAB, "--epochs", "40", "--name", "net", *options)
        tap.check(f"dense: the same bits with {options[1]} threads", read(other) == read(image))
    inspected = tool("model", "inspect", image).stdout
    tap.check("dense: the image says how it was trained", "train with --kind dense --seed 1" in inspected, inspected)
    done = tool("--json", "model", "train", TRAIN, "-o", image, *LAB, "--loss", "sigmoid", "--layers", "8", "--epochs", "3",
                "--class-weights", "balanced", "--dropout", "0.1", "--weight-decay", "0.01", "--activation", "tanh", "--clip", "1")
    said = json.loads(done.stdout) if done.returncode == 0 else {}
    tap.check("dense: a sigmoid of one output, in JSON", said.get("class_labels") == ["attack", "benign"] and
              len(said["outputs"]) == 1 and said["rows"] > 2000, done.stderr)
    tap.check("dense: the size that is told is the file's", said.get("image_bytes") == os.path.getsize(image), str(said.get("image_bytes")))


def anomaly(tap, folder):
    image = os.path.join(folder, "odd.mlt")
    done = train(TRAIN, image, *LAB, "--kind", "autoencoder", "--normal", "benign", "--epochs", "60", "--fpr", "0.02")
    tap.check("autoencoder: trained on benign rows", done.returncode == 0 and "of 128 validation rows" in done.stdout, done.stderr)
    names, rows = scores(image, folder)
    attack = [row[0] > 1 for row, label in zip(rows, labels()) if label == "attack"]
    benign = [row[0] > 1 for row, label in zip(rows, labels()) if label != "attack"]
    tap.check("autoencoder: attacks score above 1, benign rows seldom", names == ["anomaly_score"] and
              sum(attack) > 0.4 * len(attack) and sum(benign) < 0.1 * len(benign), f"{sum(attack)} of {len(attack)}, {sum(benign)} of {len(benign)}")


def as_onnx(tap, folder):
    """What is written as ONNX passes onnx's checker and scores, read again, the same bits."""
    import onnx
    image, file, again = (os.path.join(folder, name) for name in ("as.mlt", "as.onnx", "again.mlt"))
    for kind in (("dense", "--activation", "gelu"), ("autoencoder",), ("kitsune",), ("isolation-forest", "--trees", "20"),
                 ("boosted", "--rounds", "5")):
        epochs = () if kind[0] in ("isolation-forest", "boosted") else ("--epochs", "2")
        done = train(TRAIN, image, *LAB, "--kind", *kind, "--onnx", file, *epochs)
        if not tap.check(f"onnx: {kind[0]} is written", done.returncode == 0, done.stderr):
            continue
        try:
            onnx.checker.check_model(onnx.load(file), full_check=True)
            error = None
        except Exception as e:  # whichever of onnx's errors it is
            error = e
        tap.check(f"onnx: {kind[0]} passes the checker", error is None, str(error))
        done = tool("model", "compile", file, "-o", again, "--rows", TRAIN, "--drop", "activity,label")
        tap.check(f"onnx: {kind[0]} scores the same read again", done.returncode == 0 and
                  scores(image, folder)[1] == scores(again, folder)[1], done.stderr)


def categories_as_onnx(tap, folder):
    """Categories, which a network sees as columns of 0 and 1, are numbers in ONNX."""
    import onnx
    rows, image, file = (os.path.join(folder, name) for name in ("cat.csv", "cat.mlt", "cat.onnx"))
    with open(rows, "w") as f:
        f.write("proto,size,label\n" + "".join(f"{('tcp', 'udp', 'icmp')[i % 3]},{i % 7},{'xy'[i % 3 == 0]}\n" for i in range(120)))
    done = train(rows, image, "--onnx", file, "--epochs", "3")
    tap.check("onnx: categories are written", done.returncode == 0, done.stderr)
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    tap.check("onnx: categories, by their operators", {"Equal", "Cast"} <= {node.op_type for node in model.graph.node})


def wait_for(path, process):
    end = time.time() + 60
    while not os.path.exists(path) and process.poll() is None and time.time() < end:
        time.sleep(0.01)


def interrupted(tap, folder, what, *how):
    how = (*LAB, "--name", "net", *how)
    whole, image, kept = (os.path.join(folder, name) for name in ("whole.mlt", "resumed.mlt", "ckpt"))
    train(TRAIN, whole, *how)
    for name, number, code in (("SIGINT", signal.SIGINT, 130), ("SIGKILL", signal.SIGKILL, -9)):
        command = [MARTLETCTL, "model", "train", TRAIN, "-o", image, *how, "--checkpoint", kept]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        wait_for(kept, process)
        process.send_signal(number)
        said = process.communicate()[1]
        tap.check(f"{what}, {name}: ends it, the checkpoint is there and no image", process.returncode == code and os.path.exists(kept) and
                  not os.path.exists(image) and sorted(os.listdir(folder)).count("ckpt") == 1, f"{process.returncode}: {said}")
        again = subprocess.run(command, capture_output=True, text=True)
        tap.check(f"{what}, {name}: the checkpoint is not overwritten", again.returncode == 1 and "--resume goes on from it" in again.stderr)
        other = subprocess.run([*command, "--resume", "--class-weights", "balanced"], capture_output=True, text=True)
        tap.check(f"{what}, {name}: nor gone on from with other options", other.returncode == 1 and "other options" in other.stderr,
                  other.stderr)
        done = subprocess.run([*command, "--resume"], capture_output=True, text=True)
        tap.check(f"{what}, {name}: resumed, the same bits as without it", done.returncode == 0 and read(image) == read(whole) and
                  not os.path.exists(kept), done.stderr)
        os.unlink(image)


def ended(tap, folder):
    """Interrupted where the work looks for no signal: while rows are read that do not come, and while a big forest is made ready."""
    image = os.path.join(folder, "forest.mlt")
    before = sorted(os.listdir(folder))
    forest = (TRAIN, *LAB, "--kind", "isolation-forest", "--trees", "20000")
    for name, number, delay, args in (("SIGINT", signal.SIGINT, 1, ("-",)), ("SIGTERM", signal.SIGTERM, 1, ("-",)),
                                      ("SIGINT", signal.SIGINT, 0.5, forest), ("SIGTERM", signal.SIGTERM, 4, forest),
                                      ("SIGINT", signal.SIGINT, 8, forest)):
        process = subprocess.Popen([MARTLETCTL, "model", "train", *args, "-o", image], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        time.sleep(delay)
        process.send_signal(number)
        process.wait(timeout=300)
        said = process.communicate()[1]
        left = sorted(set(os.listdir(folder)) - set(before))
        # A fast machine may be done.
        tap.check(f"{name} after {delay} s of {os.path.basename(args[0])}: it ends, and nothing is half-written",
                  process.returncode in (130, -number) and not left or process.returncode == 0 and left == ["forest.mlt"], f"{process.returncode} {left} {said}")
        if left:
            os.unlink(image)


def refused(tap, folder):
    image = os.path.join(folder, "no.mlt")

    def rows(name, text):
        path = os.path.join(folder, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    one = rows("one.csv", "a,b,label\n1,2,x\n2,3,x\n3,4,x\n")
    missing = rows("missing.csv", "a,b,label\n1,2,x\n2,,y\n3,4,x\n4,5,y\n")
    infinite = rows("infinite.csv", "a,b,label\n1,2,x\n2,inf,y\n3,4,x\n4,5,y\n")
    three = rows("three.csv", "a,b,label\n" + "".join(f"{i},{i % 5},{'xyz'[i % 3]}\n" for i in range(60)))
    same = rows("same.csv", "a,b,label\n" + "".join(f"1,2,{'xy'[i % 2]}\n" for i in range(60)))
    huge = rows("huge.csv", "a,b,label\n" + "".join(f"{i % 21 - 10},{i % 5},{3e38 if i % 21 > 10 else -3e38}\n" for i in range(210)))
    many = rows("many.csv", "a,label\n" + "".join(f"{i},l{i % 5000}\n" for i in range(10000)))
    cases = (
        ("features that are the same", (same,), "all 2 features are the same"),
        ("targets beyond a float", (huge, "--regression"), "are too large"),
        ("more classes than trees tell apart", (many, "--kind", "boosted"), "kind boosted tells at most 4096 apart"),
        ("one class", (one,), "all rows have the label"),
        ("a missing value", (missing, "--validation", "0"), "missing.csv"),
        ("an infinite value", (infinite, "--validation", "0"), "infinite.csv"),
        ("three classes for a sigmoid", (three, "--loss", "sigmoid"), "tells two classes apart"),
        ("widths that are none", (three, "--layers", "8,x"), "should be widths"),
        ("no such kind", (three, "--kind", "dens"), "did you mean dense?"),
        ("no such normal class", (three, "--kind", "autoencoder", "--normal", "w"), "no row is of class 'w'"),
        ("no label", (three, "--label", "lable"), "lable"),
        ("an ONNX file that is the image", (three, "--onnx", image), "and is the image, too"),
        ("a checkpoint that is the image", (three, "--checkpoint", image), "and is the image, too"),
        ("checkpoints of a forest", (three, "--kind", "isolation-forest", "--checkpoint", image + ".c"), "--checkpoint is an option of dense,"),
        ("threads of a forest", (three, "--kind", "isolation-forest", "--threads", "2"), "isolation-forest has no use of it"),
        ("weights of classes of numbers", (three, "--regression", "--class-weights", "balanced"), "--class-weights is for classes: --regression learns numbers"),
        ("groups of labels that nobody looks at", (three, "--kind", "kitsune", "--group", "a=b"), "--group is for classes: labels are not looked at without --normal"),
        ("an activation of no layer", (three, "--layers", "none", "--activation", "tanh"), "--activation is for hidden layers: --layers says none"),
        ("nothing to resume", (three, "--resume", "--checkpoint", image + ".c"), "there is no such checkpoint"),
        ("an option of a forest", (three, "--trees", "5"), "--trees is an option of isolation-forest: dense has no use of it"),
        ("an option of networks", (three, "--kind", "boosted", "--epochs", "3"),
         "--epochs is an option of dense, gru, lstm, autoencoder or kitsune: boosted has no use of it"),
        ("an option of windows", (three, "--kind", "autoencoder", "--window", "2"), "--window is an option of gru or lstm: autoencoder"),
        ("a rate that diverges", (three, "--learning-rate", "1000", "--layers", "64,64,64"), "training diverges in epoch"),
    )
    for name, args, sentence in cases:
        done = train(args[0], image, *args[1:])
        tap.check(f"refused: {name}", done.returncode in (1, 2) and sentence in done.stderr and not os.path.exists(image),
                  f"{done.returncode} {done.stderr}")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        dense(tap, folder)
        anomaly(tap, folder)
        as_onnx(tap, folder)
        categories_as_onnx(tap, folder)
        interrupted(tap, folder, "dense", "--epochs", "100", "--patience", "100", "--batch", "50", "--dropout", "0.1")
        interrupted(tap, folder, "boosted", "--kind", "boosted", "--rounds", "600", "--subsample", "0.8", "--colsample", "0.7")
        ended(tap, folder)
        refused(tap, folder)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
