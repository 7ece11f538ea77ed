// SPDX-License-Identifier: BSD-3-Clause
// How far the rows that are served have moved from those that a model was made with: both are counted
// into the same bins, column by column, and the shares are compared by the population stability index.
// Pure functions, any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DRIFT_BINS         10u // quantiles of a column, where nothing else is said
#define DRIFT_BINS_MAX     64u // of a column, beside that of missing values
#define DRIFT_COLUMNS_MAX  32768u
#define DRIFT_ROWS_MAX     (UINT64_C(1) << 48)
#define DRIFT_BIN_ROWS     10u // of which a bin should hold as many for chance to be known: drift_psi()
#define DRIFT_PSI_MODERATE 0.1 // the usual reading of the index: below it, nothing has moved
#define DRIFT_PSI_LARGE    0.25

// The histograms of a model's features and, behind them, of its outputs. Bin b of a column holds what is
// above edges[b - 1] and at most edges[b]; the first and the last are open. A column's last count is
// that of missing values (NaN).
struct drift_reference {
	uint64_t n_rows;
	uint32_t n_columns;
	const uint32_t *first; // [n_columns + 1]: where each column's counts begin in `counts`
	const float
		*edges; // ascending; a column with n counts has n - 2 of them, one after another
	const uint64_t *counts; // [first[n_columns]]; those of one column sum to n_rows
};

// A column's counts, that of missing values included: 2 at least.
static inline uint32_t drift_n_counts(const struct drift_reference *reference, uint32_t column)
{
	return reference->first[column + 1] - reference->first[column];
}

static inline const float *drift_edges(const struct drift_reference *reference, uint32_t column)
{
	return reference->edges + reference->first[column] - 2 * column;
}

// The edges of all columns.
static inline uint32_t drift_n_edges(const struct drift_reference *reference)
{
	return reference->first[reference->n_columns] - 2 * reference->n_columns;
}

// Which of a column's counts `value` belongs to.
uint32_t drift_bin(const struct drift_reference *reference, uint32_t column, float value);

struct drift_psi {
	double psi;
	// What the index is without any drift, by the size of both samples and no more than chance:
	// its mean, and what it hardly ever exceeds (four standard deviations above). See drift_psi().
	double expected, limit;
	uint64_t n_reference, n_live;
	uint32_t n_bins; // with a count on either side
};

// The population stability index of two histograms of n_counts bins:
//
//	PSI = sum over bins of (q - p) * ln(q / p)
//
// p being a bin's share of the reference, q its share of what is live. It is the symmetric form of the
// Kullback-Leibler divergence (Jeffreys 1946); its use for scores is Siddiqi's, "Credit Risk
// Scorecards" (2006), with the reading of 0.1 and 0.25. Bins without any count on either side are left
// out. An empty bin on one side stands for half a count there, but for no more than the other side's
// share: so it never says more than the size of its sample allows.
//
// Without drift PSI is distributed as (1/n + 1/m) * chi square with bins - 1 degrees of freedom
// (Yurdakul, "Statistical Properties of Population Stability Index", 2018): hence its mean
// (bins - 1) * (1/n + 1/m) and standard deviation sqrt(2 * (bins - 1)) * (1/n + 1/m).
// That holds from about ten rows a bin on; with fewer, drift_read() gives no
// alarm. All zero where either side has no rows.
struct drift_psi drift_psi(const uint64_t *reference, const uint64_t *live, uint32_t n_counts);

enum drift_reading {
	DRIFT_NO_ROWS,  // nothing to compare
	DRIFT_FEW_ROWS, // above 0.1, but chance alone may do that with so few rows
	DRIFT_STABLE,
	DRIFT_MODERATE,
	DRIFT_LARGE,
};
enum drift_reading drift_read(const struct drift_psi *psi);
// "no rows", "too few rows", "stable", "moderate", "large".
const char *drift_reading_name(enum drift_reading reading);
