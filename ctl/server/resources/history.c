// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/history.h"

#include "base/clock.h"
#include "ctl/server/models.h"

#include <stdlib.h>
#include <string.h>

#define SAMPLES (HISTORY_SECONDS + 1)

struct history {
	const struct dataplane *dp;
	uint32_t last; // of samples
	struct history_sample samples[SAMPLES];
	struct slot_info slots[MODELS_MAX];
	bool is_marked;
	struct history_mark mark;
};

struct history *history_create(const struct dataplane *dp)
{
	struct history *history = calloc(1, sizeof(*history));

	if (history)
		history->dp = dp;
	return history;
}

void history_destroy(struct history *history)
{
	if (!history)
		return;
	for (uint32_t i = 0; i < SAMPLES; i++)
		free(history->samples[i].models);
	free(history);
}

static void history_take_ports(const struct dataplane *dp, struct history_sample *sample)
{
	for (uint32_t i = 0; i < dataplane_n_ports(dp); i++) {
		struct port_traffic traffic;

		dataplane_port_traffic(dp, i, &traffic);
		sample->ports[i] = (struct history_port){ traffic.rx_packets, traffic.rx_bytes,
			traffic.tx_packets, traffic.tx_bytes, traffic.drops };
	}
}

// Without memory the sample has no models, and the next one may have them again.
static void history_take_models(struct history *history, struct history_sample *sample)
{
	uint32_t n = dataplane_slots(history->dp, history->slots, MODELS_MAX);

	n = n < MODELS_MAX ? n : MODELS_MAX;
	free(sample->models);
	sample->models = n ? calloc(n, sizeof(*sample->models)) : NULL;
	sample->n_models = sample->models ? n : 0;
	for (uint32_t i = 0; i < sample->n_models; i++) {
		const struct slot_info *slot = &history->slots[i];
		struct history_model *model = &sample->models[i];

		*model = (struct history_model){ slot->id, slot->requests, slot->rows, 0 };
		for (int k = 0; k < WIRE_STATUS_COUNT; k++)
			model->refused += slot->refused[k];
	}
}

void history_tick(struct history *history)
{
	const uint64_t last = history->samples[history->last].ns, ns = clock_ns();
	struct history_sample *sample;

	if (last && ns - last < CLOCK_SECOND_NS)
		return;
	if (last)
		history->last = (history->last + 1) % SAMPLES;
	sample = &history->samples[history->last];
	sample->ns = ns;
	dataplane_counters(history->dp, &sample->sum);
	history_take_ports(history->dp, sample);
	history_take_models(history, sample);
}

bool history_span(const struct history *history, uint32_t seconds,
	const struct history_sample **from, const struct history_sample **to)
{
	*from = *to = &history->samples[history->last];
	for (uint32_t i = 1; i < SAMPLES; i++) {
		const struct history_sample *older =
			&history->samples[(history->last + SAMPLES - i) % SAMPLES];

		// A sample comes up to a tick late.
		if (!older->ns || (*to)->ns - older->ns >= (seconds + 1) * CLOCK_SECOND_NS)
			break;
		*from = older;
	}
	return *from != *to;
}

void history_set_mark(struct history *history, uint32_t uid, const char *by)
{
	struct history_mark *mark = &history->mark;

	clock_gettime(CLOCK_REALTIME, &mark->when);
	mark->uid = uid;
	snprintf(mark->by, sizeof(mark->by), "%s", by);
	memset(&mark->sum, 0, sizeof(mark->sum));
	for (uint32_t i = 0; i < dataplane_n_lcores(history->dp); i++) {
		struct lcore_info info;
		uint64_t *sum = (uint64_t *)&mark->sum;

		dataplane_lcore(history->dp, i, &info);
		mark->lcores[i] = info.counters;
		for (size_t k = 0; k < sizeof(mark->sum) / sizeof(*sum); k++)
			sum[k] += ((const uint64_t *)&info.counters)[k];
	}
	history->is_marked = true;
}

const struct history_mark *history_mark(const struct history *history)
{
	return history->is_marked ? &history->mark : NULL;
}

void history_since(struct dataplane_counters *now, const struct dataplane_counters *before)
{
	uint64_t *to = (uint64_t *)now;
	const uint64_t *from = (const uint64_t *)before;

	for (size_t i = 0; i < sizeof(*now) / sizeof(uint64_t); i++)
		to[i] -= from[i];
}
