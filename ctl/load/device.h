// SPDX-License-Identifier: BSD-3-Clause
// EAL and the one device: opened, waited for, closed. Main thread only.
#pragma once

#include "base/error.h"
#include "ctl/load/options.h"
#include "dataplane/xdp/hold.h"

#include <signal.h>
#include <stdint.h>

struct rte_mempool;
struct rte_rcu_qsbr;

struct device {
	uint16_t id;
	uint16_t rx_queues;
	uint16_t queues; // to send by
	uint8_t mac[6];
	struct rte_mempool *pool;
	struct rte_rcu_qsbr *qsbr; // its one reader is the main thread
	struct xdp_hold xdp;       // of AF_XDP: the interface
};

// Starts EAL on options->cpu, the device in it, and waits for its link. `frame_bytes` is the
// length of the longest frame. Gives up once a signal has set *stop. -ENODEV, -EINVAL, -ENOMEM,
// -EINTR, -ETIMEDOUT or what DPDK says, with a sentence.
int device_open(struct device *device, const struct load_options *options, uint32_t frame_bytes,
	const volatile sig_atomic_t *stop, struct error *err);
void device_close(struct device *device);

// To be called between bursts, and often: a memif client gives back memory once its server is gone, on
// another thread, which waits for this.
void device_between_bursts(const struct device *device);
// Whether there is a link still. A memif client whose server has ended gets none again.
bool device_has_link(const struct device *device);
