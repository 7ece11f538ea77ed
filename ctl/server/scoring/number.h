// SPDX-License-Identifier: BSD-3-Clause
// Floats to decimal digits and back, for text that holds thousands of them. Any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBER_TEXT_BYTES 32

// The float nearest to digits * 10^exponent, as strtof() has it. False where this is not known without
// more work than this does: then ask strtof().
bool number_to_float(uint64_t digits, int32_t exponent, float *value);

// Reads a number of JSON that is written as most are: up to 7 digits before the point, up to 23 behind it, of
// which 64 bits hold what they say, and an exponent of up to two digits. Its float is that of strtof().
// Returns where it ends, at text[NUMBER_READ_BYTES - 1] at the farthest: so many bytes must be there, whatever
// they are. NULL where it is anything else, or not known without more work: it is not told whether it is
// a number then.
#define NUMBER_READ_BYTES 64
const char *number_read(const char *text, float *value);

// A finite float as "%.9g" writes it, but that the ninth digit may be one beside: digits that give the same
// float back. Returns how many bytes they are; there is no zero byte behind them.
size_t number_from_float(float value, char text[NUMBER_TEXT_BYTES]);
