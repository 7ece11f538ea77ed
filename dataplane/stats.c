// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/stats.h"

#include "dataplane/state.h"

#include <rte_cycles.h>
#include <rte_mempool.h>
#include <string.h>

_Static_assert(sizeof(struct dataplane_counters) % sizeof(uint64_t) == 0, "summed word by word");

const char *lcore_role_name(enum lcore_role role)
{
	static const char *const NAMES[] = {
		[LCORE_IO] = "io",
		[LCORE_WORKER] = "worker",
		[LCORE_COMPLETE] = "run-to-completion",
	};

	return (unsigned)role < sizeof(NAMES) / sizeof(NAMES[0]) ? NAMES[role] : "unknown";
}

static uint64_t stats_total_cycles(const struct lcore *lcore)
{
	uint64_t start = atomic_load_explicit(&lcore->start_tsc, memory_order_relaxed);

	return start ? rte_rdtsc() - start : 0;
}

// The lcore may be counting meanwhile: each word is read once and whole.
static void stats_add(struct dataplane_counters *sum, const struct lcore *lcore)
{
	const uint64_t *from = (const uint64_t *)&lcore->counters;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	sum->total_cycles += stats_total_cycles(lcore);
}

uint32_t dataplane_n_lcores(const struct dataplane *dp)
{
	return dp->n_lcores;
}

void dataplane_lcore(const struct dataplane *dp, uint32_t index, struct lcore_info *info)
{
	const struct lcore *lcore = &dp->lcores[index];

	*info = (struct lcore_info){ .cpu = lcore->cpu, .role = lcore->role };
	stats_add(&info->counters, lcore);
	info->busy_ns = clock_ns(&lcore->clock, info->counters.busy_cycles);
}

void dataplane_counters(const struct dataplane *dp, struct dataplane_counters *sum)
{
	*sum = (struct dataplane_counters){ 0 };
	for (uint32_t i = 0; i < dp->n_lcores; i++)
		stats_add(sum, &dp->lcores[i]);
}

uint32_t dataplane_n_ports(const struct dataplane *dp)
{
	return dp->n_ports;
}

void dataplane_port_traffic(
	const struct dataplane *dp, uint32_t index, struct port_traffic *traffic)
{
	*traffic = (struct port_traffic){ 0 };
	for (uint32_t i = 0; i < dp->n_lcores; i++) {
		const struct lcore_traffic *of = &dp->lcores[i].traffic[index];

		traffic->rx_packets += __atomic_load_n(&of->rx_packets, __ATOMIC_RELAXED);
		traffic->rx_bytes += __atomic_load_n(&of->rx_bytes, __ATOMIC_RELAXED);
		traffic->tx_packets += __atomic_load_n(&of->tx_packets, __ATOMIC_RELAXED);
		traffic->tx_bytes += __atomic_load_n(&of->tx_bytes, __ATOMIC_RELAXED);
		traffic->drops += __atomic_load_n(&of->drops, __ATOMIC_RELAXED);
		traffic->unfinished_checksums +=
			__atomic_load_n(&of->unfinished_checksums, __ATOMIC_RELAXED);
	}
}

void dataplane_port(const struct dataplane *dp, uint32_t index, struct port_info *info)
{
	port_info(&dp->ports[index], info);
	// What the lcores counted: a device may forget when its peer goes (memif does).
	dataplane_port_traffic(dp, index, &info->traffic);
}

static void stats_add_api(struct slot_info *slot, const struct registry_api *api)
{
	if (!api)
		return;
	slot->api = api->figures;
	slot->requests += slot->api.requests;
	slot->rows += slot->api.rows;
	slot->not_finite += slot->api.not_finite;
	for (int k = 0; k < WIRE_STATUS_COUNT; k++)
		slot->refused[k] += slot->api.refused[k];
}

static void stats_add_version(const struct dataplane *dp, struct slot_info *slot,
	const struct deployment *deployment, enum route_role role)
{
	struct slot_version *version = &slot->versions[slot->n_versions];
	const struct api_figures *api;
	struct slot_stats total = { 0 };

	if (!deployment)
		return;
	slot->n_versions++;
	api = &deployment->api.figures;
	registry_counts_of(dp->registry, deployment, &total);
	*version = (struct slot_version){ .version = deployment->version,
		.role = role,
		.model = deployment->model,
		.requests = total.requests + api->requests,
		.rows = total.rows + api->rows,
		.not_finite = total.not_finite + api->not_finite };
}

