// SPDX-License-Identifier: BSD-3-Clause
// The receive queues of an interface, and which of them an AF_XDP port hears. A packet that comes in
// by a queue without a socket goes to the kernel, which knows nothing of the port's addresses: to a
// client whose flow lies there the port is deaf. Cold: the control thread's.
#pragma once

#include "base/error.h"
#include "dataplane/xdp/device.h"

#define XDP_QUEUES_MAX 64

struct xdp_queues {
	uint32_t receive; // what arrives is spread over so many
	uint32_t offered; // DPDK's driver can have so many of them: "combined" channels, or one
	uint32_t most;    // combined channels that ethtool -L can give; 0: it has none
};

// How it stands with the interface now. -ENODEV where there is none, or what else the kernel says.
int xdp_queues_look(const char *interface, struct xdp_queues *queues);
// How many queues a port shall have: `wanted`, or with 0 what the device says, or all that there are.
// -EINVAL, -ENODEV with a sentence where there are not so many, or where there are more and the
// operator has not `steered` the port's packets to these.
int xdp_queues_choose(const struct xdp_device *device, uint32_t wanted, bool steered,
	uint32_t *queues, struct error *err);
