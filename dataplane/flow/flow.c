// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/flow/flow.h"

#include <math.h>
#include <string.h>

void flow_series_add(struct flow_series *series, double value)
{
	double distance = value - series->mean;

	if (series->count++ == 0)
		series->min = series->max = value;
	if (value < series->min)
		series->min = value;
	if (value > series->max)
		series->max = value;
	series->mean += distance / (double)series->count;
	series->m2 += distance * (value - series->mean);
}

double flow_series_deviation(const struct flow_series *series)
{
	return series->count && series->m2 > 0 ? sqrt(series->m2 / (double)series->count) : 0;
}

void flow_begin(struct flow *flow, const struct flow_packet *first)
{
	memset(flow, 0, sizeof(*flow));
	flow->source = first->source;
	flow->destination = first->destination;
	flow->protocol = first->protocol;
	flow->ip_version = first->ip_version;
}

void flow_continue(struct flow *flow)
{
	struct flow_packet ends = {
		.source = flow->source,
		.destination = flow->destination,
		.protocol = flow->protocol,
		.ip_version = flow->ip_version,
	};

	flow_begin(flow, &ends);
}

static enum flow_direction flow_direction_of(
	const struct flow *flow, const struct flow_packet *packet)
{
	bool forward = packet->source.port == flow->source.port &&
		memcmp(packet->source.address, flow->source.address, 16) == 0;

	// The two ends of an ICMP echo have the same port, and a host may talk to itself: then all
	// packets are forward.
	return forward ? FLOW_FORWARD : FLOW_BACKWARD;
}

// The clock of a capture may step back; an interval is never negative.
static uint64_t flow_since(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

static void flow_add_tcp(
	struct flow *flow, struct flow_side *side, const struct flow_packet *packet)
{
	for (int i = 0; i < FLOW_TCP_FLAGS; i++)
		flow->flags[i] += packet->tcp_flags >> i & 1;
	if (side->packets == 1)
		side->first_window = packet->window;
	if (packet->tcp_flags & PACKET_FIN)
		side->fin = true;
	if (packet->tcp_flags & PACKET_RST ||
		(flow->side[FLOW_FORWARD].fin && flow->side[FLOW_BACKWARD].fin))
		flow->closed = true;
}

void flow_add(struct flow *flow, const struct flow_packet *packet)
{
	enum flow_direction direction = flow_direction_of(flow, packet);
	struct flow_side *side = &flow->side[direction];
	bool first = !flow_packets(flow);

	if (first)
		flow->first_ns = flow->last_ns = packet->time_ns;
	else
		flow_series_add(
			&flow->interval, (double)flow_since(packet->time_ns, flow->last_ns));
	if (side->packets)
		flow_series_add(
			&side->interval, (double)flow_since(packet->time_ns, side->last_ns));
	if (packet->time_ns > flow->last_ns)
		flow->last_ns = packet->time_ns;
	if (packet->time_ns > side->last_ns)
		side->last_ns = packet->time_ns;
	if (direction == FLOW_BACKWARD && !side->packets)
		flow->reply_ns = flow->last_ns;
	side->packets++;
	side->payload_bytes += packet->payload_bytes;
	side->header_bytes += packet->header_bytes;
	flow_series_add(&side->size, packet->ip_bytes);
	if (packet->payload_bytes) {
		side->data_packets++;
		if (flow->first_payloads < FLOW_FIRST_PAYLOADS)
			flow->first_payload[flow->first_payloads++] = direction == FLOW_FORWARD
				? (int32_t)packet->payload_bytes
				: -(int32_t)packet->payload_bytes;
	}
	if (packet->protocol == PACKET_PROTOCOL_TCP)
		flow_add_tcp(flow, side, packet);
}
