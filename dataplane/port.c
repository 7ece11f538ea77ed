// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/port.h"

#include "base/device_text.h"
#include "dataplane/device/devargs.h"
#include "dataplane/device/devices.h"
#include "dataplane/device/mtu.h"
#include "dataplane/device/tag_filter.h"
#include "dataplane/memif/device.h"
#include "dataplane/memif/server.h"

#include <rte_byteorder.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <stdlib.h>

#define QUEUES_MAX 64

static uint32_t port_subnet_broadcast(uint32_t address_be, uint8_t prefix_length)
{
	// A /31 and a /32 have no broadcast address (RFC 3021).
	if (prefix_length >= 31)
		return address_be;
	return address_be | rte_cpu_to_be_32(UINT32_MAX >> prefix_length);
}

static void port_init_vlans(struct port *port, const struct config_port *config)
{
	static const uint16_t TYPES[] = {
		[CONFIG_VLAN_TYPE_ANY] = 0,
		[CONFIG_VLAN_TYPE_8021Q] = RTE_BE16(RTE_ETHER_TYPE_VLAN),
		[CONFIG_VLAN_TYPE_8021AD] = RTE_BE16(RTE_ETHER_TYPE_QINQ),
	};

	port->tag_type_be = TYPES[config->vlan_type];
	port->n_vlans = config->n_vlans;
	memcpy(port->vlans, config->vlans, sizeof(port->vlans));
	port->refuses_untagged = config->n_vlans > 0;
	for (uint32_t i = 0; i < config->n_vlans; i++)
		port->refuses_untagged &= config->vlans[i] != 0;
}

void port_init(struct port *port, uint16_t index, const struct config_port *config,
	struct presence *presence)
{
	memset(port, 0, sizeof(*port));
	port->index = index;
	port->config = config;
	port->udp_port_be = rte_cpu_to_be_16(config->udp_port);
	port->mtu = config->mtu;
	port_init_vlans(port, config);
	port->trusts_checksum = config->checksum == CONFIG_CHECKSUM_TRUST;
	port->icmp_errors = config->icmp_errors;
	port->presence = presence;
	for (uint32_t i = 0; i < config->n_addresses; i++) {
		const struct config_address *address = &config->addresses[i];

		if (address->is_ipv6) {
			port->ipv6_index[port->n_ipv6] = (uint8_t)i;
			port->ipv6[port->n_ipv6++] = address->ipv6;
			continue;
		}
		port->ipv4_index[port->n_ipv4] = (uint8_t)i;
		port->ipv4[port->n_ipv4] = address->ipv4.s_addr;
		port->ipv4_broadcast[port->n_ipv4++] =
			port_subnet_broadcast(address->ipv4.s_addr, address->prefix_length);
	}
}

static int port_no_device(const struct port *port, struct error *err)
{
	struct rte_devargs args = { 0 };

	if (devices_is_pci(port->config->device))
		return error_set(err, -ENODEV,
			"port %s: no device at %s has a driver for DPDK; martletctl doctor helps",
			port->config->name, port->config->device);
	if (rte_devargs_parse(&args, port->config->device) != 0)
		return devices_no_driver(port->config->name, port->config->device, err);
	free(args.data); // what rte_devargs_reset() does, which is experimental
	return error_set(err, -ENODEV,
		"port %s: DPDK cannot make device %s: check the driver's name, and that the "
		"interface, file or socket directory it names exists and may be used",
		port->config->name, device_told(port->config->device).s);
}

// Of AF_XDP the interface is locked, and the driver told how many of its queues it shall have.
static int port_hold_interface(struct port *port, char *device, size_t size, struct error *err)
{
	const struct config_port *config = port->config;
	const struct xdp_request request = { config->device, config->queues, config->steered };

	snprintf(device, size, "%s", config->device);
	if (!xdp_device_is(config->device))
		return 0;
	if (xdp_hold_take(&port->xdp, &request, err) != 0 ||
		xdp_device_write(config->device, port->xdp.queues, device, size, err) != 0)
		return error_prefix(err, "port %s", config->name);
	return 0;
}

