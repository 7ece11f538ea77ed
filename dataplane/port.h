// SPDX-License-Identifier: BSD-3-Clause
// A port: a DPDK device, configured and started, or a memif interface that we serve ourselves, with
// the addresses it answers for.
// Made and closed by the control thread; immutable, and read by every lcore, while they run.
#pragma once

#define PORT_DESCRIPTORS 1024 // of each queue, as far as the device has them

#include "base/error.h"
#include "dataplane/device/bond.h"
#include "dataplane/device/trouble.h"
#include "dataplane/info.h"
#include "dataplane/memif/port.h"
#include "dataplane/presence.h"
#include "dataplane/xdp/hold.h"

#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mempool.h>
#include <stdatomic.h>

struct memif_server;

struct port {
	// Written by the control thread, read by the lcores: hands off the device, it is being opened
	// anew. The rest stands still while lcores run, but for what belongs to a device, then.
	_Atomic(bool) is_away;

	// What the stages read.
	struct memif_port *memif; // NULL: a DPDK device
	struct rte_ether_addr mac;
	uint16_t id;          // DPDK's
	uint16_t index;       // in the dataplane
	uint16_t udp_port_be; // in network order
	uint16_t mtu;         // longest IP packet
	uint8_t n_ipv4, n_ipv6;
	bool tx_checksum;     // the device fills in IPv4 and UDP checksums
	bool trusts_checksum; // a wrong UDP checksum is accepted
	bool rx_checksum;     // the device says in ol_flags whether checksums are good
	bool refuses_untagged;
	bool icmp_errors;     // are sent
	bool tag_type_hidden; // outer tags read 0x8100 and are of tag_type_be
	uint16_t tag_type_be; // that outer tags must have, in network order; 0: either
	uint32_t n_vlans;     // 0: all
	uint32_t ipv4[CONFIG_ADDRESSES_MAX];           // in network order
	uint32_t ipv4_broadcast[CONFIG_ADDRESSES_MAX]; // the subnet's; the address itself if none
	struct in6_addr ipv6[CONFIG_ADDRESSES_MAX];
	uint8_t ipv4_index[CONFIG_ADDRESSES_MAX]; // of each among config->addresses
	uint8_t ipv6_index[CONFIG_ADDRESSES_MAX];
	struct presence *presence;        // which lcores write to
	uint32_t vlans[CONFIG_VLANS_MAX]; // CONFIG_VLAN() of what is taken

	// What the control thread reads.
	const struct config_port *config;
	const char *driver;
	uint16_t rx_queues, tx_queues;
	bool probed, configured, started;
	struct rte_eth_stats earlier; // of devices that the port had before
	struct trouble trouble;
	struct xdp_hold xdp; // of an AF_XDP port: its interface
	struct bond bond;    // n is 0 where it is none
};

// Takes over the addresses and the service port of `config`, and `presence`, which must outlive it; no
// device yet.
void port_init(struct port *port, uint16_t index, const struct config_port *config,
	struct presence *presence);

// What it takes to open one.
struct port_needs {
	uint32_t polling, senders; // lcores that receive, and that send
	struct rte_mempool *pool;
	struct memif_server
		*memif; // that memif ports are added to; it serves them once it is started
};

// Whether the port is one that needs a memif server.
bool port_is_memif(const struct config_port *config);

// Finds or creates the device, configures `polling` or fewer RX queues and one TX queue for each of
// `senders` lcores, and starts it. -ENODEV, -EINVAL, -EADDRINUSE or what DPDK says, with a sentence
// that names the port and the remedy.
int port_open(struct port *port, const struct port_needs *needs, struct error *err);
// One that was opened half or not at all is fine. The memif server must have ended.
void port_close(struct port *port);

// Whether the memif port has a peer, or the device a link, as trouble_look() last found it. The control
// thread.
bool port_link_is_up(const struct port *port);

// Closes the device and opens it anew, while no lcore uses it. On failure it is closed, and may be
// tried again.
int port_reopen(struct port *port, const struct port_needs *needs, struct error *err);

// Fills in all but packets and bytes, which the lcores count.
void port_info(const struct port *port, struct port_info *info);

// What the lcores receive and send by; as rte_eth_rx_burst() and rte_eth_tx_burst().
static inline uint16_t port_rx(
	const struct port *port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n)
{
	if (unlikely(atomic_load_explicit(&port->is_away, memory_order_acquire)))
		return 0;
	if (port->memif)
		return memif_port_rx(port->memif, queue, mbufs, n);
	return rte_eth_rx_burst(port->id, queue, mbufs, n);
}

static inline uint16_t port_tx(
	const struct port *port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n)
{
	if (unlikely(atomic_load_explicit(&port->is_away, memory_order_acquire)))
		return 0;
	if (port->memif)
		return memif_port_tx(port->memif, queue, mbufs, n);
	return rte_eth_tx_burst(port->id, queue, mbufs, n);
}
