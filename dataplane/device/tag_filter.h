// SPDX-License-Identifier: BSD-3-Clause
// VLAN tags on AF_PACKET sockets. The kernel takes the outer tag out of a frame and tells its type beside
// it; DPDK's driver puts the tag back and takes 0x8100 for its type, whatever it was. A reply with a tag of
// another type than its request's would come out in another VLAN. So such a port has outer tags of one
// type, and the kernel cuts frames with any other to their Ethernet header: parse.c knows them by that,
// and counts them.
#pragma once

#include "base/error.h"

#include <stdint.h>

// Gives the filter to all of this process's AF_PACKET sockets on a kernel interface. `type`: 0x8100 or
// 0x88a8. -ENOENT where there is no such socket, or what the kernel says.
int tag_filter_attach(unsigned if_index, uint16_t type, struct error *err);
