// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/device/bond.h"

#include "base/device_text.h"
#include "dataplane/clock.h"
#include "dataplane/device/abi.h"
#include "dataplane/device/devargs.h"
#include "dataplane/device/netdev.h"
#include "dataplane/memif/device.h"
#include "dataplane/xdp/device.h"

#include <dlfcn.h>
#include <net/if.h>
#include <rte_dev.h>

#define BOND_LIBRARY       "librte_net_bond.so." DPDK_ABI
#define BOND_ACTIVE_BACKUP 1
#define BOND_LACP          4
#define BOND_MODES         7

bool bond_is_device(const char *device)
{
	return devargs_is_of(device, "net_bonding") || devargs_is_of(device, "eth_bond");
}

// The value of "mode=1" among a device's arguments; -1: there is none, or it is no mode.
static int bond_mode(const char *device)
{
	char text[8];

	if (!devargs_text(device, "mode", text, sizeof(text)) || text[0] < '0' ||
		text[0] >= '0' + BOND_MODES || text[1])
		return -1;
	return text[0] - '0';
}

static int bond_check_member(
	const struct config_port *config, uint32_t index, int mode, struct error *err)
{
	const char *member = config->members[index];

	if (memif_device_is_server(member))
		return error_set(err, -EINVAL,
			"port %s: members: '%s': DPDK's memif server trusts its peers and is not "
			"used here; a memif member has role=client",
			config->name, device_told(member).s);
	if (bond_is_device(member))
		return error_set(err, -EINVAL, "port %s: members: '%s' is a bond itself",
			config->name, device_told(member).s);
	if (devargs_is_of(member, "net_af_packet") && mode != BOND_ACTIVE_BACKUP)
		return error_set(err, -EINVAL,
			"port %s: members: '%s': AF_PACKET's driver does not tell when a link is "
			"lost, so that mode=%d would send into it: mode=1 (active-backup) is right",
			config->name, member, mode);
	if (xdp_device_is(member))
		return error_set(err, -EINVAL,
			"port %s: members: '%s': AF_XDP's driver does not take the bond's MAC "
			"address: net_af_packet in its place, or a card that is bound to vfio-pci, "
			"is right",
			config->name, member);
	return 0;
}

int bond_check(const struct config_port *config, struct error *err)
{
	const int mode = bond_mode(config->device);
	size_t bytes;

	if (!bond_is_device(config->device))
		return config->n_members == 0
			? 0
			: error_set(err, -EINVAL,
				  "port %s: members: only a bond has them, as device = "
				  "\"net_bonding0,mode=1\"",
				  config->name);
	if (devargs_find(config->device, "slave", &bytes) || config->n_members == 0)
		return error_set(err, -EINVAL,
			"port %s: %s: its members are named beside it, as in members = [ "
			"\"net_af_packet0,iface=eth1\", \"net_af_packet1,iface=eth2\" ]",
			config->name, config->device);
	if (mode < 0)
		return error_set(err, -EINVAL,
			"port %s: %s: mode=1 (active-backup) is missing, or another of 0 "
			"(round-robin), 2 (balance), 3 (broadcast), 5 and 6 (adaptive)",
			config->name, config->device);
	if (mode == BOND_LACP)
		return error_set(err, -EINVAL,
			"port %s: %s: mode=4 (LACP) wants each transmit queue served ten times a "
			"second, also where nothing is sent, and lcores send only replies: let the "
			"switch bond without LACP (mode=2), or take mode=1",
			config->name, config->device);
	for (uint32_t i = 0; i < config->n_members; i++) {
		int rc = bond_check_member(config, i, mode, err);

		if (rc != 0)
			return rc;
	}
	return 0;
}

// What two members both can.
static void bond_merge_info(struct rte_eth_dev_info *all, const struct rte_eth_dev_info *one)
{
	all->max_rx_queues = RTE_MIN(all->max_rx_queues, one->max_rx_queues);
	all->max_tx_queues = RTE_MIN(all->max_tx_queues, one->max_tx_queues);
	all->max_rx_pktlen = RTE_MIN(all->max_rx_pktlen, one->max_rx_pktlen);
	all->max_mtu = RTE_MIN(all->max_mtu, one->max_mtu);
	all->rx_offload_capa &= one->rx_offload_capa;
	all->tx_offload_capa &= one->tx_offload_capa;
	all->flow_type_rss_offloads &= one->flow_type_rss_offloads;
}

static int bond_make_member(struct bond *bond, const struct config_port *config, uint32_t index,
	struct rte_eth_dev_info *info, struct error *err)
{
	struct bond_member *member = &bond->members[index];
	const char *device = config->members[index];
	char name[CONFIG_MEMBER_BYTES];

