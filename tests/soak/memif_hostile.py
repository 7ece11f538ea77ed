#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""tests/smoke/memif_hostile.py for ten minutes: against the build with sanitisers where it is there (`make asan`).
usage: memif_hostile.py [SECONDS]      (600)"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "smoke"))
from appliance import BUILD, ROOT

SMOKE = os.path.join(os.path.dirname(HERE), "smoke", "memif_hostile.py")

if __name__ == "__main__":
    if os.path.exists(f"{BUILD}/asan/martletd"):
        os.environ.update(MARTLET_ASAN="1", ASAN_OPTIONS="detect_leaks=1:quarantine_size_mb=16",
                          UBSAN_OPTIONS="print_stacktrace=1",
                          LSAN_OPTIONS=f"suppressions={ROOT}/tests/lsan.supp:print_suppressions=0")
    os.execv(sys.executable, [sys.executable, SMOKE, sys.argv[1] if len(sys.argv) > 1 else "600"])
