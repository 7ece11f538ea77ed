// SPDX-License-Identifier: BSD-3-Clause
#include "config/addresses.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

// Blocks that no host has an address of. IANA's special-purpose registries (RFC 6890), RFC 1112 and
// RFC 4291 have them.
static const struct block_ipv4 {
	uint32_t first;
	uint8_t bits;
	const char *what;
} BLOCKS_IPV4[] = {
	{ 0x00000000, 32, "it is the unspecified address" },
	{ 0x00000000, 8, "0.0.0.0/8 is no network's, but stands for \"this one\"" },
	{ 0x7f000000, 8, "it is a loopback address" },
	{ 0xe0000000, 4, "it is a multicast address" },
	{ 0xffffffff, 32, "it is the broadcast address of every link" },
	{ 0xf0000000, 4, "240.0.0.0/4 is reserved" },
};

static const struct block_ipv6 {
	uint8_t first[16];
	uint8_t bits;
	const char *what;
} BLOCKS_IPV6[] = {
	{ { 0 }, 128, "it is the unspecified address" },
	{ { [15] = 1 }, 128, "it is the loopback address" },
	{ { [10] = 0xff, 0xff }, 96,
		"it is an IPv4 address mapped into IPv6 (::ffff:0:0/96): name it as IPv4" },
	{ { 0 }, 96, "it is an IPv4 address within IPv6 (::/96): name it as IPv4" },
	{ { [8] = 0xff, 0xff }, 96,
		"it is an IPv4 address translated into IPv6 (::ffff:0:0:0/96): name it as IPv4" },
	{ { 0, 0x64, 0xff, 0x9b }, 96,
		"it is an IPv4 address translated into IPv6 (64:ff9b::/96): name it as IPv4" },
	{ { 0x01 }, 64, "100::/64 is for what is to be discarded" },
	{ { 0xff }, 8, "it is a multicast address" },
};

static uint32_t addresses_mask(uint32_t bits)
{
	return bits ? UINT32_MAX << (32 - bits) : 0;
}

static const char *addresses_trouble_ipv4(const struct config_address *address)
{
	const uint32_t a = ntohl(address->ipv4.s_addr);
	const uint32_t host = ~addresses_mask(address->prefix_length);

	for (size_t i = 0; i < N(BLOCKS_IPV4); i++)
		if (((a ^ BLOCKS_IPV4[i].first) & addresses_mask(BLOCKS_IPV4[i].bits)) == 0)
			return BLOCKS_IPV4[i].what;
	if (address->prefix_length >= 31) // no address is set aside (RFC 3021)
		return NULL;
	if ((a & host) == 0)
		return "it is the address of its whole network";
	return (a & host) == host ? "it is the broadcast address of its network" : NULL;
}

static bool addresses_same_bits(const uint8_t *a, const uint8_t *b, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		if ((a[i / 8] ^ b[i / 8]) & 0x80u >> i % 8)
			return false;
	return true;
}

static const char *addresses_trouble_ipv6(const struct config_address *address)
{
	static const uint8_t ZERO[16];
	const uint8_t *a = address->ipv6.s6_addr;

	for (size_t i = 0; i < N(BLOCKS_IPV6); i++)
		if (addresses_same_bits(a, BLOCKS_IPV6[i].first, 0, BLOCKS_IPV6[i].bits))
			return BLOCKS_IPV6[i].what;
	if (address->prefix_length >= 127) // RFC 6164
		return NULL;
	if (addresses_same_bits(a, ZERO, address->prefix_length, 128))
		return "it is the anycast address of its network's routers (RFC 4291)";
	return NULL;
}

const char *addresses_trouble(const struct config_address *address)
{
	return address->is_ipv6 ? addresses_trouble_ipv6(address) : addresses_trouble_ipv4(address);
}
