// SPDX-License-Identifier: BSD-3-Clause
// Scales of 8-bit integers: of activations from the ranges that calibration saw, of weights from themselves.
#pragma once

#include "infer/compile/passes/quantised.h"
#include "infer/compile/ranges.h"

enum quantise_calibration {
	QUANTISE_MINMAX,     // all that was seen
	QUANTISE_PERCENTILE, // all but QUANTISE_TAIL of the values at either end
	QUANTISE_MSE,        // what has the least mean square error
	QUANTISE_CALIBRATIONS,
};
#define QUANTISE_TAIL 1e-4

struct quantise_options {
	enum quantise_calibration calibration;
	// Zero is 0 in int8, in uint8 where no value is below 0; else everything is uint8 with a zero point.
	bool symmetric;
	bool per_tensor;   // one scale for a layer's weights, not one for each of its columns
	bool power_of_two; // scales are 2^k: round(x * 2^-k)
	bool no_bias_correction;
	// Weights may be anything in -127 to 127. Without, they are kept so small that sums of four products fit in
	// 16 bits (qdense.h), which costs at most a bit and without which AVX2 is three times as slow.
	bool full_range;
	bool no_tables; // functions between layers stay in floats
};

// How a tensor is quantised whose range is known. The scale is normal and above 0.
struct quantum quantise_activation(
	const struct quantise_options *options, const struct range *range);

// How the columns of a tensor are quantised by themselves: x = (q - zeros[c]) * scales[c]. Where they are of very
// different sizes, as a model's features are, one scale for all would leave nothing of the small ones.
struct quantise_channels {
	enum dtype dtype;
	float *scales;  // [n]
	int32_t *zeros; // [n]
	uint32_t n;     // 0: one scale serves for all, or no more is known
};
// sizes [columns]: the largest weight that each is multiplied with. A column that is 0 in all rows gets the scale by
// which it may become as much as the largest of the others. -ENOMEM. Free with quantise_channels_fini().
int quantise_find_channels(const struct quantise_options *options, const struct range *range,
	const float *sizes, struct quantise_channels *channels, struct error *err);
void quantise_channels_fini(struct quantise_channels *channels); // a zeroed one is fine

// Weights as a matrix [k][n], of float32 and of int8.
struct quantise_matrix {
	const float *from;
	size_t step_k, step_n; // of `from`, from one to the next
	const float *factors;  // [k] by which they are multiplied: scales of columns of x; NULL: 1
	uint32_t k, n;
	uint32_t
		taps; // of a convolution: k is [channels][taps], which kernels may take in either order; else 1
	int8_t *to;    // [k][n]
	float *scales; // [n], all above 0
	// scales are at least these [n], by which a bias would not fit in 32 bits; NULL: any
	const float *least;
};
static inline double quantise_weight(const struct quantise_matrix *m, uint32_t k, uint32_t n)
{
	const double w = (double)m->from[k * m->step_k + n * m->step_n];

	return m->factors ? w * (double)m->factors[k] : w;
}
// Fills `to` and `scales`.
void quantise_weights(const struct quantise_options *options, const struct quantise_matrix *matrix);