static int port_find_device(struct port *port, const char *device, struct error *err)
{
	struct rte_dev_iterator iterator;
	char match[CONFIG_PATH_MAX];
	uint16_t id = RTE_MAX_ETHPORTS;
	size_t name_bytes = devargs_name_bytes(port->config->device);

	if (rte_dev_probe(device) < 0)
		return port_no_device(port, err);
	port->probed = true;
	snprintf(match, sizeof(match), "%.*s", (int)name_bytes, port->config->device);
	if (rte_eth_dev_get_port_by_name(match, &id) == 0) {
		port->id = id;
		return 0;
	}
	RTE_ETH_FOREACH_MATCHING_DEV(id, match, &iterator)
	{
		port->id = id;
		rte_eth_iterator_cleanup(&iterator);
		return 0;
	}
	return port_no_device(port, err);
}

// Whether the kernel spreads packets over all queues of such a device, whether we poll them or not.
static bool port_kernel_spreads(const char *driver)
{
	return strcmp(driver, "net_af_packet") == 0 || strcmp(driver, "net_af_xdp") == 0;
}

static int port_choose_queues(struct port *port, const struct rte_eth_dev_info *info,
	uint32_t polling, uint32_t senders, struct error *err)
{
	const struct config_port *config = port->config;
	uint32_t queues = config->queues ? config->queues : polling;
	int rc = devices_check_queues(
		config, info->max_rx_queues, info->max_tx_queues, senders, err);

	if (rc != 0)
		return rc;
	if (!config->queues && port_kernel_spreads(info->driver_name))
		queues = info->max_rx_queues;
	if (queues > info->max_rx_queues)
		queues = info->max_rx_queues;
	port->rx_queues = (uint16_t)(queues < QUEUES_MAX ? queues : QUEUES_MAX);
	port->tx_queues = (uint16_t)senders;
	// A socket of AF_XDP receives and sends: its driver has as many queues of either kind.
	if (port->xdp.if_index)
		port->tx_queues = port->rx_queues;
	return 0;
}

// These say that they take 1518 bytes, whatever they take: mtu.c knows better.
static bool port_understates_mtu(const struct config_port *config)
{
	bool any = false;

	for (uint32_t i = 0; i <= config->n_members; i++) {
		const char *device = devices_of(config, i);

		any |= devargs_is_of(device, "net_af_packet") || devargs_is_of(device, "net_memif");
	}
	return any;
}

static int port_choose_mtu(struct port *port, const struct rte_eth_dev_info *info,
	struct rte_eth_conf *conf, struct error *err)
{
	uint32_t overhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
	uint32_t longest;

	if (info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu)
		overhead = info->max_rx_pktlen - info->max_mtu;
	longest = info->max_rx_pktlen > overhead ? info->max_rx_pktlen - overhead : 0;
	if (longest > info->max_mtu)
		longest = info->max_mtu;
	if (port->mtu > longest && !port_understates_mtu(port->config))
		return error_set(err, -EINVAL, "port %s: mtu is %u, but %s takes at most %u",
			port->config->name, port->mtu, device_told(port->config->device).s,
			longest);
	if (!devices_is_pci(port->config->device) &&
		mtu_check_interface(port->config, info->if_index, err) != 0)
		return err->code;
	conf->rxmode.mtu = port->mtu < longest ? port->mtu : longest;
	return 0;
}

static void port_choose_offloads(
	struct port *port, const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	const uint64_t rx = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	const uint64_t tx = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	const uint64_t hashes = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
		RTE_ETH_RSS_NONFRAG_IPV6_UDP;

	port->rx_checksum = (info->rx_offload_capa & rx) == rx;
	port->tx_checksum = (info->tx_offload_capa & tx) == tx;
	if (port->rx_checksum)
		conf->rxmode.offloads |= rx;
	if (port->tx_checksum)
		conf->txmode.offloads |= tx;
	// All mbufs come from one pool and have one reference, as this offload demands.
	conf->txmode.offloads |= info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	conf->rx_adv_conf.rss_conf.rss_hf = hashes & info->flow_type_rss_offloads;
	if (port->rx_queues > 1 && conf->rx_adv_conf.rss_conf.rss_hf)
		conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	else
		conf->rx_adv_conf.rss_conf.rss_hf = 0;
}

