// SPDX-License-Identifier: BSD-3-Clause
// How fast the TSC counts, for benches in which EAL, which would know, is not running.
#pragma once

// Cycles a second, measured against CLOCK_MONOTONIC for 50 ms.
double bench_tsc_hz(void);
