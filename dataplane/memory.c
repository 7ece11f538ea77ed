// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/memory.h"

#include "dataplane/device/devices.h"
#include "dataplane/device/mtu.h"
#include "dataplane/lcore.h"

#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#define MBUF_ROOM_LEAST 2048u
#define MBUFS_LEAST     8192u
#define MBUFS_MOST      (1u << 22)
#define PAGE_BYTES      ((size_t)4096)
#define HUGEPAGE_BYTES  ((size_t)2 << 20) // the smallest there are
#define MIB             ((size_t)1 << 20)
// Tables of ports and what EAL keeps: measured 1.3 MiB.
#define FIXED_BYTES (2 * MIB)
// Of a device and of each of its queues: descriptors, their mbufs' addresses, counters. The largest of
// DPDK 22.11's drivers at 1024 descriptors (64 bytes each, 32 beside them) take a third of it.
#define DEVICE_BYTES ((size_t)256 << 10)
#define QUEUE_BYTES  ((size_t)256 << 10)

static uint32_t memory_polling(const struct config_lcores *lcores)
{
	return lcores->n_io + lcores->n_complete;
}

static uint32_t memory_lcores(const struct config_lcores *lcores)
{
	return memory_polling(lcores) + lcores->n_workers;
}

// What cannot be had is refused where the port is looked at.
static uint32_t memory_rx_queues(const struct config *config, const struct config_port *port)
{
	const uint32_t polling = memory_polling(&config->lcores);
	struct error unused;
	uint32_t queues;

	if (xdp_device_is(port->device) && devices_count_xdp_queues(port, &queues, &unused) == 0)
		return queues;
	return port->queues ? port->queues : polling;
}

// As many as can be somewhere at once: in the queues of devices, in rings, in the hands and caches of
// lcores.
static uint32_t memory_count_mbufs(const struct config *config)
{
	const struct config_lcores *lcores = &config->lcores;
	const uint32_t n_lcores = memory_lcores(lcores);
	uint64_t n = (uint64_t)lcores->n_io * lcores->n_workers * lcores->ring_size;

	n += n_lcores * (MEMORY_MBUF_CACHE * 3 / 2 + 2 * BURST_MAX);
	for (uint32_t i = 0; i < config->n_ports; i++) {
		const struct config_port *port = &config->ports[i];

		n += (uint64_t)(memory_rx_queues(config, port) + n_lcores) * PORT_DESCRIPTORS *
			(port->n_members ? port->n_members : 1);
		if (xdp_device_is(port->device)) // its fill and completion rings, too
			n += (uint64_t)memory_rx_queues(config, port) * 4 * PORT_DESCRIPTORS;
	}
	n = RTE_ALIGN_CEIL(n, 1024);
	n = n < MBUFS_LEAST ? MBUFS_LEAST : n;
	return n < MBUFS_MOST ? (uint32_t)n : MBUFS_MOST;
}

static uint32_t memory_mbuf_bytes(const struct config *config)
{
	uint32_t frame = 0;

	for (uint32_t i = 0; i < config->n_ports; i++)
		frame = RTE_MAX(frame, mtu_buffer_bytes(&config->ports[i]));
	return RTE_PKTMBUF_HEADROOM +
		RTE_MAX((uint32_t)RTE_CACHE_LINE_ROUNDUP(frame), MBUF_ROOM_LEAST);
}

// Without spreading objects over channels, which costs a cache line each and asks EAL for the channels.
// As rte_mempool_op_calc_mem_size_helper() counts: no object lies across two pages that it fits into.
static size_t memory_pool_bytes(const struct config *config, const struct memory_plan *plan)
{
	const size_t page = config->memory.hugepages ? HUGEPAGE_BYTES : PAGE_BYTES;
	const size_t object = rte_mempool_calc_obj_size(
		(uint32_t)sizeof(struct rte_mbuf) + PACKET_BYTES + plan->mbuf_bytes,
		RTE_MEMPOOL_F_NO_SPREAD, NULL);
	const size_t bytes = object > page
		? RTE_ALIGN_CEIL(object, page) * plan->mbufs
		: (plan->mbufs + page / object - 1) / (page / object) * page;

	return bytes + (size_t)rte_align32pow2(plan->mbufs + 1) * sizeof(void *) +
		RTE_MAX_LCORE * sizeof(struct rte_mempool_cache);
}

static size_t memory_total(const struct memory_plan *plan)
{
	return plan->pool + plan->scratch + plan->lanes + plan->rings + plan->devices + FIXED_BYTES;
}

static uint32_t memory_megabytes(size_t bytes)
{
	return (uint32_t)((bytes + MIB - 1) / MIB);
}

int memory_plan(const struct config *config, struct memory_plan *plan, struct error *err)
{
	const struct config_lcores *lcores = &config->lcores;
	const uint32_t n_lcores = memory_lcores(lcores);
	uint32_t fits;

	*plan = (struct memory_plan){
		.mbufs = config->memory.mbufs ? config->memory.mbufs : memory_count_mbufs(config),
		.mbuf_bytes = memory_mbuf_bytes(config),
		.megabytes = config->memory.megabytes,
		.scratch = (size_t)config->memory.scratch_kilobytes * 1024 *
			(lcores->n_workers + lcores->n_complete),
		.lanes = (size_t)config->memory.lane_kilobytes * 1024 *
			(lcores->n_workers + lcores->n_complete),
		.rings = (size_t)lcores->n_io * lcores->n_workers * lcores->ring_size *
				sizeof(void *) +
			n_lcores * sizeof(struct lcore) +
			memory_polling(lcores) * sizeof(struct fair),
	};
	plan->pool = memory_pool_bytes(config, plan);
	for (uint32_t i = 0; i < config->n_ports; i++)
		plan->devices +=
			port_is_memif(&config->ports[i]) ? 0 : // its rings are the peers' memory
			(1 + config->ports[i].n_members) *
				(DEVICE_BYTES +
					(memory_rx_queues(config, &config->ports[i]) + n_lcores) *
						QUEUE_BYTES);
	// A twentieth is lost between blocks, and where an object may not lie across two pages.
	fits = RTE_MAX(64u, memory_megabytes(memory_total(plan) + memory_total(plan) / 20) + 2);
	if (plan->megabytes == 0)
		plan->megabytes = fits;
	if (plan->megabytes * MIB >= plan->pool + plan->scratch + plan->lanes + plan->rings)
		return 0;
	return error_set(err, -EINVAL,
		"memory.megabytes: %u are too few: %u packet buffers of %u bytes (memory.mbufs, "
		"mtu) take %u, scratch memory (memory.scratch_kilobytes) %u, lanes "
		"(memory.lane_kilobytes) %u, rings %u, devices about %u: say %u, or \"auto\"",
		plan->megabytes, plan->mbufs, plan->mbuf_bytes, memory_megabytes(plan->pool),
		memory_megabytes(plan->scratch), memory_megabytes(plan->lanes),
		memory_megabytes(plan->rings), memory_megabytes(plan->devices), fits);
}

int memory_check_devices(const struct memory_plan *plan, struct error *err)
{
	void *room = rte_malloc("devices", plan->devices, 0); // NULL for none, too

	rte_free(room);
	if (room || plan->devices == 0)
		return 0;
	return error_set(err, -ENOMEM,
		"memory.megabytes: of %u too little is left for the devices, which take about %u: "
		"raise it, or say \"auto\"",
		plan->megabytes, memory_megabytes(plan->devices));
}
