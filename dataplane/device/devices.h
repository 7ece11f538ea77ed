// SPDX-License-Identifier: BSD-3-Clause
// What can be known of the ports' devices by how they are named in the configuration, before DPDK makes them. Any
// thread.
#pragma once

#include "base/error.h"
#include "config/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The PCI device, kernel interface, memif interface, capture or name that two ports (or members) share; queues that a
// device's arguments do not give to all lcores. -EINVAL with a sentence.
int devices_check(const struct config *config, struct error *err);
// Drivers of buses, mempools and devices that this installation of DPDK has not, each with Debian's package of it. Not
// for a start, where DPDK itself has the last word. -ENODEV.
int devices_check_drivers(const struct config *config, struct error *err);

// Refuses a port that wants more receive queues than its device has, or lcores that send (`senders`) where it has
// fewer queues for them. Of either count 0 is one that is not known. -EINVAL.
int devices_check_queues(const struct config_port *port, uint32_t rx_queues, uint32_t tx_queues,
	uint32_t senders, struct error *err);
// How many queues an AF_XDP port shall have. -EINVAL where its interface has others; one that is not there
// has what the configuration says.
int devices_count_xdp_queues(const struct config_port *port, uint32_t *queues, struct error *err);
// -ENODEV, with the package that the driver of `device` would be in.
int devices_no_driver(const char *port, const char *device, struct error *err);
// Likewise of the driver of a bus, "pci" or "vdev".
int devices_no_bus(const char *port, const char *bus, struct error *err);
// A port's devices: the first is its own, and behind it stand the members of its bond, config_port.n_members.
const char *devices_of(const struct config_port *port, uint32_t index);
// True if `device` is a PCI address (perhaps with arguments) and not a virtual device's string.
bool devices_is_pci(const char *device);
