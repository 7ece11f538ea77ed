// SPDX-License-Identifier: BSD-3-Clause
// The scale of min-max and percentile is that of the range; MSE looks for the part of it with the least mean
// square error over the bins of the histogram, as Y. Choukroun et al., "Low-bit Quantization of Neural Networks
// for Efficient Inference", 2019, among others do.
#include "infer/compile/passes/quantise_scale.h"

#include "infer/kernels/quantise/qdense.h"

#include <math.h>
#include <stdlib.h>

#define SHRINK_STEPS 80 // parts of the range that are tried: from all of it down to a fifth
#define SHRINK_LEAST 0.2
#define SCALE_LEAST  1e-30 // below it squares vanish
#define WEIGHT_MAX   127.0
#define WORDS_ROUNDS 16 // a scale that grows by at least what is too much ends well before

static double quantise_power_of_two(double scale)
{
	int exponent;

	return frexp(scale, &exponent) == 0.5 ? scale : ldexp(1, exponent);
}

// --- Activations ---------------------------------------------------------------------------------

static struct quantum quantise_span(const struct quantise_options *options, double low, double high)
{
	struct quantum q = { .dtype = DTYPE_U8 };
	double scale;

	low = low < 0 ? low : 0; // 0 has a code: padding and what Relu cuts off
	high = high > 0 ? high : 0;
	if (options->symmetric && low < 0) {
		q.dtype = DTYPE_I8;
		scale = (high > -low ? high : -low) / 127;
	} else {
		scale = (high - low) / 255;
	}
	if (!(scale > SCALE_LEAST))
		scale = scale > 0 ? SCALE_LEAST : 1;
	if (options->power_of_two)
		scale = quantise_power_of_two(scale);
	q.scale = (float)scale;
	if (q.dtype == DTYPE_U8)
		q.zero = (int32_t)fmin(255, nearbyint(-low / (double)q.scale));
	return q;
}

static double quantise_error(const struct quantum *q, const struct range *range)
{
	const double wide = ((double)range->high - (double)range->low) / RANGE_BINS;
	const int32_t least = q->dtype == DTYPE_I8 ? -128 : 0;
	double error = 0;

	for (uint32_t b = 0; b < RANGE_BINS; b++) {
		const double x = (double)range->low + (b + 0.5) * wide;
		double code = nearbyint(x / (double)q->scale) + q->zero;

		if (range->bins[b] == 0)
			continue;
		code = code < least ? least : code > least + 255 ? least + 255 : code;
		code = x - (code - q->zero) * (double)q->scale;
		error += (double)range->bins[b] * code * code;
	}
	return error;
}

static struct quantum quantise_least_error(
	const struct quantise_options *options, const struct range *range)
{
	struct quantum best = quantise_span(options, (double)range->low, (double)range->high);
	double least = quantise_error(&best, range);

	for (uint32_t s = 1; s <= SHRINK_STEPS; s++) {
		const double part = 1 - (1 - SHRINK_LEAST) * s / SHRINK_STEPS;
		const struct quantum q = quantise_span(
			options, (double)range->low * part, (double)range->high * part);
		const double error = quantise_error(&q, range);

		if (error < least) {
			least = error;
			best = q;
		}
	}
	return best;
}

// Where so many values lie below, from either end.
static double quantise_tail(const struct range *range, bool from_above)
{
	const double wide = ((double)range->high - (double)range->low) / RANGE_BINS;
	const double wanted = QUANTISE_TAIL * (double)range->count;
	double seen = 0;
	uint32_t b = 0;

	for (; b + 1 < RANGE_BINS; b++) {
		seen += (double)range->bins[from_above ? RANGE_BINS - 1 - b : b];
		if (seen > wanted)
			break;
	}
	return from_above ? (double)range->high - b * wide : (double)range->low + b * wide;
}

struct quantum quantise_activation(
	const struct quantise_options *options, const struct range *range)
{
	if (range->count == 0)
		return quantise_span(options, 0, 0);
	if (options->calibration == QUANTISE_MSE && range->bins)
		return quantise_least_error(options, range);
	if (options->calibration == QUANTISE_PERCENTILE && range->bins)
		return quantise_span(
			options, quantise_tail(range, false), quantise_tail(range, true));
	return quantise_span(options, (double)range->low, (double)range->high);
}

#define CHANNELS_APART 4.0 // columns whose ranges differ by more have scales of their own

// Do the ranges of columns differ so much?
static bool quantise_is_uneven(const struct range *range)
{
	double least = INFINITY, most = 0;

	for (uint32_t c = 0; c < range->n_channels; c++) {
		const struct range *of = &range->channels[c];
		const double size = fmax(fabs((double)of->low), fabs((double)of->high));

		most = fmax(most, size);
		if (size > 0)
			least = fmin(least, size);
	}
	return most > CHANNELS_APART * least;
}

static bool quantise_is_zero(const struct range *range)
{
	return range->low == 0 && range->high == 0;
}

static void quantise_guess_zeros(const struct quantise_options *options, const struct range *range,
	const float *sizes, struct quantise_channels *channels)
{
	float most = 0;

	for (uint32_t c = 0; c < channels->n; c++) {
		if (!quantise_is_zero(&range->channels[c]))
			most = fmaxf(most, channels->scales[c] * sizes[c]);
	}
	for (uint32_t c = 0; c < channels->n; c++) {
		const double scale = (double)most / (double)sizes[c];

		if (quantise_is_zero(&range->channels[c]) && scale > SCALE_LEAST && scale < 1e30)
			channels->scales[c] =
				(float)(options->power_of_two ? quantise_power_of_two(scale)
							      : scale);
	}
}

