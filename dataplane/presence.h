// SPDX-License-Identifier: BSD-3-Clause
// A port's standing on its link, which all lcores share: who else claims its addresses, when each was
// last defended, and how many messages that nobody scores may still be sent. All of it is of a fixed
// size, whatever arrives.
//
// The port keeps its addresses under any circumstances, as RFC 5227, 2.4 (c), wants it of hosts that
// must stay where they are: it defends each at most once in DEFEND_INTERVAL, and says so.
#pragma once

#include "config/settings.h"
#include "dataplane/info.h"
#include "dataplane/limit.h"

#include <stddef.h>

#define PRESENCE_DEFEND_SECONDS 10 // RFC 5227, 1.1: DEFEND_INTERVAL

struct claim { // by other hosts, on one of our addresses
	// Written by lcores, read by the control thread.
	_Atomic(uint64_t) packets;      // that said so
	_Atomic(uint64_t) defences;     // sent
	_Atomic(uint64_t) mac;          // of the last one, its six bytes as they lie in memory
	_Atomic(uint64_t) seen_tsc;     // when that was
	_Atomic(uint64_t) defended_tsc; // 0: never

	// The control thread's.
	uint64_t said_packets, said_ns; // what the log knows
};

struct presence {
	uint64_t tsc_hz;
	struct limit echo;   // echo replies
	struct limit errors; // ICMP errors
	struct limit groups; // what goes to groups because another host made us
	struct claim claims[CONFIG_ADDRESSES_MAX]; // in the order of config_port's addresses

	// A querier of MLDv1 wants a report for each group, in a packet of its own. The lcore sends the first,
	// and the control thread, which alone allocates, the others, with the query's VLAN tags.
	_Atomic(bool) mld1_asked;
	_Atomic(uint64_t) mld1_tags; // up to two, as they lie in the frame; 0: none there
};

void presence_init(struct presence *presence, const struct config_port *config, uint64_t tsc_hz);

// Notes that the host with `mac` claims address `index`. Any lcore.
void presence_note(struct presence *presence, uint32_t index, const void *mac, uint64_t now);
// The same of a claim that is to be answered by a defence: true where one is due, and then it counts
// as sent.
bool presence_defends(struct presence *presence, uint32_t index, const void *mac, uint64_t now);

// For the log, the next address of the port that has been claimed anew; each is said once in
// DEFEND_INTERVAL. False where there is none. The control thread.
bool presence_news(struct presence *presence, const struct config_port *config, uint64_t now_ns,
	char *text, size_t size);
// Fills in the conflicts. The control thread.
void presence_info(const struct presence *presence, struct port_info *info);
