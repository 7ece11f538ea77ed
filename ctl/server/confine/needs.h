// SPDX-License-Identifier: BSD-3-Clause
// What martletd needs of the kernel once it has begun, by what its configuration names: a port of AF_PACKET is
// opened anew when its interface comes back, a port of memif asks for nothing any more.
#pragma once

#include "config/settings.h"

#include <stdbool.h>
#include <stdint.h>

struct confine_needs {
	uint64_t capabilities; // a bit each: 1 << CAP_NET_RAW
	bool packet_sockets;   // of AF_PACKET
	bool xdp_sockets;      // of AF_XDP, and the BPF maps and programs that are open already
	bool netlink;          // to set interfaces, or to ask for them
};

// What the devices of `config`, and the ports below 1024 that it listens on, need.
void confine_find_needs(const struct config *config, struct confine_needs *needs);