static int port_refuse(const struct port *port, const char *what, int rc, struct error *err)
{
	if (port->xdp.if_index && port->configured)
		return error_set(err, rc,
			"port %s: %s: %s: the kernel gives no AF_XDP socket: it takes root (or "
			"what /usr/share/martlet/af_xdp.conf lists), and an interface that no "
			"other program receives from by AF_XDP; the log above says more",
			port->config->name, device_told(port->config->device).s, what);
	return error_set(err, rc, "port %s: %s: %s: %s", port->config->name,
		device_told(port->config->device).s, what, strerror(-rc));
}

static int port_setup_queues(struct port *port, const struct rte_eth_dev_info *info,
	const struct rte_eth_conf *conf, struct rte_mempool *pool, struct error *err)
{
	struct rte_eth_rxconf rx = info->default_rxconf;
	struct rte_eth_txconf tx = info->default_txconf;
	uint16_t n_rx = PORT_DESCRIPTORS, n_tx = PORT_DESCRIPTORS;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &n_rx, &n_tx);

	if (rc != 0)
		return port_refuse(port, "descriptors", rc, err);
	rx.offloads = conf->rxmode.offloads;
	tx.offloads = conf->txmode.offloads;
	for (uint16_t q = 0; q < port->rx_queues; q++) {
		rc = rte_eth_rx_queue_setup(port->id, q, n_rx, SOCKET_ID_ANY, &rx, pool);
		if (rc != 0)
			return port_refuse(port, "receive queue", rc, err);
	}
	for (uint16_t q = 0; q < port->tx_queues; q++) {
		rc = rte_eth_tx_queue_setup(port->id, q, n_tx, SOCKET_ID_ANY, &tx);
		if (rc != 0)
			return port_refuse(port, "transmit queue", rc, err);
	}
	return 0;
}

// Joins the groups that neighbour solicitations come to, and that of all nodes, to which others
// advertise and queriers of MLD ask. A device without a filter passes them
// anyway, so that it is no failure where one refuses.
static void port_join_groups(const struct port *port)
{
	struct rte_ether_addr groups[CONFIG_ADDRESSES_MAX + 1];

	for (uint32_t i = 0; i < port->n_ipv6; i++) {
		const uint8_t *a = port->ipv6[i].s6_addr;

		groups[i] = (struct rte_ether_addr){ { 0x33, 0x33, 0xff, a[13], a[14], a[15] } };
	}
	groups[port->n_ipv6] = (struct rte_ether_addr){ { 0x33, 0x33, 0, 0, 0, 1 } };
	if (port->n_ipv6 && rte_eth_dev_set_mc_addr_list(port->id, groups, port->n_ipv6 + 1u) != 0)
		rte_eth_allmulticast_enable(port->id);
}

// A memif port without a peer waits for one: that is no trouble. What the kernel says of an interface
// counts where a virtual device stands on one; a card has a link of its own.
static void port_begin_watch(struct port *port, const struct rte_eth_dev_info *info)
{
	struct trouble_subject subject = { .name = port->config->name,
		.id = port->id,
		.mtu = port->mtu,
		// Its driver holds no packet buffers; that of AF_XDP keeps those that were in its
		// rings.
		.can_return = devargs_is_of(port->config->device, "net_af_packet") };

	if (strcmp(port->driver, "net_memif") == 0)
		return;
	if (port->bond.n)
		subject.bond = &port->bond;
	else if (!devices_is_pci(port->config->device))
		subject.if_index = info->if_index;
	// One that has gone again by now has the name that the device was told.
	if (subject.if_index && !if_indextoname(subject.if_index, subject.if_name))
		devargs_text(
			port->config->device, "iface", subject.if_name, sizeof(subject.if_name));
	if (port->xdp.if_index) {
		xdp_hold_open(&port->xdp);
		subject.xdp = &port->xdp;
	}
	trouble_begin(&port->trouble, &subject);
}

// Where the type of an outer tag is hidden, there is one: 0x8100 unless the configuration says another.
static int port_tell_tags_apart(struct port *port, uint32_t if_index, struct error *err)
{
	port->tag_type_hidden = true;
	if (!port->tag_type_be)
		port->tag_type_be = RTE_BE16(RTE_ETHER_TYPE_VLAN);
	if (tag_filter_attach(if_index, rte_be_to_cpu_16(port->tag_type_be), err) != 0)
		return error_prefix(err, "port %s: device %s", port->config->name,
			device_told(port->config->device).s);
	return 0;
}

