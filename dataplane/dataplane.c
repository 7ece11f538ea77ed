// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dataplane.h"

#include "dataplane/announce.h"
#include "dataplane/device/devices.h"
#include "dataplane/device/mtu.h"
#include "dataplane/eal.h"
#include "dataplane/hold.h"
#include "dataplane/lcores.h"
#include "dataplane/memif/server.h"
#include "dataplane/state.h"
#include "dataplane/unmap.h"

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <stdlib.h>
#include <unistd.h>

#define SETTLE_US 10000 // peers may still be reading our last replies from shared memory

static uint32_t dataplane_longest_mtu(const struct config *config)
{
	uint32_t mtu = 0;

	for (uint32_t i = 0; i < config->n_ports; i++)
		mtu = RTE_MAX(mtu, config->ports[i].mtu);
	return mtu;
}

// A buffer holds a frame of the longest MTU, so that no stage ever sees one in several segments.
static int dataplane_make_pool(struct dataplane *dp, struct error *err)
{
	const struct memory_plan *plan = &dp->memory;

	dp->pool = rte_pktmbuf_pool_create("mbufs", plan->mbufs,
		RTE_MIN(MEMORY_MBUF_CACHE, plan->mbufs / 4), PACKET_BYTES,
		(uint16_t)plan->mbuf_bytes, SOCKET_ID_ANY);
	if (!dp->pool)
		return error_set(err, -ENOMEM,
			"memory.mbufs: %u buffers of %u bytes do not fit memory.megabytes = %u "
			"(%s): raise it, or say \"auto\"",
			plan->mbufs, plan->mbuf_bytes, plan->megabytes, rte_strerror(rte_errno));
	return 0;
}

static int dataplane_make_qsbr(struct dataplane *dp, struct error *err)
{
	const uint32_t n_readers = dp->n_lcores + ASIDE_READERS;

	dp->qsbr = rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(n_readers), RTE_CACHE_LINE_SIZE);
	if (!dp->qsbr || rte_rcu_qsbr_init(dp->qsbr, n_readers) != 0)
		return error_set(
			err, -ENOMEM, "no memory for quiescent states: raise memory.megabytes");
	for (uint32_t i = 0; i < n_readers; i++)
		rte_rcu_qsbr_thread_register(dp->qsbr, i);
	unmap_guard(dp->qsbr);
	return 0;
}

static int dataplane_open_ports(struct dataplane *dp, struct error *err)
{
	const struct config_lcores *config = &dp->config->lcores;
	uint32_t polling = config->n_io + config->n_complete;

	dp->needs = (struct port_needs){
		.polling = polling, .senders = dp->n_lcores, .pool = dp->pool, .memif = dp->memif
	};
	for (uint32_t i = 0; i < dp->n_ports; i++) {
		struct port *port = &dp->ports[i];
		int rc = port_open(port, &dp->needs, err);

		if (rc != 0)
			return rc;
		for (uint32_t q = 0; q < port->rx_queues; q++) {
			uint32_t nth = (i + q) % polling;
			// The first n_io lcores poll, and the last n_complete.
			uint32_t index = nth < config->n_io ? nth : nth + config->n_workers;
			struct lcore *lcore = &dp->lcores[index];

			if (lcore->n_queues == LCORE_QUEUES_MAX)
				return error_set(err, -EINVAL,
					"port %s: over %d queues for CPU %u: list more CPUs",
					port->config->name, LCORE_QUEUES_MAX, lcore->cpu);
			lcore->queues[lcore->n_queues++] =
				(struct lcore_queue){ .port = port, .queue = (uint16_t)q };
		}
	}
	dp->baseline_mbufs = rte_mempool_in_use_count(dp->pool);
	return 0;
}

static int dataplane_make_memif(struct dataplane *dp, struct error *err)
{
	for (uint32_t i = 0; i < dp->n_ports; i++)
		if (port_is_memif(&dp->config->ports[i]))
			return memif_server_create(dp->qsbr, &dp->memif, err);
	return 0;
}

// The first lcore that polls sends for the control thread, too: where a worker is the first, no other does.
static int dataplane_make_announcer(struct dataplane *dp, struct error *err)
{
	uint32_t i = 0;

	while (i + 1 < dp->n_lcores && dp->lcores[i].role == LCORE_WORKER)
		i++;
	return announcer_create(
		&dp->lcores[i], dp->pool, dp->ports, dp->n_ports, &dp->announcer, err);
}

