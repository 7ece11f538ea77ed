// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/fair/pressure.h"

#define WINDOW_US     500
#define PATIENCE_MS   100  // a window ends with a batch, or after so long without any
#define CONTEND_MS    1000 // after the last request of another client
#define BUSY_MOST     0.90 // of the time: the part is lowered
#define BUSY_LEAST    0.80 // ... and raised again
#define SCORING_LEAST 0.25 // of the time: were less scored, little would be won
#define STRETCH_MOST  (PRESSURE_ONE * 1024u)

void pressure_init(struct pressure *pressure, uint64_t tsc_hz)
{
	*pressure = (struct pressure){
		.window_cycles = tsc_hz / 1000000 * WINDOW_US,
		.patience_cycles = tsc_hz / 1000 * PATIENCE_MS,
		.contended_cycles = tsc_hz / 1000 * CONTEND_MS,
	};
}

static void pressure_begin(struct pressure *pressure, uint64_t now, uint64_t busy, uint64_t scoring)
{
	pressure->begin = now;
	pressure->busy = busy;
	pressure->scoring = scoring;
}

void pressure_look(
	struct pressure *pressure, uint64_t now, uint64_t busy, uint64_t scoring, uint32_t n)
{
	const double span = (double)(now - pressure->begin) * (n ? n : 1);
	const double part = (double)(busy - pressure->busy) / span;
	const double scored = (double)(scoring - pressure->scoring) / span;

	// Of a batch that is still being scored nothing is known yet.
	if (busy == pressure->busy && now - pressure->begin < pressure->patience_cycles)
		return;
	pressure_begin(pressure, now, busy, scoring);
	if (now > pressure->contended_until) {
		pressure->stretch = 0;
	} else if (part > BUSY_MOST) {
		if (scored < SCORING_LEAST || pressure->stretch >= STRETCH_MOST)
			return;
		pressure->stretch =
			pressure->stretch ? pressure->stretch * 5 / 4 : 2 * PRESSURE_ONE;
	} else if (part < BUSY_LEAST && pressure->stretch) {
		pressure->stretch -= pressure->stretch / 20;
		if (pressure->stretch <= PRESSURE_ONE)
			pressure->stretch = 0;
	}
}
