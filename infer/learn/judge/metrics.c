// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/judge/metrics.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

static double weight_of(const double *weights, size_t i)
{
	return weights ? weights[i] : 1;
}

static double share(double part, double whole)
{
	return whole == 0 ? 0 : part / whole;
}

static void class_figures(struct metrics_class *class)
{
	class->precision = share(class->hits, class->predicted);
	class->recall = share(class->hits, class->truth);
	class->f1 = share(2 * class->precision * class->recall, class->precision + class->recall);
}

static void means_add(struct metrics_means *means, const struct metrics_class *class, double weight)
{
	means->precision += weight * class->precision;
	means->recall += weight * class->recall;
	means->f1 += weight * class->f1;
}

static void means_divide(struct metrics_means *means, double by)
{
	means->precision /= by;
	means->recall /= by;
	means->f1 /= by;
}

struct metrics_decided metrics_decide(const int32_t *truth, const int32_t *predicted,
	const double *weights, size_t n, struct metrics_class *classes, uint32_t n_classes)
{
	struct metrics_decided decided = { 0 };
	double hits = 0, all = 0;

	memset(classes, 0, n_classes * sizeof(*classes));
	for (size_t i = 0; i < n; i++) {
		const double weight = weight_of(weights, i);

		classes[truth[i]].truth += weight;
		classes[predicted[i]].predicted += weight;
		if (truth[i] == predicted[i])
			classes[truth[i]].hits += weight;
	}
	for (uint32_t c = 0; c < n_classes; c++) {
		class_figures(&classes[c]);
		hits += classes[c].hits;
		all += classes[c].truth;
		if (classes[c].truth == 0 && classes[c].predicted == 0)
			continue;
		decided.n_classes++;
		means_add(&decided.macro, &classes[c], 1);
		means_add(&decided.weighted, &classes[c], classes[c].truth);
	}
	decided.accuracy = hits / all;
	means_divide(&decided.macro, decided.n_classes);
	means_divide(&decided.weighted, all);
	return decided;
}

void metrics_confuse(const int32_t *truth, const int32_t *predicted, const double *weights,
	size_t n, double *cells, uint32_t n_classes)
{
	memset(cells, 0, (size_t)n_classes * n_classes * sizeof(*cells));
	for (size_t i = 0; i < n; i++)
		cells[(size_t)truth[i] * n_classes + (size_t)predicted[i]] += weight_of(weights, i);
}

double metrics_mean(const double *values, const double *weights, size_t n)
{
	double sum = 0, all = 0;

	for (size_t i = 0; i < n; i++) {
		const double weight = weight_of(weights, i);

		sum += weight * values[i];
		all += weight;
	}
	return sum / all;
}

// As scikit-learn clips, so that the logarithm is finite.
static double clipped(double probability)
{
	return probability < DBL_EPSILON        ? DBL_EPSILON
		: probability > 1 - DBL_EPSILON ? 1 - DBL_EPSILON
						: probability;
}

double metrics_log_loss(const float *probabilities, uint32_t n_columns, int32_t truth)
{
	double sum = 0;

	if (n_columns == 1) {
		const double one = clipped(probabilities[0]);

		return -log(truth == 1 ? one : 1 - one);
	}
	for (uint32_t c = 0; c < n_columns; c++)
		sum += clipped(probabilities[c]);
	return -log(clipped(probabilities[truth]) / sum);
}

double metrics_brier(const float *probabilities, uint32_t n_columns, int32_t truth)
{
	double sum = 0;

	for (uint32_t c = 0; c < n_columns; c++) {
		const bool it = n_columns == 1 ? truth == 1 : truth == (int32_t)c;
		const double apart = (double)it - (double)probabilities[c];

		sum += apart * apart;
	}
	return sum;
}

double metrics_calibrate(const double *confidence, const uint8_t *right, const double *weights,
	size_t n, struct metrics_bin *bins, uint32_t n_bins)
{
	double all = 0, error = 0, edges[METRICS_BINS_MAX];

	for (uint32_t b = 0; b < n_bins; b++) {
		bins[b] = (struct metrics_bin){ 0 };
		edges[b] = b * (1.0 / n_bins); // as numpy.linspace() rounds them
	}
	for (size_t i = 0; i < n; i++) {
		const double weight = weight_of(weights, i);
		uint32_t b = 0;

		while (b + 1 < n_bins && edges[b + 1] < confidence[i])
			b++;
		bins[b].weight += weight;
		bins[b].confidence += weight * confidence[i];
		bins[b].right += weight * right[i];
	}
	for (uint32_t b = 0; b < n_bins; b++) {
		all += bins[b].weight;
		bins[b].confidence = share(bins[b].confidence, bins[b].weight);
		bins[b].right = share(bins[b].right, bins[b].weight);
		error += bins[b].weight * fabs(bins[b].right - bins[b].confidence);
	}
	return error / all;
}

struct metrics_regression metrics_regress(
	const float *truth, const float *predicted, const double *weights, size_t n)
{
	struct metrics_regression figures = { 0 };
	double all = 0, mean = 0, wrong = 0, spread = 0;
	size_t first = n;
	bool same = true, several = false;

	for (size_t i = 0; i < n; i++) {
		const double weight = weight_of(weights, i);
		const double apart = (double)truth[i] - (double)predicted[i];

		if (weight == 0)
			continue;
		several = several || first != n;
		first = first == n ? i : first;
		same = same && truth[i] == truth[first];
		all += weight;
		mean += weight * truth[i];
		figures.mae += weight * fabs(apart);
		wrong += weight * apart * apart;
	}
	mean /= all;
	for (size_t i = 0; i < n; i++)
		spread += weight_of(weights, i) * (truth[i] - mean) * (truth[i] - mean);
	figures.mae /= all;
	figures.rmse = sqrt(wrong / all);
	if (!several)
		figures.r2 = NAN;
	else if (same)
		figures.r2 = wrong == 0 ? 1 : 0;
	else
		figures.r2 = 1 - wrong / spread;
	return figures;
}
