// SPDX-License-Identifier: BSD-3-Clause
// Whether a port's device can carry its mtu, as far as its configuration and the kernel's interface
// say; port.c asks the device itself. DPDK's drivers cut, drop or replay what is too long for them, most
// of them without a word. Cold.
#pragma once

#include "base/error.h"
#include "config/settings.h"

// Bytes of a frame, behind the headroom, that the packet buffers must hold for the port.
uint32_t mtu_buffer_bytes(const struct config_port *port);
// Refuses a port that cannot carry its mtu, or a member of its bond that cannot, with what would do. `room`:
// bytes of a packet buffer behind its headroom. -EINVAL.
int mtu_check(const struct config *config, uint32_t room, struct error *err);
// The same of the interface that a virtual device stands on. 0 where it cannot be asked.
int mtu_check_interface(const struct config_port *port, uint32_t if_index, struct error *err);
