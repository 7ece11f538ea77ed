// SPDX-License-Identifier: BSD-3-Clause
// DPDK's environment, set up from our configuration: memory, lcores, buses. Can be started once a
// process. Control thread.
#pragma once

#include "base/error.h"
#include "config/settings.h"

#define EAL_CONTROL_LCORE 0 // DPDK's lcore ids: the control thread's, then the polling ones
#define EAL_FIRST_LCORE   1

// CPU of each polling or scoring lcore: io, then workers, then complete. Returns how many.
uint32_t eal_lcore_cpus(const struct config *config, uint32_t cpus[3 * CONFIG_CPUS_MAX]);

// Pins the calling thread to the control CPU. What rte_eal_init() fails by, or -EALREADY.
int eal_start(const struct config *config, uint32_t megabytes, struct error *err);
// Whether DPDK found its drivers of the mempool and of the ports' buses. -ENODEV with the package's name.
int eal_check_drivers(const struct config *config, struct error *err);
void eal_stop(void);