static void stats_fill_slot(
	const struct dataplane *dp, const struct model_route *route, struct slot_info *slot)
{
	struct slot_stats total = { 0 };

	*slot = (struct slot_info){
		.id = route->id,
		.version = route->live->version,
		.name = route->live->name,
		.model = route->live->model,
		.share = route->share,
	};
	registry_counts(dp->registry, route->id, &total);
	slot->requests = total.requests;
	slot->rows = total.rows;
	slot->not_finite = total.not_finite;
	memcpy(slot->refused, total.refused, sizeof(slot->refused));
	stats_add_api(slot, registry_api(dp->registry, slot->id));
	stats_add_version(dp, slot, route->live, ROUTE_LIVE);
	stats_add_version(dp, slot, route->canary, ROUTE_CANARY);
	stats_add_version(dp, slot, route->shadow, ROUTE_SHADOW);
	for (uint32_t i = 0; i < route->n_pinned; i++)
		stats_add_version(dp, slot, route->pinned[i], ROUTE_PINNED);
}

uint32_t dataplane_slots(const struct dataplane *dp, struct slot_info *slots, uint32_t max)
{
	uint32_t n = 0;

	for (uint32_t id = 0; (id = registry_next(dp->registry, id)) > 0; n++)
		if (n < max)
			stats_fill_slot(dp, registry_route(dp->registry, (uint16_t)id), &slots[n]);
	return n;
}

bool dataplane_slot(const struct dataplane *dp, uint16_t id, struct slot_info *slot)
{
	const struct model_route *route = registry_route(dp->registry, id);

	if (route)
		stats_fill_slot(dp, route, slot);
	return route;
}

const char *route_role_name(enum route_role role)
{
	static const char *const NAMES[] = {
		[ROUTE_LIVE] = "live",
		[ROUTE_CANARY] = "canary",
		[ROUTE_SHADOW] = "shadow",
		[ROUTE_PINNED] = "pinned",
	};

	return NAMES[role];
}

const struct model *dataplane_model(const struct dataplane *dp, uint16_t id)
{
	const struct deployment *deployment = registry_lookup(dp->registry, id);

	return deployment ? deployment->model : NULL;
}

const struct model *dataplane_version_model(
	const struct dataplane *dp, uint16_t id, uint16_t version)
{
	const struct deployment *deployment = registry_find(dp->registry, id, version);

	return deployment ? deployment->model : NULL;
}

int dataplane_latency(const struct dataplane *dp, uint16_t id, struct histogram *out)
{
	struct slot_stats total;

	if (id) {
		const int rc = registry_total(dp->registry, id, &total) ? 0 : -ENOENT;

		*out = total.latency;
		return rc;
	}
	histogram_reset(out);
	for (uint32_t i = 0; i < dp->n_lcores; i++)
		histogram_merge(out, &dp->lcores[i].pings.latency);
	return 0;
}

int dataplane_version_latency(
	const struct dataplane *dp, uint16_t id, uint16_t version, struct histogram *out)
{
	const struct deployment *deployment = registry_find(dp->registry, id, version);

	histogram_reset(out);
	if (!deployment)
		return -ENOENT;
	for (uint32_t i = 0; i < dp->n_lcores; i++)
		histogram_merge(out, &deployment->stats[i]->latency);
	return 0;
}

int dataplane_api_latency(const struct dataplane *dp, uint16_t id, struct histogram *out)
{
	const struct registry_api *api = registry_api(dp->registry, id);

	histogram_reset(out);
	if (!api)
		return -ENOENT;
	*out = api->latency;
	return 0;
}

uint32_t dataplane_clients(const struct dataplane *dp, struct client_info *infos, uint32_t max,
	struct clients_info *all)
{
	return clients_busiest(dp->clients, rte_rdtsc(), infos, max, all);
}

void dataplane_mempool(const struct dataplane *dp, struct mempool_info *info)
{
	uint32_t in_use = rte_mempool_in_use_count(dp->pool);

	info->size = dp->pool->size;
	info->in_use = in_use > dp->baseline_mbufs ? in_use - dp->baseline_mbufs : 0;
}
