// SPDX-License-Identifier: BSD-3-Clause
// Whose the addresses in a packet are: ours, no host's, a group's. Addresses are as they lie in the packet. Pure
// functions, on the way of every packet.
#pragma once

#include "dataplane/port.h"

#include <string.h>

static inline bool address_ipv4_is_ours(const struct port *port, uint32_t address)
{
	for (uint32_t i = 0; i < port->n_ipv4; i++)
		if (port->ipv4[i] == address)
			return true;
	return false;
}

// Addresses that no host sends from. The first byte tells zero, loopback, multicast, reserved and
// broadcast; our own and the subnets' broadcast addresses are compared with.
static inline bool address_ipv4_is_bad_source(const struct port *port, uint32_t address)
{
	uint8_t first = (uint8_t)address; // network order: the first byte lies lowest

	if (first == 0 || first == 127 || first >= 224)
		return true;
	for (uint32_t i = 0; i < port->n_ipv4; i++)
		if (address == port->ipv4[i] || address == port->ipv4_broadcast[i])
			return true;
	return false;
}

static inline bool address_ipv6_is(const uint8_t *address, const struct in6_addr *other)
{
	uint64_t a[2], b[2];

	memcpy(a, address, sizeof(a));
	memcpy(b, other, sizeof(b));
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]));
}

static inline bool address_ipv6_is_ours(const struct port *port, const uint8_t *address)
{
	for (uint32_t i = 0; i < port->n_ipv6; i++)
		if (address_ipv6_is(address, &port->ipv6[i]))
			return true;
	return false;
}

static inline bool address_ipv6_is_bad_source(const struct port *port, const uint8_t *address)
{
	if (address[0] == 0xff)
		return true;
	if (address[0] == 0 &&
		(address_ipv6_is(address, &in6addr_any) ||
			address_ipv6_is(address, &in6addr_loopback)))
		return true;
	return address_ipv6_is_ours(port, address);
}

// The group by which neighbours ask for an address (RFC 4291, 2.7.1): ff02::1:ff00:0/104 and its last 24 bits.
static inline struct in6_addr address_solicited_node(const struct in6_addr *address)
{
	struct in6_addr group = { .s6_addr = { 0xff, 2, [11] = 1, [12] = 0xff } };

	memcpy(group.s6_addr + 13, address->s6_addr + 13, 3);
	return group;
}