static int dataplane_launch(struct dataplane *dp, struct error *err)
{
	int rc;

	dp->lcores_launched = true;
	rc = lcores_launch(dp, err);
	return rc == 0 && dp->memif ? memif_server_start(dp->memif, err) : rc;
}

int dataplane_check(const struct config *config, struct error *err)
{
	struct memory_plan plan;
	const struct config_lcores *lcores = &config->lcores;
	int rc;

	if (lcores->n_io + lcores->n_complete == 0 || (lcores->n_io && !lcores->n_workers))
		return error_set(
			err, -EINVAL, "lcores: io = [...] names no CPU, or no worker serves it");
	if (lcores->n_io + lcores->n_workers + lcores->n_complete > REGISTRY_LCORES)
		return error_set(err, -EINVAL, "lcores: more than %d CPUs", REGISTRY_LCORES);
	if (!config->n_ports)
		return error_set(err, -EINVAL, "ports: there is none");
	rc = devices_check(config, err);
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < config->n_ports; i++) {
		rc = bond_check(&config->ports[i], err);
		if (rc != 0)
			return rc;
	}
	rc = auth_check_keys(&config->trust, err);
	if (rc == 0)
		rc = memory_plan(config, &plan, err);
	if (rc != 0)
		return rc;
	return mtu_check(config, plan.mbuf_bytes - RTE_PKTMBUF_HEADROOM, err);
}

int dataplane_check_drivers(const struct config *config, struct error *err)
{
	return devices_check_drivers(config, err);
}

// The phases of a start, in order; dataplane_stop() undoes those that were begun.
static int dataplane_begin(struct dataplane *dp, struct dataplane_kept *kept, struct error *err)
{
	const struct config *config = dp->config;
	uint32_t cpus[3 * CONFIG_CPUS_MAX];
	int rc = dataplane_check(config, err);

	if (rc != 0)
		return rc;
	dp->n_lcores = eal_lcore_cpus(config, cpus);
	memory_plan(config, &dp->memory, err);
	rc = eal_start(config, dp->memory.megabytes, err);
	if (rc != 0)
		return rc;
	dp->eal_started = true;
	rc = eal_check_drivers(config, err);
	if (rc != 0)
		return rc;
	dp->n_ports = config->n_ports;
	for (uint32_t i = 0; i < dp->n_ports; i++) {
		presence_init(&dp->presences[i], &config->ports[i], rte_get_tsc_hz());
		port_init(&dp->ports[i], (uint16_t)i, &config->ports[i], &dp->presences[i]);
	}
	rc = dataplane_make_pool(dp, err);
	if (rc == 0)
		rc = dataplane_make_qsbr(dp, err);
	if (rc != 0)
		return rc;
	rc = registry_create(dp->n_lcores, (size_t)config->memory.scratch_kilobytes * 1024,
		dataplane_longest_mtu(config), dp->qsbr, &dp->registry, err);
	if (rc != 0)
		return rc;
	rc = watches_create(dp->registry, &dp->watches, err);
	if (rc == 0)
		rc = aside_create(dp->watches, dp->qsbr, dp->n_lcores,
			(size_t)config->memory.lane_kilobytes * 1024, rte_get_tsc_hz(), &dp->aside,
			err);
	if (rc != 0)
		return rc;
	// Before any packet: what is demanded holds from the first one on.
	rc = auth_start(config, kept, dp->qsbr, &dp->auth, err);
	if (rc != 0)
		return rc;
	dp->registry->auth = dp->auth;
	rc = clients_create(config->lcores.n_io + config->lcores.n_complete, rte_get_tsc_hz(),
		dp->qsbr, &dp->clients, err);
	if (rc == 0)
		rc = clients_limit(dp->clients, &config->clients, err);
	if (rc != 0)
		return rc;
	dp->registry->recovering = true;
	dp->registry->refuses_not_finite = config->infer.refuse_not_finite;
	for (uint32_t i = 0; i < config->n_models; i++)
		registry_set_loading(dp->registry, config->models[i].id, true);
	rc = lcores_make(dp, cpus, err);
	if (rc == 0)
		rc = memory_check_devices(&dp->memory, err);
	if (rc == 0)
		rc = dataplane_make_memif(dp, err);
	if (rc == 0)
		rc = dataplane_open_ports(dp, err);
	if (rc == 0)
		rc = dataplane_make_announcer(dp, err);
	return rc == 0 ? dataplane_launch(dp, err) : rc;
}

