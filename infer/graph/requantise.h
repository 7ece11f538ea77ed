// SPDX-License-Identifier: BSD-3-Clause
// How a float becomes an integer of 8 bits again: what QDense's and QConv's plain forms and kernels
// share. Pure functions, any thread.
#pragma once

#include <math.h>
#include <stdint.h>

// roundeven(min(max(value, low - zero), high - zero)) + zero, where max(v, l) is v > l ? v : l and
// min(v, h) is v < h ? v : h, so that NaN becomes low.
static inline int32_t requantise(float value, int32_t zero, int32_t low, int32_t high)
{
	const float least = (float)(low - zero), most = (float)(high - zero);

	value = value > least ? value : least;
	value = value < most ? value : most;
	return (int32_t)nearbyintf(value) + zero;
}