static int port_tell_all_tags_apart(
	struct port *port, const struct rte_eth_dev_info *info, struct error *err)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < port->bond.n; i++)
		if (port->bond.members[i].if_index)
			rc = port_tell_tags_apart(port, port->bond.members[i].if_index, err);
	if (port->bond.n == 0 && strcmp(info->driver_name, "net_af_packet") == 0)
		rc = port_tell_tags_apart(port, info->if_index, err);
	return rc;
}

// `info`: what the device can do; of a bond, what all of its members can, which it does not know before it
// is configured.
static int port_make_device(struct port *port, struct rte_eth_dev_info *info, struct error *err)
{
	char device[CONFIG_PATH_MAX + 32];
	struct rte_eth_dev_info of_bond;
	int rc;

	if (!bond_is_device(port->config->device)) {
		rc = port_hold_interface(port, device, sizeof(device), err);
		if (rc == 0)
			rc = port_find_device(port, device, err);
		if (rc == 0) {
			rc = rte_eth_dev_info_get(port->id, info);
			if (rc != 0)
				return port_refuse(port, "device information", rc, err);
			port->driver = info->driver_name;
		}
		return rc;
	}
	rc = bond_make_members(&port->bond, port->config, device, info, err);
	if (rc == 0)
		rc = port_find_device(port, device, err);
	if (rc != 0)
		return rc;
	rc = rte_eth_dev_info_get(port->id, &of_bond);
	if (rc != 0)
		return port_refuse(port, "device information", rc, err);
	port->driver = of_bond.driver_name;
	info->rx_offload_capa &= of_bond.rx_offload_capa;
	info->tx_offload_capa &= of_bond.tx_offload_capa;
	info->flow_type_rss_offloads &= of_bond.flow_type_rss_offloads;
	info->default_rxconf = of_bond.default_rxconf;
	info->default_txconf = of_bond.default_txconf;
	return 0;
}

static int port_open_device(struct port *port, const struct port_needs *needs, struct error *err)
{
	struct rte_eth_conf conf = { 0 };
	struct rte_eth_dev_info info;
	int rc = port_make_device(port, &info, err);

	if (rc == 0)
		rc = port_tell_all_tags_apart(port, &info, err);
	if (rc != 0)
		return rc;
	rc = port_choose_queues(port, &info, needs->polling, needs->senders, err);
	if (rc != 0)
		return rc;
	rc = port_choose_mtu(port, &info, &conf, err);
	if (rc != 0)
		return rc;
	port_choose_offloads(port, &info, &conf);
	rc = rte_eth_dev_configure(port->id, port->rx_queues, port->tx_queues, &conf);
	if (rc != 0)
		return port_refuse(port, "configure", rc, err);
	port->configured = true;
	rc = port_setup_queues(port, &info, &conf, needs->pool, err);
	if (rc != 0)
		return rc;
	rc = rte_eth_macaddr_get(port->id, &port->mac);
	if (rc != 0)
		return port_refuse(port, "MAC address", rc, err);
	rc = rte_eth_dev_start(port->id);
	if (rc != 0)
		return port_refuse(port, "start", rc, err);
	port->started = true;
	if (port->bond.n && bond_begin(&port->bond, port->id, err) != 0)
		return error_prefix(err, "port %s", port->config->name);
	port_begin_watch(port, &info);
	port_join_groups(port);
	return 0;
}

static int port_open_memif(struct port *port, const struct port_needs *needs, struct error *err)
{
	const struct config_port *config = port->config;
	struct memif_device device;
	uint32_t queues = config->queues ? config->queues : needs->polling;

	if (memif_device_parse(config->device, &device, err) != 0)
		return error_prefix(
			err, "port %s: device %s", config->name, device_told(config->device).s);
	if (queues > QUEUES_MAX || needs->senders > QUEUES_MAX)
		return error_set(err, -EINVAL,
			"port %s: %u queues to receive on and %u to send by; memif has %d of each",
			config->name, queues, needs->senders, QUEUES_MAX);
	port->driver = "memif";
	port->mac = device.mac;
	port->rx_queues = (uint16_t)queues;
	port->tx_queues = (uint16_t)needs->senders;
	port->memif = memif_port_create(needs->pool, port->rx_queues, port->tx_queues, err);
	if (port->memif) {
		snprintf(port->memif->name, sizeof(port->memif->name), "%s", config->name);
		if (memif_server_add(needs->memif, &device, port->memif, err) == 0)
			return 0;
	}
	return error_prefix(err, "port %s: device %s", config->name, device_told(config->device).s);
}

