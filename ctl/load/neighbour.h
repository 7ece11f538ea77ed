// SPDX-License-Identifier: BSD-3-Clause
// ARP (RFC 826) and neighbour discovery (RFC 4861), as much as a client needs: to ask for the
// peer's MAC, and to answer when somebody asks for ours. Pure functions of bytes; frames begin at
// an even address.
#pragma once

#include "config/settings.h"

#include <stdint.h>

#define NEIGHBOUR_FRAME_MAX 86 // a neighbour solicitation with its option, in an Ethernet frame

enum neighbour_kind {
	NEIGHBOUR_NONE,  // anything else
	NEIGHBOUR_ASKS,  // who has our address?
	NEIGHBOUR_IS_AT, // the peer's address is at ...
};

struct neighbour_message {
	enum neighbour_kind kind;
	uint8_t mac[6];                // of the one who asks, or the peer's
	struct config_address address; // of the one who asks
};

// Writes a question for the MAC of `to`: at most NEIGHBOUR_FRAME_MAX bytes. Returns how many.
uint32_t neighbour_ask(uint8_t *dst, const uint8_t our_mac[6], const struct config_address *from,
	const struct config_address *to);
// Writes the answer to `question`: that `ours` is at our_mac. Returns how many bytes.
uint32_t neighbour_answer(uint8_t *dst, const uint8_t our_mac[6], const struct config_address *ours,
	const struct neighbour_message *question);
// What `frame` says to the owner of the address `ours`: where `peer` is, or that somebody asks for
// us.
struct neighbour_message neighbour_read(const uint8_t *frame, uint32_t size,
	const struct config_address *ours, const struct config_address *peer);
