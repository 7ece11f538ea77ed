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

// A finite float as "%.9g" writes it, but that the ninth digit may be one beside: digits that give the same
// float back. Returns how many bytes they are; there is no zero byte behind them.
size_t number_from_float(float value, char text[NUMBER_TEXT_BYTES]);
