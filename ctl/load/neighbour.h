// SPDX-License-Identifier: BSD-3-Clause
// ARP (RFC 826) and neighbour discovery (RFC 4861), as much as a client needs: ask for the peer's
// MAC, and answer when somebody asks for ours. Pure functions of bytes.
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

// A question for `to`'s MAC. Writes at most NEIGHBOUR_FRAME_MAX bytes, returns how many.
uint32_t neighbour_ask(uint8_t *dst, const uint8_t our_mac[6], const struct config_address *from,
	const struct config_address *to);
// The answer to `question`, that `ours` is at our_mac.
uint32_t neighbour_answer(uint8_t *dst, const uint8_t our_mac[6], const struct config_address *ours,
	const struct neighbour_message *question);
// What `frame` says to the owner of `ours` about `peer` or about itself.
struct neighbour_message neighbour_read(const uint8_t *frame, uint32_t size,
	const struct config_address *ours, const struct config_address *peer);
