// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/scoring/drift.h"

#include "base/clock.h"
#include "dataplane/drift.h"
#include "infer/infer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// Of one version. `edges` are a copy of its reference's: another image under the same number begins anew.
struct drift_version {
	uint16_t id, version;
	uint32_t n_counts, n_edges;
	float *edges;
	uint64_t counted_at; // the slice of the last row
	uint64_t slice_at[DRIFT_SLICES];
	uint32_t *counts; // [DRIFT_SLICES][n_counts]
};

struct drift {
	uint32_t sample;
	uint64_t slice_ns;
	pthread_mutex_t lock; // over all below
	uint64_t passed_over; // rows since the last sample
	uint32_t n_versions;
	struct drift_version versions[DRIFT_VERSIONS_MAX];
};

struct drift *drift_create(const struct config_drift *config)
{
	struct drift *drift = calloc(1, sizeof(*drift));

	if (!drift)
		return NULL;
	drift->sample = config->sample;
	drift->slice_ns = config->window_seconds * UINT64_C(1000000000) / DRIFT_SLICES;
	pthread_mutex_init(&drift->lock, NULL);
	return drift;
}

static void drift_version_fini(struct drift_version *version)
{
	free(version->edges);
	free(version->counts);
	*version = (struct drift_version){ 0 };
}

void drift_destroy(struct drift *drift)
{
	if (!drift)
		return;
	for (uint32_t v = 0; v < drift->n_versions; v++)
		drift_version_fini(&drift->versions[v]);
	pthread_mutex_destroy(&drift->lock);
	free(drift);
}

// Slices are numbered from 1.
static uint64_t drift_now(const struct drift *drift)
{
	return clock_ns() / drift->slice_ns + 1;
}

static bool drift_version_fits(
	const struct drift_version *version, const struct drift_reference *reference)
{
	return version->counts && version->n_counts == reference->first[reference->n_columns] &&
		version->n_edges == drift_n_edges(reference) &&
		memcmp(version->edges, reference->edges,
			version->n_edges * sizeof(*version->edges)) == 0;
}

static struct drift_version *drift_find(struct drift *drift, uint16_t id, uint16_t version)
{
	for (uint32_t v = 0; v < drift->n_versions; v++)
		if (drift->versions[v].id == id && drift->versions[v].version == version)
			return &drift->versions[v];
	return NULL;
}

// A place for another version: that of the one counted longest ago where there is no other.
static struct drift_version *drift_take_place(struct drift *drift)
{
	struct drift_version *oldest = &drift->versions[0];

	if (drift->n_versions < DRIFT_VERSIONS_MAX)
		return &drift->versions[drift->n_versions++];
	for (uint32_t v = 1; v < DRIFT_VERSIONS_MAX; v++)
		if (drift->versions[v].counted_at < oldest->counted_at)
			oldest = &drift->versions[v];
	return oldest;
}

// NULL: no memory.
static struct drift_version *drift_get(
	struct drift *drift, uint16_t id, uint16_t number, const struct drift_reference *reference)
{
	struct drift_version *version = drift_find(drift, id, number);

	if (version && drift_version_fits(version, reference))
		return version;
	if (!version)
		version = drift_take_place(drift);
	drift_version_fini(version);
	version->id = id;
	version->version = number;
	version->n_counts = reference->first[reference->n_columns];
	version->n_edges = drift_n_edges(reference);
	version->counts = calloc(DRIFT_SLICES, version->n_counts * sizeof(*version->counts));
	version->edges = malloc(version->n_edges * sizeof(*version->edges) + 1);
	if (!version->counts || !version->edges) {
		free(version->counts);
		version->counts = NULL;
		return NULL;
	}
	memcpy(version->edges, reference->edges, version->n_edges * sizeof(*version->edges));
	return version;
}

static uint32_t *drift_slice(struct drift *drift, struct drift_version *version)
{
	const uint64_t now = drift_now(drift);
	uint32_t *counts = version->counts + now % DRIFT_SLICES * (size_t)version->n_counts;

	if (version->slice_at[now % DRIFT_SLICES] != now)
		memset(counts, 0, version->n_counts * sizeof(*counts));
	version->slice_at[now % DRIFT_SLICES] = now;
	version->counted_at = now;
	return counts;
}

