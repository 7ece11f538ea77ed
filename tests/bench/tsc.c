// SPDX-License-Identifier: BSD-3-Clause
#include "tests/bench/tsc.h"

#include <rte_cycles.h>
#include <time.h>

#define MEASURE_NS 50e6

double bench_tsc_hz(void)
{
	struct timespec begin, end;
	uint64_t tsc;
	double ns;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	tsc = rte_rdtsc();
	do {
		clock_gettime(CLOCK_MONOTONIC, &end);
		ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 +
			(double)(end.tv_nsec - begin.tv_nsec);
	} while (ns < MEASURE_NS);
	return (double)(rte_rdtsc() - tsc) / ns * 1e9;
}
