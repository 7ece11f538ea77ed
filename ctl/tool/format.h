// SPDX-License-Identifier: BSD-3-Clause
// Numbers as people read them, units included. Returned by value: `format_ns(x).s` lives until the
// end of the expression.
#pragma once

#include <stdint.h>

struct text {
	char s[40];
};

struct text format_count(uint64_t n);             // 1,234,567
struct text format_bytes(uint64_t bytes);         // 17 B, 3.2 KiB, 1.5 GiB
struct text format_ns(double ns);                 // 350 ns, 12.3 µs, 4.56 ms, 7.00 s
struct text format_duration(uint64_t seconds);    // 42 s, 3 min 12 s, 5 h 2 min, 3 d 4 h
struct text format_share(double share);           // 0..1: 37.5 %
struct text format_rate_mbps(uint64_t mbps);      // 25 Gb/s, 100 Mb/s; 0: unknown
struct text format_sha256_short(const char *hex); // first 12 digits