bool port_is_memif(const struct config_port *config)
{
	return memif_device_is_server(config->device);
}

int port_open(struct port *port, const struct port_needs *needs, struct error *err)
{
	return port_is_memif(port->config) ? port_open_memif(port, needs, err)
					   : port_open_device(port, needs, err);
}

void port_close(struct port *port)
{
	memif_port_destroy(port->memif);
	port->memif = NULL;
	if (port->started)
		rte_eth_dev_stop(port->id);
	if (port->configured)
		rte_eth_dev_close(port->id);
	bond_close_members(&port->bond);
	port->started = port->configured = port->probed = false;
	xdp_hold_release(&port->xdp);
}

bool port_link_is_up(const struct port *port)
{
	if (port->memif)
		return atomic_load_explicit(&port->memif->link, memory_order_relaxed) != NULL;
	return !port->trouble.is_link_down;
}

// Closes the device and takes it out of DPDK, so that one can be made of the same name.
static void port_remove(struct port *port)
{
	struct rte_eth_dev_info info;
	struct rte_device *device = NULL;

	if (port->probed && rte_eth_dev_info_get(port->id, &info) == 0)
		device = info.device;
	port_close(port);
	if (device)
		rte_dev_remove(device);
}

int port_reopen(struct port *port, const struct port_needs *needs, struct error *err)
{
	struct rte_eth_stats stats = { 0 };
	int rc;

	if (port->started && rte_eth_stats_get(port->id, &stats) == 0) {
		port->earlier.imissed += stats.imissed;
		port->earlier.ierrors += stats.ierrors;
		port->earlier.oerrors += stats.oerrors;
		port->earlier.rx_nombuf += stats.rx_nombuf;
	}
	port_remove(port);
	rc = port_open(port, needs, err);
	if (rc != 0)
		port_remove(port);
	return rc;
}

// What a device says of itself; the rest is the port's.
static void port_info_device(const struct port *port, struct port_info *info)
{
	struct rte_eth_link link = { 0 };
	struct rte_eth_stats stats = { 0 };

	if (port->started) {
		rte_eth_link_get_nowait(port->id, &link);
		rte_eth_stats_get(port->id, &stats);
	}
	info->link_up = link.link_status && !port->trouble.is_link_down;
	info->link_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
	info->rx_missed = stats.imissed + port->earlier.imissed;
	info->rx_errors = stats.ierrors + port->earlier.ierrors;
	info->tx_errors = stats.oerrors + port->earlier.oerrors;
	info->rx_nombuf = stats.rx_nombuf + port->earlier.rx_nombuf;
}

static void port_info_memif(const struct port *port, struct port_info *info)
{
	struct memif_port_stats stats;

	memif_port_stats(port->memif, &stats);
	info->link_up = port_link_is_up(port);
	info->rx_missed = stats.rx_missed;
	info->rx_errors = stats.rx_errors;
	info->tx_errors = stats.tx_errors;
	info->rx_nombuf = stats.rx_nombuf;
	info->peers_turned_away = stats.peers_turned_away;
}

void port_info(const struct port *port, struct port_info *info)
{
	*info = (struct port_info){
		.name = port->config->name,
		.device = port->config->device,
		.driver = port->driver,
		.mtu = port->mtu,
		.udp_port = port->config->udp_port,
		.rx_queues = port->rx_queues,
		.tx_queues = port->tx_queues,
		.rx_checksum_offload = port->rx_checksum,
		.tx_checksum_offload = port->tx_checksum,
		.config = port->config,
	};
	memcpy(info->mac, &port->mac, sizeof(info->mac));
	memcpy(info->trouble, port->trouble.text, sizeof(info->trouble));
	if (info->trouble[0])
		info->trouble_since = port->trouble.since.tv_sec;
	if (port->memif)
		port_info_memif(port, info);
	else
		port_info_device(port, info);
	presence_info(port->presence, info);
}
