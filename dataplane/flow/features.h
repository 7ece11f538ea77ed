// SPDX-License-Identifier: BSD-3-Clause
// The features of a flow, in the order models are trained on and rows are sent in.
//
// Pure functions, any thread. docs/features.md defines each one; names and order are a contract
// with every model trained so far: append, never reorder. Nothing here tells who talked to whom: no
// addresses and no ports, which a model would learn by heart.
//
// Heavy-tailed figures are log2(1 + x), so that f32 and a standard scaler serve them well. Every
// feature of every flow is finite.
#pragma once

#include "dataplane/flow/flow.h"

// X(NAME): FEATURE_NAME is its index, its name in lower case is the column's.
#define FEATURE_LIST(X)                                                                            \
	X(tcp)                                                                                     \
	X(udp)                                                                                     \
	X(duration_log2us)                                                                         \
	X(reply_delay_log2us)                                                                      \
	X(fwd_packets_log2)                                                                        \
	X(bwd_packets_log2)                                                                        \
	X(fwd_payload_log2bytes)                                                                   \
	X(bwd_payload_log2bytes)                                                                   \
	X(fwd_data_packets_log2)                                                                   \
	X(bwd_data_packets_log2)                                                                   \
	X(fwd_header_mean_bytes)                                                                   \
	X(bwd_header_mean_bytes)                                                                   \
	X(fwd_size_min_bytes)                                                                      \
	X(fwd_size_mean_bytes)                                                                     \
	X(fwd_size_max_bytes)                                                                      \
	X(fwd_size_std_bytes)                                                                      \
	X(bwd_size_min_bytes)                                                                      \
	X(bwd_size_mean_bytes)                                                                     \
	X(bwd_size_max_bytes)                                                                      \
	X(bwd_size_std_bytes)                                                                      \
	X(iat_mean_log2us)                                                                         \
	X(iat_std_log2us)                                                                          \
	X(iat_max_log2us)                                                                          \
	X(fwd_iat_mean_log2us)                                                                     \
	X(fwd_iat_std_log2us)                                                                      \
	X(bwd_iat_mean_log2us)                                                                     \
	X(fin_log2)                                                                                \
	X(syn_log2)                                                                                \
	X(rst_log2)                                                                                \
	X(psh_log2)                                                                                \
	X(ack_log2)                                                                                \
	X(urg_log2)                                                                                \
	X(fwd_window_log2bytes)                                                                    \
	X(bwd_window_log2bytes)                                                                    \
	X(packet_rate_log2hz)                                                                      \
	X(byte_rate_log2bps)                                                                       \
	X(bwd_packet_share)                                                                        \
	X(payload_1_bytes)                                                                         \
	X(payload_2_bytes)                                                                         \
	X(payload_3_bytes)                                                                         \
	X(payload_4_bytes)

enum feature {
#define X(name) FEATURE_##name,
	FEATURE_LIST(X)
#undef X
		FEATURE_COUNT
};
_Static_assert(FEATURE_COUNT == 41, "docs/features.md and the bundled models say 41");

const char *feature_name(enum feature feature);

// out: [FEATURE_COUNT]. The flow has at least one packet.
void features_of(const struct flow *flow, float *out);
