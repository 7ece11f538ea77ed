// SPDX-License-Identifier: BSD-3-Clause
// A network interface of the kernel's that a port stands on (AF_PACKET, AF_XDP, tap), asked by ioctl.
// Cold: the control thread's.
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netdev_state {
	char name[IF_NAMESIZE]; // as it is called now
	bool is_up;             // ip link set up
	bool has_carrier;       // its link is there, too
	uint32_t mtu;
};

// How the interface with that index stands. -ENODEV where it is gone (one that is made anew under the
// same name has another index), -EMFILE and the like where it cannot be asked.
int netdev_look(uint32_t index, struct netdev_state *state);
// Its index; 0 where there is none of that name.
uint32_t netdev_find(const char *name);
