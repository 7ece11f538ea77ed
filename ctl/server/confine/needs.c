// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/confine/needs.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BIT(capability) (UINT64_C(1) << (capability))
#define NETWORK         (BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW))
#define FIRST_FREE_PORT 1024 // below it a port is bound with CAP_NET_BIND_SERVICE only

// What is asked for after the start, by DPDK's driver. A device of a driver that is not here has what a network
// card of the kernel's would need.
static const struct {
	const char *driver;
	struct confine_needs needs;
} DRIVERS[] = {
	// Everything comes by descriptors that the peer sends.
	{ "net_memif", { 0 } },
	{ "net_null", { 0 } },
	{ "net_ring", { 0 } },
	{ "net_pcap", { 0 } },
	// Its members are devices of their own.
	{ "net_bonding", { .capabilities = NETWORK, .netlink = true } },
	// The interface is opened again after it was away, and set promiscuous and up.
	{ "net_af_packet", { .capabilities = NETWORK, .packet_sockets = true, .netlink = true } },
	// The program is put back where somebody took it from the interface, and taken away at the end. CAP_NET_RAW
	// tells others who ask that this process may have such sockets (dataplane/xdp/lock.c).
	{ "net_af_xdp", { .capabilities = NETWORK, .xdp_sockets = true, .netlink = true } },
	// Its flags and its rules are set by the kernel's calls.
	{ "net_tap", { .capabilities = BIT(CAP_NET_ADMIN), .netlink = true } },
};
#define N_DRIVERS (sizeof(DRIVERS) / sizeof(DRIVERS[0]))

static void needs_add(struct confine_needs *needs, const struct confine_needs *more)
{
	needs->capabilities |= more->capabilities;
	needs->packet_sockets |= more->packet_sockets;
	needs->xdp_sockets |= more->xdp_sockets;
	needs->netlink |= more->netlink;
}

static bool needs_is_pci(const char *device)
{
	unsigned int domain, bus, slot, function;

	return sscanf(device, "%x:%x:%x.%x", &domain, &bus, &slot, &function) == 4 ||
		sscanf(device, "%x:%x.%x", &bus, &slot, &function) == 3;
}

// A card that the kernel's own driver keeps (mlx5's) is asked by the kernel's calls; one of vfio's has all it
// needs by the descriptor that is open, but for memory that is pinned.
static struct confine_needs needs_of_pci(const char *device)
{
	char path[128], driver[256];
	const char *name;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.*s/driver", (int)strcspn(device, ","),
		device);
	n = readlink(path, driver, sizeof(driver) - 1);
	driver[n > 0 ? n : 0] = '\0';
	name = strrchr(driver, '/');
	if (name && (strcmp(name, "/vfio-pci") == 0 || strcmp(name, "/uio_pci_generic") == 0))
		return (struct confine_needs){ .capabilities = BIT(CAP_IPC_LOCK) };
	return (struct confine_needs){ .capabilities = NETWORK | BIT(CAP_IPC_LOCK),
		.netlink = true };
}

static struct confine_needs needs_of_device(const char *device)
{
	if (needs_is_pci(device))
		return needs_of_pci(device);
	for (size_t i = 0; i < N_DRIVERS; i++)
		if (strncmp(device, DRIVERS[i].driver, strlen(DRIVERS[i].driver)) == 0)
			return DRIVERS[i].needs;
	return (struct confine_needs){
		.capabilities = NETWORK, .packet_sockets = true, .netlink = true
	};
}

static void needs_add_listen(struct confine_needs *needs, const struct config_listen *listen)
{
	if (listen->port && listen->port < FIRST_FREE_PORT)
		needs->capabilities |= BIT(CAP_NET_BIND_SERVICE);
}

void confine_find_needs(const struct config *config, struct confine_needs *needs)
{
	*needs = (struct confine_needs){ 0 };
	for (uint32_t i = 0; i < config->n_ports; i++) {
		const struct config_port *port = &config->ports[i];
		struct confine_needs of = needs_of_device(port->device);

		needs_add(needs, &of);
		for (uint32_t m = 0; m < port->n_members; m++) {
			of = needs_of_device(port->members[m]);
			needs_add(needs, &of);
		}
	}
	needs_add_listen(needs, &config->metrics.listen);
	for (uint32_t i = 0; i < config->control.n_http; i++)
		needs_add_listen(needs, &config->control.http[i].listen);
}
