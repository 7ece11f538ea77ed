// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a capture file: flows and their features come out, or one sentence. All of it
// finite.
#include "dataplane/flow/capture.h"
#include "dataplane/flow/features.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *context, const struct flow *flow, enum flow_end end)
{
	float features[FEATURE_COUNT];

	features_of(flow, features);
	for (int i = 0; i < FEATURE_COUNT; i++)
		if (!isfinite(features[i]))
			abort();
	*(uint64_t *)context += flow_packets(flow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t in_flows = 0;
	struct flow_table_options options = {
		FLOW_TABLE_DEFAULTS,
		.emit = check,
		.context = &in_flows,
	};
	struct capture_stats stats;
	struct error err = { .text = "" };
	FILE *file;

	if (!size)
		return 0;
	options.capacity = 4; // small, so that eviction is reached
	file = fmemopen((void *)(uintptr_t)data, size, "rb");
	if (!file)
		return 0;
	if (capture_read(file, "fuzz", &options, true, &stats, &err)) {
		if (!err.text[0])
			abort();
	} else if (in_flows != stats.verdicts[PACKET_OK]) {
		abort(); // each packet in exactly one flow
	}
	return 0;
}
