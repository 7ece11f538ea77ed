// SPDX-License-Identifier: BSD-3-Clause
// The configuration's device string of an AF_XDP port, as DPDK's driver takes it:
// "net_af_xdp0,iface=eth1,start_queue=0,queue_count=4". What it says of interface and queues; the
// rest is the driver's.
#pragma once

#include "base/error.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct xdp_device {
	char interface[IF_NAMESIZE];
	uint32_t start_queue;
	uint32_t queue_count; // 0: not said
};

bool xdp_device_is(const char *device);
// -EINVAL with what is wrong and would be right.
int xdp_device_parse(const char *device, struct xdp_device *parsed, struct error *err);
// The string that makes the driver take `queues` queues. -EINVAL where `size` is too short.
int xdp_device_write(
	const char *device, uint32_t queues, char *text, size_t size, struct error *err);
