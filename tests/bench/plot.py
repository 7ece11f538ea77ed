#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Draws build/bench.json: ns a row of every model at each batch size, ours beside the peers', on a logarithmic scale.

usage: plot.py build/bench.json docs/figures.svg [WHERE IT WAS TAKEN]     standard library only
"""
import html
import json
import math
import sys

BATCHES = ("1", "16", "64", "256")
COLOURS = {"Martlet": "#1f5fa8", "OpenBLAS": "#b9b9b9", "XGBoost": "#b9b9b9", "nested ifs": "#dcdcdc", "oneDNN": "#cfd8c0"}
BAR, GAP, LEFT, WIDTH, TOP = 11, 10, 190, 860, 62


def series(result):
    """[(model, batch, [(who, ns)])]"""
    rows = []
    for part, peer, key in (("models", "OpenBLAS", "openblas_ns_per_row"), ("trees", "XGBoost", "xgboost_ns_per_row"),
                            ("networks", None, None)):
        for name, figures in result.get(part, {}).items():
            if not isinstance(figures, dict) or "1" not in figures:
                continue
            for b in BATCHES:
                bars = [("Martlet", figures[b]["ns_per_row"]["median"])]
                for who, figure in ((peer, key), ("oneDNN", "onednn_ns_per_row")):
                    if figure in figures[b]:
                        bars.append((who, figures[b][figure]["median"]))
                if "ifs_ns_per_row" in figures and b == "1":
                    bars.append(("nested ifs", figures["ifs_ns_per_row"]["median"]))
                rows.append((name, b, bars))
    return rows


def main(source, target, where=""):
    with open(source) as f:
        rows = series(json.load(f))
    low = min(ns for _, _, bars in rows for _, ns in bars)
    high = max(ns for _, _, bars in rows for _, ns in bars)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    scale = (WIDTH - LEFT - 90) / (last - first)
    out, y, model = [], TOP, None
    for name, batch, bars in rows:
        y += GAP if name != model else 3
        if name != model:
            out.append(f'<text x="8" y="{y + BAR}" font-weight="bold">{html.escape(name)}</text>')
        model = name
        out.append(f'<text x="{LEFT - 8}" y="{y + BAR}" text-anchor="end">{batch}</text>')
        for who, ns in bars:
            length = (math.log10(ns) - first) * scale
            out.append(f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 1}" fill="{COLOURS[who]}"/>'
                       f'<text x="{LEFT + length + 4:.1f}" y="{y + BAR - 2}" fill="#444">{who} {ns:,.0f}</text>')
            y += BAR
    height = y + 20
    grid = "".join(f'<line x1="{LEFT + (d - first) * scale:.1f}" x2="{LEFT + (d - first) * scale:.1f}" y1="{TOP - 4}" y2="{height - 16}" stroke="#eee"/>'
                   f'<text x="{LEFT + (d - first) * scale:.1f}" y="{TOP - 8}" text-anchor="middle" fill="#888">{10 ** d:,} ns</text>'
                   for d in range(first, last + 1))
    with open(target, "w") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="10">'
                f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
                f'<text x="8" y="18" font-size="14" font-weight="bold">ns a row, by batch size (logarithmic; shorter is better)</text>'
                f'<text x="8" y="34" fill="#666">{html.escape(where)}</text>{grid}{"".join(out)}</svg>\n')


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:4])