int quantise_find_channels(const struct quantise_options *options, const struct range *range,
	const float *sizes, struct quantise_channels *channels, struct error *err)
{
	*channels = (struct quantise_channels){ .dtype = DTYPE_U8 };
	if (!range->channels || !quantise_is_uneven(range))
		return 0;
	channels->scales = malloc(range->n_channels * sizeof(*channels->scales));
	channels->zeros = malloc(range->n_channels * sizeof(*channels->zeros));
	if (!channels->scales || !channels->zeros) {
		quantise_channels_fini(channels);
		return error_set(err, -ENOMEM, "out of memory for scales");
	}
	channels->n = range->n_channels;
	for (uint32_t c = 0; c < channels->n && options->symmetric; c++) {
		if (range->channels[c].low < 0)
			channels->dtype = DTYPE_I8;
	}
	for (uint32_t c = 0; c < channels->n; c++) {
		const struct quantum q = quantise_activation(options, &range->channels[c]);

		channels->scales[c] = q.scale;
		channels->zeros[c] = q.zero;
		// Among signed ones a column without a sign has half of the codes.
		if (channels->dtype == DTYPE_I8 && q.dtype == DTYPE_U8)
			channels->scales[c] *= options->power_of_two ? 2 : 255.0f / 127;
	}
	quantise_guess_zeros(options, range, sizes, channels);
	return 0;
}

void quantise_channels_fini(struct quantise_channels *channels)
{
	free(channels->scales);
	free(channels->zeros);
	*channels = (struct quantise_channels){ 0 };
}

// --- Weights -------------------------------------------------------------------------------------

static double quantise_largest(const struct quantise_matrix *m, uint32_t n)
{
	double most = 0;

	for (uint32_t k = 0; k < m->k; k++)
		most = fmax(most, fabs(quantise_weight(m, k, n)));
	return most;
}

static double quantise_round(double weight, double scale)
{
	return fmax(-WEIGHT_MAX, fmin(WEIGHT_MAX, nearbyint(weight / scale)));
}

// The part of `scale` with the least mean square error of a column.
static double quantise_shrink(const struct quantise_matrix *m, uint32_t n, double scale)
{
	double best = scale, least = INFINITY;

	for (uint32_t s = 0; s <= SHRINK_STEPS; s++) {
		const double part = scale * (1 - (1 - SHRINK_LEAST) * s / SHRINK_STEPS);
		double error = 0;

		for (uint32_t k = 0; k < m->k; k++) {
			const double w = quantise_weight(m, k, n);
			const double off = w - part * quantise_round(w, part);

			error += off * off;
		}
		if (error < least) {
			least = error;
			best = part;
		}
	}
	return best;
}

// What four products of a column add up to at most, in the order of ONNX and channels last.
static int32_t quantise_load(const struct quantise_matrix *m, uint32_t n)
{
	int32_t most = qdense_words_load(m->to + n, m->k, m->n), other;
	int8_t eight[8];

	if (m->taps <= 1)
		return most;
	for (uint32_t first = 0; first < m->k; first += 8) {
		const uint32_t left = m->k - first, channels = m->k / m->taps;

		for (uint32_t i = 0; i < 8 && i < left; i++) {
			const uint32_t at = first + i;
			const uint32_t k = at % channels * m->taps + at / channels;

			eight[i] = m->to[(size_t)k * m->n + n];
		}
		other = qdense_words_load(eight, left < 8 ? left : 8, 1);
		most = other > most ? other : most;
	}
	return most;
}

static void quantise_column(const struct quantise_matrix *m, uint32_t n, double scale)
{
	m->scales[n] = (float)scale;
	for (uint32_t k = 0; k < m->k; k++)
		m->to[(size_t)k * m->n + n] =
			(int8_t)quantise_round(quantise_weight(m, k, n), (double)m->scales[n]);
}

static double quantise_scale_of(
	const struct quantise_options *options, const struct quantise_matrix *m, uint32_t n)
{
	double scale = quantise_largest(m, n) / WEIGHT_MAX;

	if (options->calibration == QUANTISE_MSE && scale > 0 && !options->per_tensor)
		scale = quantise_shrink(m, n, scale);
	if (m->least)
		scale = fmax(scale, (double)m->least[n]);
	return scale;
}

static double quantise_allowed(const struct quantise_options *options, double scale)
{
	if (!(scale > SCALE_LEAST))
		scale = scale > 0 ? SCALE_LEAST : 1;
	return options->power_of_two ? quantise_power_of_two(scale) : scale;
}

// Grows the scale of the columns from `first` on, until four products of each fit.
static void quantise_fit(const struct quantise_options *options, const struct quantise_matrix *m,
	uint32_t first, uint32_t end, double scale)
{
	for (uint32_t round = 0; round < WORDS_ROUNDS; round++) {
		int32_t most = 0;

		scale = quantise_allowed(options, scale);
		for (uint32_t n = first; n < end; n++) {
			int32_t load;

			quantise_column(m, n, scale);
			load = quantise_load(m, n);
			most = load > most ? load : most;
		}
		if (options->full_range || most <= QDENSE_WORDS_MAX)
			return;
		scale *= fmax(1.002, (double)most / QDENSE_WORDS_MAX);
	}
}

void quantise_weights(const struct quantise_options *options, const struct quantise_matrix *matrix)
{
	double scale = 0;

	for (uint32_t n = 0; n < matrix->n; n++) {
		const double of_column = quantise_scale_of(options, matrix, n);

		scale = fmax(scale, of_column);
		if (!options->per_tensor)
			quantise_fit(options, matrix, n, n + 1, of_column);
	}
	if (options->per_tensor)
		quantise_fit(options, matrix, 0, matrix->n, scale);
}
