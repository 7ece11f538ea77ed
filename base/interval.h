// SPDX-License-Identifier: BSD-3-Clause
// Intervals of confidence that hold at all times at once: however often one looks, and whenever one stops. What
// a running comparison is judged by, and what a replay of rows says. Pure functions, any thread.
#pragma once

#include <stdint.h>

// An interval of confidence: with probability 1 - alpha the truth lies in all that are ever looked at.
struct interval {
	double low, high;
};

// Of a share, of which `hits` of `n` were seen. The beta-binomial mixture: Robbins, "Statistical methods related
// to the law of the iterated logarithm", Ann. Math. Statist. 41 (1970); Howard, Ramdas, McAuliffe and Sekhon,
// "Time-uniform, nonparametric, nonasymptotic confidence sequences", Ann. Statist. 49 (2021), section 3. With a
// uniform prior, M(p) = B(hits + 1, n - hits + 1) / (p^hits (1 - p)^(n - hits)) is a martingale of mean 1 where
// p is the truth, so that it ever reaches 1 / alpha has a probability of at most alpha (Ville). The interval is
// all p where it has not.
struct interval interval_share(uint64_t hits, uint64_t n, double alpha);

// Of a mean, from the sum and the sum of squares of `n` values that need no bound: Waudby-Smith, Arbour, Sinha,
// Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", Ann. Statist. 52
// (2024), theorem 2.2, tightest at 1000 values. It holds in the limit of many: nothing is said of fewer than 30
// values, of which it is all numbers.
struct interval interval_mean(uint64_t n, double sum, double sum_of_squares, double alpha);
