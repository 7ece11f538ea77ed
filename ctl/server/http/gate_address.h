// SPDX-License-Identifier: BSD-3-Clause
// What counts as one peer of a network, whose connections are counted together: an address of IPv4, a /64 of
// IPv6.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct gate_address {
	sa_family_t family; // 0: none, as of a UNIX socket
	uint8_t bytes[8];
};

struct gate_address gate_address_of(const struct sockaddr_storage *from);
bool gate_address_is(const struct gate_address *a, const struct gate_address *b);
uint32_t gate_address_hash(const struct gate_address *address, uint32_t seed);
bool gate_address_is_loopback(const struct sockaddr_storage *from);
// The whole address, as "127.0.0.1".
void gate_address_text(const struct sockaddr_storage *from, char *text, size_t size);