static void drift_add(void *context, uint16_t id, uint16_t number, const struct model *model,
	const uint32_t *counted)
{
	struct drift *drift = context;
	struct drift_version *version;
	uint32_t *counts;

	pthread_mutex_lock(&drift->lock);
	version = drift_get(drift, id, number, model_info(model)->reference);
	counts = version ? drift_slice(drift, version) : NULL;
	for (uint32_t c = 0; counts && c < version->n_counts; c++)
		counts[c] +=
			counted[c] < UINT32_MAX - counts[c] ? counted[c] : UINT32_MAX - counts[c];
	pthread_mutex_unlock(&drift->lock);
}

void drift_gather(struct drift *drift, struct dataplane *dp)
{
	struct error err;

	// Without memory it is tried again: what is counted by then is not lost.
	dataplane_drift(dp, drift->sample, drift_add, drift, &err);
}

static void drift_count_row(const struct drift_reference *reference, uint32_t *counts,
	const float *row, const float *scores, uint32_t n_features)
{
	for (uint32_t c = 0; c < reference->n_columns; c++) {
		const float value = c < n_features ? row[c] : scores[c - n_features];
		uint32_t *count = &counts[reference->first[c] + drift_bin(reference, c, value)];

		*count += *count < UINT32_MAX;
	}
}

void drift_count(struct drift *drift, const struct deployment_hold *held, const float *rows,
	const float *scores, uint32_t n)
{
	const struct model_info *info = model_info(held->model);
	const struct drift_reference *reference = info->reference;
	struct drift_version *version;
	uint32_t *counts;

	if (!reference || drift->sample == 0)
		return;
	pthread_mutex_lock(&drift->lock);
	if (drift->passed_over + n < drift->sample) {
		drift->passed_over += n;
		pthread_mutex_unlock(&drift->lock);
		return;
	}
	version = drift_get(drift, held->id, held->version, reference);
	counts = version ? drift_slice(drift, version) : NULL;
	for (uint64_t row = drift->sample - drift->passed_over - 1; row < n; row += drift->sample) {
		if (counts)
			drift_count_row(reference, counts, rows + row * info->n_features,
				scores + row * info->n_outputs, info->n_features);
	}
	drift->passed_over = (drift->passed_over + n) % drift->sample;
	pthread_mutex_unlock(&drift->lock);
}

// The window's counts of a column.
static void drift_sum(const struct drift *drift, const struct drift_version *version,
	uint32_t first, uint32_t n, uint64_t *sum)
{
	const uint64_t now = drift_now(drift);

	memset(sum, 0, n * sizeof(*sum));
	for (uint32_t s = 0; version && s < DRIFT_SLICES; s++) {
		if (version->slice_at[s] + DRIFT_SLICES <= now)
			continue;
		for (uint32_t b = 0; b < n; b++)
			sum[b] += version->counts[s * (size_t)version->n_counts + first + b];
	}
}

struct drift_view *drift_look(
	struct drift *drift, uint16_t id, uint16_t number, const struct model *model)
{
	const struct drift_reference *reference = model_info(model)->reference;
	uint64_t sum[DRIFT_BINS_MAX + 1];
	const struct drift_version *version;
	struct drift_view *view;

	if (!reference)
		return NULL;
	view = calloc(1, sizeof(*view) + reference->n_columns * sizeof(view->columns[0]));
	if (!view)
		return NULL;
	view->n_columns = reference->n_columns;
	view->n_reference = reference->n_rows;
	pthread_mutex_lock(&drift->lock);
	version = drift_find(drift, id, number);
	if (version && !drift_version_fits(version, reference))
		version = NULL;
	for (uint32_t c = 0; c < reference->n_columns; c++) {
		const uint32_t first = reference->first[c], n = drift_n_counts(reference, c);

		drift_sum(drift, version, first, n, sum);
		view->columns[c] = drift_psi(reference->counts + first, sum, n);
		view->n_live = view->columns[c].n_live;
	}
	pthread_mutex_unlock(&drift->lock);
	return view;
}
