// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/fair/meter.h"

#include <string.h>

// The shortest period in which tokens are added: a cycle more or less is no error then.
#define METER_PERIOD_CYCLES 10000.0

void meter_profile(
	struct rte_meter_srtcm_profile *profile, uint32_t a_second, uint32_t burst, uint64_t tsc_hz)
{
	double cycles; // until the next token

	memset(profile, 0, sizeof(*profile));
	if (!a_second)
		return;
	cycles = (double)tsc_hz / ((double)a_second * METER_UNIT);
	profile->cir_bytes_per_period =
		cycles < METER_PERIOD_CYCLES ? (uint64_t)(METER_PERIOD_CYCLES / cycles) + 1 : 1;
	profile->cir_period = (uint64_t)(cycles * (double)profile->cir_bytes_per_period + 0.5);
	profile->cbs = (uint64_t)(burst ? burst : 1) * METER_UNIT;
}
