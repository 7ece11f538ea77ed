// SPDX-License-Identifier: BSD-3-Clause
// Times as files of keys and tokens have them: UTC, "2026-11-29T16:00:00Z", or "-" where there is none. Any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define UTC_BYTES       24           // of a time as text, with the NUL
#define UTC_SECONDS_MAX 253402300799 // the last second of the year 9999

// Seconds since 1970; 0 is none.
void utc_text(int64_t at, char text[UTC_BYTES]);
// False where it is neither a time after 1970 nor "-", or is written in another way than utc_text() writes it.
bool utc_parse(const char *text, int64_t *at);
// How long, as people write it: "45s", "30m", "12h", "90d", at most six digits. False: it is no such thing.
bool utc_span_parse(const char *text, int64_t *seconds);
