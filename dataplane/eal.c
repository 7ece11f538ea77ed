// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/eal.h"

#include "dataplane/device/abi.h"
#include "dataplane/device/devices.h"
#include "dataplane/port.h"

#include <rte_bus.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>
#include <unistd.h>

#define EAL_ARGS_MAX (24 + (1 + CONFIG_MEMBERS_MAX) * CONFIG_PORTS_MAX)

struct eal_args { // each argument a string of its own in `text`
	int n;
	char *argv[EAL_ARGS_MAX];
	char text[EAL_ARGS_MAX][CONFIG_PATH_MAX];
};

__attribute__((format(printf, 2, 3))) static void eal_add(
	struct eal_args *args, const char *format, ...)
{
	va_list list;

	if (args->n == EAL_ARGS_MAX - 1)
		return;
	va_start(list, format);
	vsnprintf(args->text[args->n], sizeof(args->text[0]), format, list);
	va_end(list);
	args->argv[args->n] = args->text[args->n];
	args->n++;
}

uint32_t eal_lcore_cpus(const struct config *config, uint32_t cpus[3 * CONFIG_CPUS_MAX])
{
	const struct config_lcores *lcores = &config->lcores;
	uint32_t n = 0;

	for (uint32_t i = 0; i < lcores->n_io; i++)
		cpus[n++] = lcores->io[i];
	for (uint32_t i = 0; i < lcores->n_workers; i++)
		cpus[n++] = lcores->workers[i];
	for (uint32_t i = 0; i < lcores->n_complete; i++)
		cpus[n++] = lcores->complete[i];
	return n;
}

// Several lcores may share a CPU, so each is given its CPU by name: "0@1,1@0" runs lcore 0 on
// CPU 1.
static void eal_add_lcores(struct eal_args *args, const struct config *config)
{
	uint32_t cpus[3 * CONFIG_CPUS_MAX];
	uint32_t n = eal_lcore_cpus(config, cpus);
	char text[CONFIG_PATH_MAX];
	int at = snprintf(text, sizeof(text), "%d@%u", EAL_CONTROL_LCORE, config->lcores.control);

	for (uint32_t i = 0; i < n && at < (int)sizeof(text); i++)
		at += snprintf(text + at, sizeof(text) - (size_t)at, ",%u@%u", EAL_FIRST_LCORE + i,
			cpus[i]);
	eal_add(args, "--lcores=%s", text);
	eal_add(args, "--main-lcore=%d", EAL_CONTROL_LCORE);
}

// Only the PCI devices that are ports are touched: other NICs stay with their owners.
static void eal_add_buses(struct eal_args *args, const struct config *config)
{
	bool any = false;

	for (uint32_t i = 0; i < config->n_ports; i++) {
		const struct config_port *port = &config->ports[i];

		for (uint32_t d = 0; d <= port->n_members; d++) {
			const char *device = devices_of(port, d);

			if (!devices_is_pci(device))
				continue;
			eal_add(args, "--allow=%s", device);
			any = true;
		}
	}
	if (!any)
		eal_add(args, "--no-pci");
}

static const char *eal_remedy(const struct config *config)
{
	if (config->memory.hugepages)
		return "are there enough free hugepages? martletctl doctor tells";
	return "is memory.megabytes more than the machine has, or a CPU in lcores offline?";
}

// Without one of them EAL starts, and whatever needs it fails for reasons of its own.
int eal_check_drivers(const struct config *config, struct error *err)
{
	const char *const pool = rte_mbuf_best_mempool_ops();
	bool has_pool = false;

	for (uint32_t i = 0; i < rte_mempool_ops_table.num_ops; i++)
		has_pool |= strcmp(rte_mempool_ops_table.ops[i].name, pool) == 0;
	if (!has_pool)
		return error_set(err, -ENODEV,
			"DPDK has no mempool driver '%s': install librte-mempool-ring" DPDK_ABI,
			pool);
	for (uint32_t i = 0; i < config->n_ports; i++) {
		const struct config_port *port = &config->ports[i];

		for (uint32_t d = 0; d <= port->n_members && !port_is_memif(port); d++) {
			const char *device = devices_of(port, d);
			const char *bus = devices_is_pci(device) ? "pci" : "vdev";

			if (!rte_bus_find_by_name(bus))
				return devices_no_bus(port->name, bus, err);
		}
	}
	return 0;
}

int eal_start(const struct config *config, uint32_t megabytes, struct error *err)
{
	uint64_t owner;
	static bool started;
	static struct eal_args args; // EAL keeps pointers into it

	if (started)
		return error_set(err, -EALREADY,
			"the dataplane can be started once a process: start martletd anew");
	eal_add(&args, "martletd");
	eal_add_lcores(&args, config);
	eal_add_buses(&args, config);
	eal_add(&args, "--file-prefix=martlet-%d", (int)getpid());
	eal_add(&args, "--no-telemetry");
	eal_add(&args, "--log-level=warning");
	// memif warns that no second process can join, which is what we want.
	eal_add(&args, "--log-level=pmd.net.memif:error");
	// Either way nothing is left in the file system and no second process is let in.
	if (config->memory.hugepages) {
		eal_add(&args, "--in-memory");
	} else {
		eal_add(&args, "--no-huge");
		eal_add(&args, "--no-shconf");
	}
	eal_add(&args, "-m");
	eal_add(&args, "%u", megabytes);
	rte_openlog_stream(stderr);
	started = true;
	if (rte_eal_init(args.n, args.argv) < 0) {
		rmdir(rte_eal_get_runtime_dir());
		return error_set(err, rte_errno > 0 ? -rte_errno : -EINVAL,
			"DPDK does not start: %s; %s", rte_strerror(rte_errno), eal_remedy(config));
	}
	// Makes the table of ports while there is memory for it: later DPDK would panic.
	rte_eth_dev_owner_new(&owner);
	return 0;
}

void eal_stop(void)
{
	char directory[CONFIG_PATH_MAX];

	snprintf(directory, sizeof(directory), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	rmdir(directory); // EAL makes it for each process, and leaves it empty
}
