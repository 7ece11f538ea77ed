// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/bond.h"

#include "dataplane/abi.h"
#include "dataplane/memif/device.h"

#include <dlfcn.h>
#include <net/if.h>
#include <rte_dev.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BOND_LIBRARY       "librte_net_bond.so." DPDK_ABI
#define BOND_ACTIVE_BACKUP 1
#define BOND_LACP          4
#define BOND_MODES         7

bool bond_is_device(const char *device)
{
	return strncmp(device, "net_bonding", 11) == 0 || strncmp(device, "eth_bond", 8) == 0;
}

static size_t bond_name_bytes(const char *device)
{
	return strcspn(device, ",");
}

// The value of "mode=1" among a device's arguments; -1: there is none, or it is no mode.
static int bond_mode(const char *device)
{
	const char *at = strstr(device, ",mode=");

	if (!at || at[6] < '0' || at[6] >= '0' + BOND_MODES || (at[7] && at[7] != ','))
		return -1;
	return at[6] - '0';
}

static int bond_check_member(
	const struct config_port *config, uint32_t index, int mode, struct error *err)
{
	const char *member = config->members[index];

	if (memif_device_is_server(member))
		return error_set(err, -EINVAL,
			"port %s: members: '%s': DPDK's memif server trusts its peers and is not "
			"used here; a memif member has role=client",
			config->name, member);
	if (bond_is_device(member))
		return error_set(err, -EINVAL, "port %s: members: '%s' is a bond itself",
			config->name, member);
	if (strncmp(member, "net_af_packet", 13) == 0 && mode != BOND_ACTIVE_BACKUP)
		return error_set(err, -EINVAL,
			"port %s: members: '%s': AF_PACKET's driver does not tell when a link is "
			"lost, so that mode=%d would send into it: mode=1 (active-backup) is right",
			config->name, member, mode);
	if (strncmp(member, "net_af_xdp", 10) == 0)
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

	if (!bond_is_device(config->device))
		return config->n_members == 0
			? 0
			: error_set(err, -EINVAL,
				  "port %s: members: only a bond has them, as device = "
				  "\"net_bonding0,mode=1\"",
				  config->name);
	if (strstr(config->device, ",slave=") || config->n_members == 0)
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

	snprintf(name, sizeof(name), "%.*s", (int)bond_name_bytes(device), device);
	if (rte_dev_probe(device) < 0 || rte_eth_dev_get_port_by_name(name, &member->id) != 0 ||
		rte_eth_dev_info_get(member->id, info) != 0)
		return error_set(err, -ENODEV,
			"port %s: members: DPDK cannot make device %s: check the driver's name, "
			"and that the interface, file or socket directory it names exists and may "
			"be used",
			config->name, device);
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
				(int)bond_name_bytes(member), member);
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

// Whether the kernel says that the interface is up and has a carrier.
static bool bond_link_is_up(int fd, const struct bond_member *member)
{
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", member->if_name);
	return ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) &&
		(request.ifr_flags & IFF_RUNNING);
}

// Leaves the member in use alone as long as it has a link, so that one that comes back does not change it
// again.
static uint32_t bond_choose(const struct bond *bond, bool *any)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t chosen = bond->current;

	*any = bond->is_up;
	if (fd < 0)
		return chosen;
	*any = false;
	for (uint32_t i = 0; !*any && i < bond->n; i++) {
		chosen = (bond->current + i) % bond->n;
		*any = bond_link_is_up(fd, &bond->members[chosen]);
	}
	close(fd);
	return *any ? chosen : bond->current;
}

void bond_watch(struct bond *bond)
{
	const uint32_t before = bond->current;
	const bool was_up = bond->is_up;

	if (!bond->set_primary)
		return;
	bond->current = bond_choose(bond, &bond->is_up);
	if (bond->current != before) {
		bond->set_primary(bond->id, bond->members[bond->current].id);
		snprintf(bond->news, sizeof(bond->news), "%s has lost its link: %s is in use",
			bond->members[before].if_name, bond->members[bond->current].if_name);
	} else if (bond->is_up != was_up) {
		snprintf(bond->news, sizeof(bond->news),
			bond->is_up ? "%s has a link again"
				    : "no member has a link: %s, too, lost it",
			bond->members[before].if_name);
	}
}

bool bond_news(struct bond *bond, char *text, size_t size)
{
	const bool any = bond->news[0] != '\0';

	if (any)
		snprintf(text, size, "%s", bond->news);
	bond->news[0] = '\0';
	return any;
}

void bond_close_members(struct bond *bond)
{
	for (uint32_t i = 0; i < bond->n; i++)
		if (bond->members[i].probed)
			rte_eth_dev_close(bond->members[i].id);
	bond->n = 0;
}
