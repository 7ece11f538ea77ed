#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes boosted trees that split categories, as LightGBM does, and for each ensemble its twin over indicator columns: the
same trees, in which "feature is one of these categories" has become "that column is 1". Both score their rows alike.

usage: make_categories.py OUT     OUT/NAME.txt and OUT/NAME.f32 (rows), for each name of NAMES

Standard library only: LightGBM's model files are text.
"""
import os
import random
import struct
import sys

ROWS, TREES, LEAVES = 1024, 100, 31
NUMBERS, FEATURES, CATEGORIES, SETS = 20, 12, 32, 16  # columns of numbers; categorical features, and sets of each
# What the categorical splits ask for: one category, or one of several.
ENSEMBLES = {"one": 1, "sets": CATEGORIES // 2}
NAMES = [f"{kind}_{ensemble}" for ensemble in ENSEMBLES for kind in ("category", "indicator")]


def drawn_sets(rng, size):
    return [[frozenset(rng.sample(range(CATEGORIES), size)) for _ in range(SETS)] for _ in range(FEATURES)]


class Tree:
    """Grown by splitting any leaf. A split is (column of numbers, threshold) or (categorical feature, set's number)."""

    def __init__(self, rng):
        self.splits, self.left, self.right = [], [], []
        places = [None]  # of each leaf: (children's list, branch)
        for leaf in range(1, LEAVES):
            at, branch = rng.randrange(leaf), len(self.splits)
            if places[at]:
                places[at][0][places[at][1]] = branch
            self.splits.append((rng.random() < 0.5, rng.randrange(NUMBERS), rng.gauss(0, 0.7),
                                rng.randrange(FEATURES), rng.randrange(SETS)))
            self.left.append(~at)
            self.right.append(~leaf)
            places[at] = (self.left, branch)
            places.append((self.right, branch))
        self.leaves = [rng.gauss(0, 0.1) for _ in range(LEAVES)]

    def lines(self, number, sets, category):
        feature, threshold, decision, bits = [], [], [], []
        for is_set, column, at, f, s in self.splits:
            if not is_set:
                feature.append(column)
                threshold.append(repr(at))
                decision.append(2)
            elif category:
                feature.append(NUMBERS + f)
                threshold.append(str(len(bits)))
                decision.append(1)
                bits.append(sum(1 << c for c in sets[f][s]))
            else:  # what is in the set goes left: 1 > 0.5 goes right, so the children change places
                feature.append(NUMBERS + f * SETS + s)
                threshold.append("0.5")
                decision.append(2)
        swapped = [is_set and not category for is_set, *_ in self.splits]
        left = [r if swap else l for l, r, swap in zip(self.left, self.right, swapped)]
        right = [l if swap else r for l, r, swap in zip(self.left, self.right, swapped)]
        line = lambda name, values: f"{name}={' '.join(map(str, values))}"
        cats = [line("cat_boundaries", range(len(bits) + 1)), line("cat_threshold", bits)] if bits else []
        return [f"Tree={number}", f"num_leaves={LEAVES}", f"num_cat={len(bits)}", line("split_feature", feature),
                line("threshold", threshold), line("decision_type", decision), line("left_child", left),
                line("right_child", right), line("leaf_value", map(repr, self.leaves)), *cats, "is_linear=0",
                "shrinkage=1", "", ""]


def model(trees, sets, category):
    columns = NUMBERS + (FEATURES if category else FEATURES * SETS)
    head = ["tree", "version=v4", "num_class=1", "num_tree_per_iteration=1", "label_index=0",
            f"max_feature_idx={columns - 1}", "objective=binary sigmoid:1",
            "feature_names=" + " ".join(f"f{c}" for c in range(columns)), ""]
    return "\n".join(head + [l for i, t in enumerate(trees) for l in t.lines(i, sets, category)] + ["end of trees", ""])


def main(out):
    os.makedirs(out, exist_ok=True)
    for ensemble, size in ENSEMBLES.items():
        rng = random.Random(7)
        sets = drawn_sets(rng, size)
        trees = [Tree(rng) for _ in range(TREES)]
        numbers = [[rng.gauss(0, 1) for _ in range(NUMBERS)] for _ in range(ROWS)]
        categories = [[rng.randrange(CATEGORIES) for _ in range(FEATURES)] for _ in range(ROWS)]
        for kind in ("category", "indicator"):
            with open(f"{out}/{kind}_{ensemble}.txt", "w") as f:
                f.write(model(trees, sets, kind == "category"))
            with open(f"{out}/{kind}_{ensemble}.f32", "wb") as f:
                for row, codes in zip(numbers, categories):
                    if kind == "indicator":
                        codes = [c in s for c, of in zip(codes, sets) for s in of]
                    f.write(struct.pack(f"<{len(row) + len(codes)}f", *row, *codes))


if __name__ == "__main__":
    main(sys.argv[1])