int dataplane_start(const struct config *config, struct dataplane_kept *kept,
	struct dataplane **out, struct error *err)
{
	struct dataplane *dp = calloc(1, sizeof(*dp));
	int rc;

	if (!dp)
		return error_set(err, -ENOMEM, "no memory for the dataplane");
	dp->config = config;
	rc = dataplane_begin(dp, kept, err);
	if (rc != 0) {
		dataplane_stop(dp);
		return rc;
	}
	*out = dp;
	return 0;
}

int dataplane_limit_clients(
	struct dataplane *dp, const struct config_clients *config, struct error *err)
{
	return clients_limit(dp->clients, config, err);
}

void dataplane_drain(struct dataplane *dp)
{
	if (dp->draining)
		return;
	dp->draining = true;
	atomic_store_explicit(&dp->registry->draining, true, memory_order_release);
	dp->drain_token = rte_rcu_qsbr_start(dp->qsbr);
}

bool dataplane_drained(const struct dataplane *dp)
{
	uint64_t handed = 0, finished = 0;

	if (dp->draining && !rte_rcu_qsbr_check(dp->qsbr, dp->drain_token, false))
		return false;
	// What is finished is read first: requests that are handed over between the two loops can
	// then only make the sums differ, and so make us wait longer.
	for (uint32_t i = 0; i < dp->n_lcores; i++)
		finished += atomic_load_explicit(&dp->lcores[i].finished, memory_order_acquire);
	for (uint32_t i = 0; i < dp->n_lcores; i++)
		handed += atomic_load_explicit(&dp->lcores[i].handed, memory_order_acquire);
	return handed == finished;
}

void dataplane_halt(struct dataplane *dp)
{
	if (!dp->lcores_launched)
		return;
	dataplane_drain(dp);
	lcores_end(dp);
	dp->lcores_launched = false;
	usleep(SETTLE_US);
}

void dataplane_stop(struct dataplane *dp)
{
	if (!dp)
		return;
	dataplane_halt(dp);
	memif_server_destroy(dp->memif);
	announcer_destroy(dp->announcer);
	for (uint32_t i = 0; i < dp->n_ports; i++)
		port_close(&dp->ports[i]);
	unmap_guard(NULL);
	lcores_free(dp);
	aside_destroy(dp->aside);
	watches_destroy(dp->watches);
	clients_destroy(dp->clients);
	registry_destroy(dp->registry);
	auth_destroy(dp->auth);
	rte_free(dp->qsbr);
	rte_mempool_free(dp->pool);
	if (dp->eal_started)
		eal_stop();
	free(dp);
}

void dataplane_recovered(struct dataplane *dp)
{
	if (dp)
		atomic_store_explicit(&dp->registry->recovering, false, memory_order_relaxed);
}

void dataplane_expect(struct dataplane *dp, uint16_t id)
{
	registry_set_loading(dp->registry, id, true);
}

int dataplane_prepare(struct dataplane *dp, const struct deployment_request *request,
	struct deployment **out, struct error *err)
{
	return registry_prepare(dp->registry, request, out, err);
}

int dataplane_make_route(struct dataplane *dp, const struct route_request *request,
	struct model_route **out, struct error *err)
{
	return registry_make_route(dp->registry, request, out, err);
}

void dataplane_commit(struct dataplane *dp, struct model_route *route)
{
	registry_commit(dp->registry, route);
}

void dataplane_discard_route(struct model_route *route)
{
	registry_discard_route(route);
}

struct deployment *dataplane_find(const struct dataplane *dp, uint16_t id, uint16_t version)
{
	return registry_find(dp->registry, id, version);
}

void dataplane_discard(struct deployment *deployment)
{
	registry_discard(deployment);
}

int dataplane_publish(
	struct dataplane *dp, const struct deployment_request *request, struct error *err)
{
	return registry_publish(dp->registry, request, err);
}

int dataplane_retire(struct dataplane *dp, uint16_t id, struct error *err)
{
	return registry_retire(dp->registry, id, err);
}

void dataplane_reclaim(struct dataplane *dp)
{
	watches_sweep(dp->watches);
	watches_reclaim(dp->watches);
	clients_reclaim(dp->clients);
	registry_reclaim(dp->registry);
}

