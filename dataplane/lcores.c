// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/lcores.h"

#include "dataplane/eal.h"
#include "dataplane/loop.h"

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

static enum lcore_role lcores_role(const struct config_lcores *config, uint32_t index)
{
	if (index < config->n_io)
		return LCORE_IO;
	return index < config->n_io + config->n_workers ? LCORE_WORKER : LCORE_COMPLETE;
}

static int lcores_make_scratch(struct dataplane *dp, struct lcore *lcore, struct error *err)
{
	size_t bytes = (size_t)dp->config->memory.scratch_kilobytes * 1024;

	if (lcore->role == LCORE_IO)
		return 0;
	lcore->scratch = rte_zmalloc_socket("scratch", bytes, RTE_CACHE_LINE_SIZE,
		(int)rte_lcore_to_socket_id(EAL_FIRST_LCORE + lcore->index));
	if (!lcore->scratch) // its socket has no memory of DPDK: another's is slower, and will do
		lcore->scratch = rte_zmalloc("scratch", bytes, RTE_CACHE_LINE_SIZE);
	if (!lcore->scratch)
		return error_set(err, -ENOMEM,
			"memory.scratch_kilobytes: %u a scoring lcore do not fit memory.megabytes "
			"= %u: raise it, or say \"auto\"",
			dp->config->memory.scratch_kilobytes, dp->memory.megabytes);
	return 0;
}

static int lcores_make_lane(struct dataplane *dp, struct lcore *lcore, struct error *err)
{
	const size_t bytes = (size_t)dp->config->memory.lane_kilobytes * 1024;

	if (lcore->role == LCORE_IO)
		return 0;
	lcore->lane_memory = rte_zmalloc("lane", bytes, RTE_CACHE_LINE_SIZE);
	if (!lcore->lane_memory)
		return error_set(err, -ENOMEM,
			"memory.lane_kilobytes: %u a scoring lcore do not fit memory.megabytes = "
			"%u: raise it, or say \"auto\"",
			dp->config->memory.lane_kilobytes, dp->memory.megabytes);
	lane_init(
		&lcore->lane, dp->watches, &lcore->clock, lcore->index, lcore->lane_memory, bytes);
	return 0;
}

static int lcores_make_each(struct dataplane *dp, const uint32_t *cpus, struct error *err)
{
	uint32_t n_polling = 0;

	dp->lcores = rte_zmalloc("lcores", dp->n_lcores * sizeof(*dp->lcores), RTE_CACHE_LINE_SIZE);
	if (!dp->lcores)
		return error_set(err, -ENOMEM, "no memory for the lcores: raise memory.megabytes");
	for (uint32_t i = 0; i < dp->n_lcores; i++) {
		struct lcore *lcore = &dp->lcores[i];
		int rc;

		lcore->index = i;
		lcore->cpu = cpus[i];
		lcore->role = lcores_role(&dp->config->lcores, i);
		lcore->sleeps_when_idle = dp->config->lcores.idle == CONFIG_IDLE_SLEEP;
		lcore->ports = dp->ports;
		lcore->n_ports = dp->n_ports;
		lcore->registry = dp->registry;
		lcore->qsbr = dp->qsbr;
		lcore->rules = &dp->clients->rules;
		lcore->workers = &dp->lcores[dp->config->lcores.n_io];
		if (lcore->role != LCORE_WORKER)
			lcore->fair = dp->clients->fairs[n_polling++];
		poll_turns_init(&lcore->turns, rte_get_tsc_hz());
		clock_init(&lcore->clock, rte_get_tsc_hz());
		histogram_reset(&lcore->pings.latency);
		rc = lcores_make_scratch(dp, lcore, err);
		if (rc == 0)
			rc = lcores_make_lane(dp, lcore, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int lcores_make_rings(struct dataplane *dp, struct error *err)
{
	const struct config_lcores *config = &dp->config->lcores;

	for (uint32_t io = 0; io < config->n_io; io++) {
		for (uint32_t w = 0; w < config->n_workers; w++) {
			struct lcore *from = &dp->lcores[io], *to = &dp->lcores[config->n_io + w];
			char name[RTE_RING_NAMESIZE];
			struct rte_ring *ring;

			snprintf(name, sizeof(name), "io%u-worker%u", (uint8_t)io, (uint8_t)w);
			ring = rte_ring_create(name, config->ring_size, SOCKET_ID_ANY,
				RING_F_SP_ENQ | RING_F_SC_DEQ);
			if (!ring)
				return error_set(err, -ENOMEM, "ring %s of %u: %s", name,
					config->ring_size, rte_strerror(rte_errno));
			from->rings[from->n_rings++] = ring;
			to->rings[to->n_rings++] = ring;
		}
	}
	return 0;
}

int lcores_make(struct dataplane *dp, const uint32_t *cpus, struct error *err)
{
	const int rc = lcores_make_each(dp, cpus, err);

	return rc == 0 ? lcores_make_rings(dp, err) : rc;
}

int lcores_launch(struct dataplane *dp, struct error *err)
{
	for (uint32_t i = 0; i < dp->n_lcores; i++) {
		int rc = rte_eal_remote_launch(loop_run, &dp->lcores[i], EAL_FIRST_LCORE + i);

		if (rc != 0)
			return error_set(
				err, rc, "the lcore on CPU %u does not start", dp->lcores[i].cpu);
	}
	return 0;
}

static void lcores_join(struct dataplane *dp, bool workers)
{
	for (uint32_t i = 0; i < dp->n_lcores; i++)
		if ((dp->lcores[i].role == LCORE_WORKER) == workers)
			atomic_fetch_or_explicit(
				&dp->lcores[i].orders, LCORE_STOP, memory_order_release);
	for (uint32_t i = 0; i < dp->n_lcores; i++)
		if ((dp->lcores[i].role == LCORE_WORKER) == workers)
			rte_eal_wait_lcore(EAL_FIRST_LCORE + i);
}

void lcores_end(struct dataplane *dp)
{
	// Once the others have ended nobody fills rings any more, and workers end when
	// theirs are empty.
	lcores_join(dp, false);
	lcores_join(dp, true);
}

void lcores_free(struct dataplane *dp)
{
	if (!dp->lcores)
		return;
	for (uint32_t i = 0; i < dp->n_lcores; i++) {
		struct lcore *lcore = &dp->lcores[i];

		for (uint32_t r = 0; lcore->role == LCORE_IO && r < lcore->n_rings; r++)
			rte_ring_free(lcore->rings[r]);
		rte_free(lcore->scratch);
		rte_free(lcore->lane_memory);
	}
	rte_free(dp->lcores);
}
