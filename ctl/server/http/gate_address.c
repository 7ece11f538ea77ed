// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/gate_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

struct gate_address gate_address_of(const struct sockaddr_storage *from)
{
	const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)from;
	const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)from;
	struct gate_address address = { 0 };

	if (from->ss_family == AF_INET) {
		address.family = AF_INET;
		memcpy(address.bytes, &ipv4->sin_addr, sizeof(ipv4->sin_addr));
	} else if (from->ss_family == AF_INET6) {
		address.family = AF_INET6;
		memcpy(address.bytes, &ipv6->sin6_addr, sizeof(address.bytes));
	}
	return address;
}

bool gate_address_is(const struct gate_address *a, const struct gate_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

uint32_t gate_address_hash(const struct gate_address *address, uint32_t seed)
{
	uint32_t hash = 2166136261 ^ seed; // FNV-1a

	for (size_t i = 0; i < sizeof(address->bytes); i++)
		hash = (hash ^ address->bytes[i]) * 16777619;
	return hash ^ hash >> 16;
}

bool gate_address_is_loopback(const struct sockaddr_storage *from)
{
	const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)from;
	const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)from;

	return from->ss_family == AF_INET
		? ntohl(ipv4->sin_addr.s_addr) >> 24 == 127
		: from->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&ipv6->sin6_addr);
}

void gate_address_text(const struct sockaddr_storage *from, char *text, size_t size)
{
	const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)from;
	const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)from;

	inet_ntop(from->ss_family,
		from->ss_family == AF_INET ? (const void *)&ipv4->sin_addr
					   : (const void *)&ipv6->sin6_addr,
		text, (socklen_t)size);
}
