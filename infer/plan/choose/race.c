// SPDX-License-Identifier: BSD-3-Clause
#include "infer/plan/choose/race.h"

#include "infer/plan/plan.h"

#define ROUNDS       9
#define ROUNDS_FEW   3
#define HOPELESS     1.3      // times the best: ROUNDS_FEW samples
#define SLOW_CALL_NS 200000.0 // from here on, too

static void sample(struct racer *racer, uint32_t rows, double sample_ns)
{
	double spent;

	for (;; racer->calls *= 2) {
		double start = plan_now_ns();

		for (uint32_t c = 0; c < racer->calls; c++)
			racer->call(racer->context, rows);
		spent = plan_now_ns() - start;
		if (spent >= sample_ns)
			break;
	}
	spent *= (racer->handicap > 0 ? racer->handicap : 1) / racer->calls;
	racer->ns = spent < racer->ns ? spent : racer->ns;
}

uint32_t race(struct racer *racers, uint32_t count, uint32_t rows, double sample_ns)
{
	uint32_t best = 0;

	for (uint32_t i = 0; i < count; i++) {
		racers[i].ns = 1e300;
		racers[i].calls = 1;
	}
	for (uint32_t round = 0; round < ROUNDS && count > 1; round++) {
		for (uint32_t i = 0; i < count; i++) {
			struct racer *racer = &racers[i];

			if (round >= ROUNDS_FEW &&
				(racer->ns > HOPELESS * racers[best].ns ||
					racer->ns > SLOW_CALL_NS))
				continue;
			sample(racer, rows, sample_ns);
			best = racer->ns < racers[best].ns ? i : best;
		}
	}
	return best;
}
