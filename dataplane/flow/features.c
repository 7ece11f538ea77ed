// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/flow/features.h"

#include <math.h>

// Two packets within one tick of the clock would have an infinite rate: a tick counts as a
// microsecond.
#define SHORTEST_NS 1000.0

const char *feature_name(enum feature feature)
{
	static const char *const names[] = {
#define X(name) [FEATURE_##name] = #name,
		FEATURE_LIST(X)
#undef X
	};

	return names[feature];
}

static float features_log2(double value)
{
	return (float)log2(1 + value);
}

static float features_log2us(double ns)
{
	return features_log2(ns / 1000);
}

static void features_of_side(const struct flow_side *side, float *packets, float *payload,
	float *data, float *header, float *size)
{
	*packets = features_log2((double)side->packets);
	*payload = features_log2((double)side->payload_bytes);
	*data = features_log2((double)side->data_packets);
	*header = side->packets ? (float)((double)side->header_bytes / (double)side->packets) : 0;
	size[0] = (float)side->size.min;
	size[1] = (float)side->size.mean;
	size[2] = (float)side->size.max;
	size[3] = (float)flow_series_deviation(&side->size);
}

static void features_of_time(const struct flow *flow, float *out)
{
	const struct flow_side *fwd = &flow->side[FLOW_FORWARD];
	const struct flow_side *bwd = &flow->side[FLOW_BACKWARD];
	double duration_ns = (double)(flow->last_ns - flow->first_ns);
	double seconds = fmax(duration_ns, SHORTEST_NS) / 1e9;
	double bytes =
		fwd->size.mean * (double)fwd->size.count + bwd->size.mean * (double)bwd->size.count;

	out[FEATURE_duration_log2us] = features_log2us(duration_ns);
	out[FEATURE_reply_delay_log2us] =
		bwd->packets ? features_log2us((double)(flow->reply_ns - flow->first_ns)) : 0;
	out[FEATURE_iat_mean_log2us] = features_log2us(flow->interval.mean);
	out[FEATURE_iat_std_log2us] = features_log2us(flow_series_deviation(&flow->interval));
	out[FEATURE_iat_max_log2us] = features_log2us(flow->interval.max);
	out[FEATURE_fwd_iat_mean_log2us] = features_log2us(fwd->interval.mean);
	out[FEATURE_fwd_iat_std_log2us] = features_log2us(flow_series_deviation(&fwd->interval));
	out[FEATURE_bwd_iat_mean_log2us] = features_log2us(bwd->interval.mean);
	// One packet alone has no rate: that is 0, and not one in a microsecond.
	out[FEATURE_packet_rate_log2hz] =
		flow_packets(flow) > 1 ? features_log2((double)flow_packets(flow) / seconds) : 0;
	out[FEATURE_byte_rate_log2bps] =
		flow_packets(flow) > 1 ? features_log2(bytes / seconds) : 0;
}

void features_of(const struct flow *flow, float *out)
{
	const struct flow_side *fwd = &flow->side[FLOW_FORWARD];
	const struct flow_side *bwd = &flow->side[FLOW_BACKWARD];
	bool tcp = flow->protocol == PACKET_PROTOCOL_TCP;

	out[FEATURE_tcp] = tcp;
	out[FEATURE_udp] = flow->protocol == PACKET_PROTOCOL_UDP;
	features_of_side(fwd, &out[FEATURE_fwd_packets_log2], &out[FEATURE_fwd_payload_log2bytes],
		&out[FEATURE_fwd_data_packets_log2], &out[FEATURE_fwd_header_mean_bytes],
		&out[FEATURE_fwd_size_min_bytes]);
	features_of_side(bwd, &out[FEATURE_bwd_packets_log2], &out[FEATURE_bwd_payload_log2bytes],
		&out[FEATURE_bwd_data_packets_log2], &out[FEATURE_bwd_header_mean_bytes],
		&out[FEATURE_bwd_size_min_bytes]);
	features_of_time(flow, out);
	for (int i = 0; i < FLOW_TCP_FLAGS; i++)
		out[FEATURE_fin_log2 + i] = features_log2((double)flow->flags[i]);
	out[FEATURE_fwd_window_log2bytes] = features_log2(fwd->first_window);
	out[FEATURE_bwd_window_log2bytes] = features_log2(bwd->first_window);
	out[FEATURE_bwd_packet_share] = (float)((double)bwd->packets / (double)flow_packets(flow));
	for (int i = 0; i < FLOW_FIRST_PAYLOADS; i++)
		out[FEATURE_payload_1_bytes + i] = (float)flow->first_payload[i];
}