void dataplane_watch(struct dataplane *dp)
{
	const uint64_t now_ns = clock_monotonic_ns();
	struct error ignored; // no link yet: it is announced when there is one

	for (uint32_t i = 0; i < dp->n_ports; i++) {
		const uint32_t member = dp->ports[i].bond.current;

		bond_watch(&dp->ports[i].bond);
		trouble_look(&dp->ports[i].trouble);
		reopen_watch(&dp->reopens[i], &dp->ports[i], &dp->needs, dp->qsbr);
		// Switches send on to the member that was in use until they hear from the other.
		if (dp->ports[i].bond.current != member && dp->ports[i].config->announce)
			announcer_begin(dp->announcer, i, now_ns, &ignored);
	}
	announcer_tick(dp->announcer, now_ns);
	clients_tick(dp->clients, dp->registry);
	auth_watch(dp->auth, time(NULL));
}

int dataplane_prepare_trust(struct dataplane *dp, const struct config_trust *config,
	struct auth_table **out, struct error *err)
{
	return auth_prepare(dp->auth, config, out, err);
}

void dataplane_commit_trust(struct dataplane *dp, struct auth_table *table)
{
	auth_commit(dp->auth, table);
}

char *dataplane_seen(struct dataplane *dp, bool all, size_t *size)
{
	return seen_text(dp->auth->seen, all, size);
}

void dataplane_discard_trust(struct auth_table *table)
{
	auth_discard(table);
}

const char *dataplane_trouble(const struct dataplane *dp, uint32_t port)
{
	return dp->ports[port].trouble.text[0] ? dp->ports[port].trouble.text : NULL;
}

int dataplane_announce(struct dataplane *dp, uint32_t port, struct error *err)
{
	return announcer_begin(dp->announcer, port, clock_monotonic_ns(), err);
}

// Once for each port: whoever's requests are dropped for it hears nothing, and looks here.
static bool dataplane_news_checksums(
	struct dataplane *dp, uint32_t index, struct dataplane_news *news)
{
	struct port_traffic traffic;

	if (dp->unfinished_told[index])
		return false;
	dataplane_port_traffic(dp, index, &traffic);
	if (!traffic.unfinished_checksums)
		return false;
	dp->unfinished_told[index] = true;
	news->is_warning = true;
	snprintf(news->text, sizeof(news->text),
		"port %s: requests come with UDP checksums that their sender left to offload, and "
		"are dropped as bad_l4_checksum: ethtool -K IF tx off at the sender (veth, "
		"containers), or checksum = \"trust\" for this port",
		dp->ports[index].config->name);
	return true;
}

static bool dataplane_news_bond(struct dataplane *dp, uint32_t index, struct dataplane_news *news)
{
	char text[sizeof(dp->ports[index].bond.news)];

	if (!bond_news(&dp->ports[index].bond, text, sizeof(text)))
		return false;
	news->is_warning = true;
	snprintf(
		news->text, sizeof(news->text), "port %s: %s", dp->ports[index].config->name, text);
	return true;
}

bool dataplane_news(struct dataplane *dp, struct dataplane_news *news)
{
	const uint64_t now_ns = clock_monotonic_ns();

	for (uint32_t i = 0; i < dp->n_ports; i++) {
		news->is_warning = dataplane_trouble(dp, i) != NULL;
		if (trouble_news(&dp->ports[i].trouble, news->text, sizeof(news->text)))
			return true;
		if (dataplane_news_bond(dp, i, news))
			return true;
		if (dataplane_news_checksums(dp, i, news))
			return true;
		news->is_warning = true;
		if (presence_news(&dp->presences[i], dp->ports[i].config, now_ns, news->text,
			    sizeof(news->text)))
			return true;
	}
	news->is_warning = false;
	return dp->memif && memif_server_news(dp->memif, news->text, sizeof(news->text));
}

bool dataplane_hold(
	struct dataplane *dp, uint16_t id, uint16_t version, struct deployment_hold *hold)
{
	return hold_take(dp->registry, id, version, hold);
}

void dataplane_choose(struct deployment_hold *hold, const uint64_t *id, const float *row)
{
	hold_choose(hold, id, row);
}

// FNV-1a of 64 bits; route_mix() does the rest.
uint64_t dataplane_hash_id(const void *id, size_t bytes)
{
	const uint8_t *at = id;
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < bytes; i++)
		hash = (hash ^ at[i]) * 0x100000001b3;
	return hash;
}

void dataplane_release(struct dataplane *dp, struct deployment_hold *hold)
{
	hold_release(dp->registry, hold);
}

void dataplane_count(
	struct dataplane *dp, const struct deployment_hold *hold, const struct api_outcome *outcome)
{
	hold_count(hold, outcome);
}
