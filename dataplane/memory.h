// SPDX-License-Identifier: BSD-3-Clause
// How much memory a configuration takes of DPDK, told before any is taken. Needs no EAL; any thread.
#pragma once

#include "base/error.h"
#include "config/settings.h"

#include <stddef.h>
#include <stdint.h>

#define MEMORY_MBUF_CACHE 256u // buffers that each lcore keeps at hand

struct memory_plan {
	uint32_t mbufs, mbuf_bytes; // packet buffers, and the data that each holds
	uint32_t megabytes;         // what DPDK takes at start
	// What that is for. The devices' share is an estimate, the others are lower bounds.
	// Rings hold lcores and the tables of clients, too.
	size_t pool, scratch, lanes, rings, devices;
};

// Where the configuration says "auto" for memory.mbufs or memory.megabytes, they are computed. -EINVAL
// where memory.megabytes cannot do, with what would.
int memory_plan(const struct config *config, struct memory_plan *plan, struct error *err);
// After EAL's start, when all but the devices have their share: whether there is enough left for them.
// DPDK would panic. -ENOMEM.
int memory_check_devices(const struct memory_plan *plan, struct error *err);
