// SPDX-License-Identifier: BSD-3-Clause
// What is remembered of one bidirectional flow: running figures, never packets.
//
// A flow is all packets between two ends under one protocol, both ways. Forward is the direction of
// its first packet. Plain data: owner and thread are those of the table it lies in.
#pragma once

#include "dataplane/flow/packet.h"

#include <stdbool.h>
#include <stdint.h>

#define FLOW_FIRST_PAYLOADS 4
#define FLOW_TCP_FLAGS      6 // FIN SYN RST PSH ACK URG: bit i of the header's flags is counter i

enum flow_direction { FLOW_FORWARD, FLOW_BACKWARD, FLOW_DIRECTIONS };

// Mean and deviation of a series without keeping it: Welford's method (Technometrics 4(3), 1962).
struct flow_series {
	uint64_t count;
	double mean;
	double m2; // sum of squared distances from the mean
	double min;
	double max;
};

void flow_series_add(struct flow_series *series, double value);
double flow_series_deviation(const struct flow_series *series); // of the population; 0 if empty

struct flow_side {
	uint64_t packets;
	uint64_t payload_bytes;
	uint64_t header_bytes;
	uint64_t data_packets; // those with a payload
	uint64_t last_ns;
	struct flow_series size;     // IP bytes of each packet
	struct flow_series interval; // ns between neighbours in this direction
	uint16_t first_window;       // TCP window of its first packet, unscaled
	bool fin;
};

struct flow {
	struct packet_end source; // of the first packet: who began
	struct packet_end destination;
	uint8_t protocol;
	uint8_t ip_version;
	bool closed; // TCP: reset, or FIN seen both ways
	uint8_t first_payloads;
	int32_t first_payload[FLOW_FIRST_PAYLOADS]; // bytes; negative: backward
	uint64_t first_ns;
	uint64_t last_ns;  // never before first_ns
	uint64_t reply_ns; // time of the first backward packet, if there is one
	uint64_t flags[FLOW_TCP_FLAGS];
	struct flow_series interval; // ns between neighbours, either direction
	struct flow_side side[FLOW_DIRECTIONS];
};

static inline uint64_t flow_packets(const struct flow *flow)
{
	return flow->side[FLOW_FORWARD].packets + flow->side[FLOW_BACKWARD].packets;
}

// Begins a flow without a packet: `first` only gives the ends and the direction, and must be added
// as well.
void flow_begin(struct flow *flow, const struct flow_packet *first);
// Begins anew between the same ends in the same direction: the rest of a flow that was handed out
// because of its age.
void flow_continue(struct flow *flow);
void flow_add(struct flow *flow, const struct flow_packet *packet);