	snprintf(name, sizeof(name), "%.*s", (int)devargs_name_bytes(device), device);
	if (rte_dev_probe(device) < 0 || rte_eth_dev_get_port_by_name(name, &member->id) != 0 ||
		rte_eth_dev_info_get(member->id, info) != 0)
		return error_set(err, -ENODEV,
			"port %s: members: DPDK cannot make device %s: check the driver's name, "
			"and that the interface, file or socket directory it names exists and may "
			"be used",
			config->name, device_told(device).s);
	member->probed = true;
	if (strcmp(info->driver_name, "net_af_packet") == 0 &&
		if_indextoname(info->if_index, member->if_name))
		member->if_index = info->if_index;
	return 0;
}

int bond_make_members(struct bond *bond, const struct config_port *config,
	char device[CONFIG_PATH_MAX], struct rte_eth_dev_info *info, struct error *err)
{
	size_t at = (size_t)snprintf(device, CONFIG_PATH_MAX, "%s", config->device);

	bond->is_chosen = true;
	bond->is_up = true;
	for (uint32_t i = 0; i < config->n_members; i++) {
		const char *member = config->members[i];
		struct rte_eth_dev_info one;
		int rc = bond_make_member(bond, config, i, &one, err);

		bond->n = i + 1;
		if (rc != 0)
			return rc;
		bond->is_chosen &= bond->members[i].if_index != 0;
		if (i == 0)
			*info = one;
		bond_merge_info(info, &one);
		if (at < CONFIG_PATH_MAX)
			at += (size_t)snprintf(device + at, CONFIG_PATH_MAX - at, ",slave=%.*s",
				(int)devargs_name_bytes(member), member);
	}
	if (at < CONFIG_PATH_MAX)
		return 0;
	return error_set(err, -EINVAL, "port %s: device and members are too long", config->name);
}

// The library is loaded already, as a driver of EAL's; martletd is not linked to it, so that it need not be
// there where there are no bonds.
int bond_begin(struct bond *bond, uint16_t id, struct error *err)
{
	void *library;

	bond->id = id;
	bond->lines = LIMIT_LINES(LIMIT_PORT_LINES);
	if (!bond->is_chosen)
		return 0;
	library = dlopen(BOND_LIBRARY, RTLD_NOW | RTLD_NOLOAD);
	if (library)
		*(void **)&bond->set_primary = dlsym(library, "rte_eth_bond_primary_set");
	if (!bond->set_primary)
		return error_set(
			err, -ENODEV, "%s is not the one that DPDK has loaded", BOND_LIBRARY);
	bond->set_primary(bond->id, bond->members[0].id);
	return 0;
}

// Whether the kernel says that the interface is up and has a carrier. One that it cannot be asked about is as
// it was.
static bool bond_link_is_up(struct bond_member *member, bool otherwise)
{
	struct netdev_state state;
	int rc = netdev_look(member->if_index, &state);

	member->is_gone |= rc == -ENODEV || rc == -ENXIO;
	if (member->is_gone)
		return false;
	return rc != 0 ? otherwise : state.is_up && state.has_carrier;
}

// Leaves the member in use alone as long as it has a link, so that one that comes back does not change it
// again.
static uint32_t bond_choose(struct bond *bond, bool *any)
{
	const bool was_up = bond->is_up;

	for (uint32_t i = 0; i < bond->n; i++) {
		const uint32_t chosen = (bond->current + i) % bond->n;

		*any = bond_link_is_up(&bond->members[chosen], was_up && i == 0);
		if (*any)
			return chosen;
	}
	return bond->current;
}

void bond_watch(struct bond *bond)
{
	const uint32_t before = bond->current;

	if (!bond->set_primary)
		return;
	bond->current = bond_choose(bond, &bond->is_up);
	if (bond->current == before)
		return;
	bond->set_primary(bond->id, bond->members[bond->current].id);
	snprintf(bond->news, sizeof(bond->news), "%s has lost its link: %s is in use",
		bond->members[before].if_name, bond->members[bond->current].if_name);
}

bool bond_news(struct bond *bond, char *text, size_t size)
{
	if (!bond->news[0] || !limit_admits(&bond->lines, clock_monotonic_ns()))
		return false;
	snprintf(text, size, "%s", bond->news);
	bond->news[0] = '\0';
	return true;
}

void bond_close_members(struct bond *bond)
{
	for (uint32_t i = 0; i < bond->n; i++)
		if (bond->members[i].probed)
			rte_eth_dev_close(bond->members[i].id);
	bond->n = 0;
}
