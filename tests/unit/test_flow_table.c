// SPDX-License-Identifier: BSD-3-Clause
// The flow table and the features, on packets made by hand with figures worked out by hand.
#include "dataplane/flow/features.h"
#include "dataplane/flow/table.h"
#include "tests/cmocka.h"

// cmocka.h wants these first.

#include <math.h>
#include <string.h>

#define SECOND 1000000000ull
#define US     1000ull

#define FLOWS_MAX 16

struct flows_seen {
	uint32_t count;
	struct flow flow[FLOWS_MAX];
	enum flow_end end[FLOWS_MAX];
};

static void remember(void *context, const struct flow *flow, enum flow_end end)
{
	struct flows_seen *seen = context;

	assert_true(seen->count < FLOWS_MAX);
	seen->flow[seen->count] = *flow;
	seen->end[seen->count++] = end;
}

static struct flow_table *make_table(struct flows_seen *seen, uint32_t capacity)
{
	struct flow_table_options options = {
		FLOW_TABLE_DEFAULTS,
		.seed = { 1, 2 },
		.emit = remember,
		.context = seen,
	};
	struct flow_table *table;
	struct error err;

	memset(seen, 0, sizeof(*seen));
	options.capacity = capacity;
	assert_int_equal(flow_table_create(&options, &table, &err), 0);
	return table;
}

// From host `from` to host `to` (last byte of the address, port 1000 × it), TCP with 40 bytes of
// headers.
static struct flow_packet tcp(
	uint8_t from, uint8_t to, uint64_t time_ns, uint8_t flags, uint32_t payload)
{
	struct flow_packet packet = {
		.time_ns = time_ns,
		.protocol = PACKET_PROTOCOL_TCP,
		.ip_version = 4,
		.tcp_flags = flags,
		.window = (uint16_t)(from * 100 - 1),
		.ip_bytes = 40 + payload,
		.header_bytes = 40,
		.payload_bytes = payload,
	};

	memcpy(packet.source.address, (uint8_t[4]){ 10, 0, 0, from }, 4);
	memcpy(packet.destination.address, (uint8_t[4]){ 10, 0, 0, to }, 4);
	packet.source.port = (uint16_t)(1000 * from);
	packet.destination.port = (uint16_t)(1000 * to);
	return packet;
}

static void add(struct flow_table *table, struct flow_packet packet)
{
	flow_table_add(table, &packet);
}

static void assert_near(const float *features, enum feature feature, double expected)
{
	if (fabs(features[feature] - expected) > 1e-5 * fmax(1, fabs(expected)))
		fail_msg("%s is %.9g, expected %.9g", feature_name(feature), features[feature],
			expected);
}

// A handshake, a question of 100 bytes, two answers of 500 and 300, both FINs.
static void features_of_a_conversation(void **state)
{
	struct flows_seen seen;
	struct flow_table *table = make_table(&seen, 4);
	float f[FEATURE_COUNT];

	add(table, tcp(9, 3, 10 * SECOND, PACKET_SYN, 0));
	add(table, tcp(3, 9, 10 * SECOND + 31 * US, PACKET_SYN | PACKET_ACK, 0));
	add(table, tcp(9, 3, 10 * SECOND + 63 * US, PACKET_ACK | PACKET_PSH, 100));
	add(table, tcp(3, 9, 10 * SECOND + 127 * US, PACKET_ACK, 500));
	add(table, tcp(3, 9, 10 * SECOND + 191 * US, PACKET_ACK | PACKET_FIN, 300));
	add(table, tcp(9, 3, 10 * SECOND + 255 * US, PACKET_ACK | PACKET_FIN, 0));
	assert_int_equal(seen.count, 0); // lingers for a last ACK
	flow_table_expire(table, 12 * SECOND, 1);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.end[0], FLOW_END_CLOSED);
	features_of(&seen.flow[0], f);
	assert_near(f, FEATURE_tcp, 1);
	assert_near(f, FEATURE_udp, 0);
	assert_near(f, FEATURE_duration_log2us, 8);    // 255 us
	assert_near(f, FEATURE_reply_delay_log2us, 5); // 31 us
	assert_near(f, FEATURE_fwd_packets_log2, 2);   // 3
	assert_near(f, FEATURE_bwd_packets_log2, 2);
	assert_near(f, FEATURE_fwd_payload_log2bytes, log2(101));
	assert_near(f, FEATURE_bwd_payload_log2bytes, log2(801));
	assert_near(f, FEATURE_fwd_data_packets_log2, 1);
	assert_near(f, FEATURE_bwd_data_packets_log2, log2(3));
	assert_near(f, FEATURE_fwd_header_mean_bytes, 40);
	assert_near(f, FEATURE_fwd_size_min_bytes, 40);
	assert_near(f, FEATURE_fwd_size_mean_bytes, 220 / 3.0);
	assert_near(f, FEATURE_fwd_size_max_bytes, 140);
	assert_near(f, FEATURE_fwd_size_std_bytes, sqrt(20000 / 9.0)); // 40 140 40
	assert_near(f, FEATURE_bwd_size_min_bytes, 40);
	assert_near(f, FEATURE_bwd_size_mean_bytes, 920 / 3.0);
	assert_near(f, FEATURE_bwd_size_max_bytes, 540);
	assert_near(f, FEATURE_iat_mean_log2us, log2(1 + 255 / 5.0));
	assert_near(f, FEATURE_iat_max_log2us, log2(65));
	// 31 32 64 64 64: mean 51, squares 400 + 361 + 3 × 169
	assert_near(f, FEATURE_iat_std_log2us, log2(1 + sqrt(1268 / 5.0)));
	assert_near(f, FEATURE_fwd_iat_mean_log2us, log2(1 + 255 / 2.0)); // 63 192
	assert_near(f, FEATURE_fwd_iat_std_log2us, log2(1 + 64.5));
	assert_near(f, FEATURE_bwd_iat_mean_log2us, log2(81)); // 96 64
	assert_near(f, FEATURE_fin_log2, log2(3));
	assert_near(f, FEATURE_syn_log2, log2(3));
	assert_near(f, FEATURE_rst_log2, 0);
	assert_near(f, FEATURE_psh_log2, 1);
	assert_near(f, FEATURE_ack_log2, log2(6));
	assert_near(f, FEATURE_urg_log2, 0);
	assert_near(f, FEATURE_fwd_window_log2bytes, log2(900));
	assert_near(f, FEATURE_bwd_window_log2bytes, log2(300));
	assert_near(f, FEATURE_packet_rate_log2hz, log2(1 + 6 / 255e-6));
	assert_near(f, FEATURE_byte_rate_log2bps, log2(1 + 1140 / 255e-6));
	assert_near(f, FEATURE_bwd_packet_share, 0.5);
	assert_near(f, FEATURE_payload_1_bytes, 100);
	assert_near(f, FEATURE_payload_2_bytes, -500);
	assert_near(f, FEATURE_payload_3_bytes, -300);
	assert_near(f, FEATURE_payload_4_bytes, 0);
	flow_table_destroy(table);
}

// No duration, clock running backwards, largest figures: every feature is a number.
static void features_of_odd_flows_are_finite(void **state)
{
	static const uint64_t times[][3] = { { 0, 0, 0 }, { 5 * SECOND, 3 * SECOND, 4 * SECOND },
		{ 1, UINT64_MAX / 2, 0 } };

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct flows_seen seen;
		struct flow_table *table = make_table(&seen, 4);

		for (int j = 0; j < 3; j++)
			add(table, tcp(j & 1, 2, times[i][j], 0xff, 65495));
		flow_table_flush(table);
		assert_true(seen.count > 0);
		for (uint32_t j = 0; j < seen.count; j++) {
			float features[FEATURE_COUNT];

			features_of(&seen.flow[j], features);
			for (int k = 0; k < FEATURE_COUNT; k++)
				assert_true(isfinite(features[k]) && fabsf(features[k]) <= 65535);
		}
		flow_table_destroy(table);
	}
}

static void one_packet_alone_has_no_rate(void **state)
{
	struct flows_seen seen;
	struct flow_table *table = make_table(&seen, 4);
	float f[FEATURE_COUNT];

	add(table, tcp(1, 2, 7 * SECOND, PACKET_SYN, 0));
	flow_table_flush(table);
	features_of(&seen.flow[0], f);
	assert_near(f, FEATURE_packet_rate_log2hz, 0);
	assert_near(f, FEATURE_byte_rate_log2bps, 0);
	assert_near(f, FEATURE_duration_log2us, 0);
	assert_near(f, FEATURE_bwd_packet_share, 0);
	flow_table_destroy(table);
}

static void both_directions_are_one_flow(void **state)
{
	struct flows_seen seen;
	struct flow_table *table = make_table(&seen, 4);

	add(table, tcp(9, 3, SECOND, PACKET_ACK, 1));
	add(table, tcp(3, 9, SECOND, PACKET_ACK, 1));
	add(table, tcp(3, 8, SECOND, PACKET_ACK, 1));
	flow_table_flush(table);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.flow[0].source.port, 9000); // the first packet's sender
	assert_int_equal(seen.flow[0].side[FLOW_BACKWARD].packets, 1);
	assert_int_equal(seen.end[0], FLOW_END_FLUSHED);
	flow_table_destroy(table);
}

static void silence_ends_a_flow(void **state)
{
	struct flows_seen seen;
	struct flow_table *table = make_table(&seen, 4);

	add(table, tcp(1, 2, SECOND, PACKET_ACK, 1));
	add(table, tcp(1, 2, 61 * SECOND - 1, PACKET_ACK, 1));
	assert_int_equal(seen.count, 0);
	add(table, tcp(1, 2, 121 * SECOND - 1, PACKET_ACK, 1));
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.end[0], FLOW_END_IDLE);
	assert_int_equal(seen.flow[0].side[FLOW_FORWARD].packets, 2);
	flow_table_destroy(table);
}

static void a_reset_flow_takes_stragglers_until_a_new_syn(void **state)
{
	struct flows_seen seen;
	struct flow_table *table = make_table(&seen, 4);

	add(table, tcp(1, 2, SECOND, PACKET_SYN, 0));
	add(table, tcp(2, 1, SECOND + 1, PACKET_RST | PACKET_ACK, 0));
	add(table, tcp(1, 2, SECOND + 2, PACKET_ACK, 0));
	assert_int_equal(seen.count, 0);
	add(table, tcp(1, 2, SECOND + 3, PACKET_SYN, 0));
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.end[0], FLOW_END_CLOSED);
	assert_int_equal(flow_packets(&seen.flow[0]), 3);
	assert_int_equal(flow_table_stats(table)->live, 1);
	flow_table_destroy(table);
}

// What follows keeps its direction although the other side speaks first.
static void an_old_flow_is_cut_in_two(void **state)
{
	struct flows_seen seen;
	struct flow_table *table = make_table(&seen, 4);

	for (uint64_t second = 1; second <= 121; second += 30)
		add(table, tcp(9, 3, second * SECOND, PACKET_ACK, 1));
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.end[0], FLOW_END_ACTIVE);
	assert_int_equal(flow_packets(&seen.flow[0]), 4);
	flow_table_flush(table);
	assert_int_equal(seen.flow[1].source.port, 9000);
	assert_int_equal(flow_packets(&seen.flow[1]), 1);
	flow_table_destroy(table);
}

static void a_full_table_gives_up_the_most_silent(void **state)
{
	struct flows_seen seen;
	struct flow_table *table = make_table(&seen, 3);

	for (uint8_t host = 1; host <= 3; host++)
		add(table, tcp(host, 9, SECOND * host, PACKET_ACK, 1));
	add(table, tcp(1, 9, 4 * SECOND, PACKET_ACK, 1)); // host 2 is the most silent now
	add(table, tcp(4, 9, 5 * SECOND, PACKET_ACK, 1));
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.end[0], FLOW_END_EVICTED);
	assert_int_equal(seen.flow[0].source.port, 2000);
	assert_int_equal(flow_table_stats(table)->live, 3);
	flow_table_destroy(table);
}

static void every_packet_is_in_exactly_one_flow(void **state)
{
	struct flows_seen seen;
	struct flow_table *table = make_table(&seen, 8);
	uint64_t packets = 0;

	for (uint32_t i = 0; i < 2000; i++)
		add(table, tcp(1, (uint8_t)(2 + i * 7 % 8), i * US, PACKET_ACK, i));
	flow_table_flush(table);
	for (uint32_t i = 0; i < seen.count; i++)
		packets += flow_packets(&seen.flow[i]);
	assert_int_equal(packets, 2000);
	assert_int_equal(seen.count, 8);
	assert_int_equal(flow_table_stats(table)->live, 0);
	flow_table_destroy(table);
}

static void one_packet_from_the_future_ages_nobody_else(void **state)
{
	struct flows_seen seen;
	struct flow_table *table = make_table(&seen, 8);

	add(table, tcp(1, 2, UINT64_MAX / 2, PACKET_ACK, 1));
	for (uint32_t i = 0; i < 100; i++)
		add(table, tcp(3, 4, SECOND + i, PACKET_ACK, 1));
	flow_table_flush(table);
	assert_int_equal(seen.count, 2);
	flow_table_destroy(table);
}

static void options_out_of_range_are_refused(void **state)
{
	struct flow_table_options options = { FLOW_TABLE_DEFAULTS, .emit = remember };
	struct flow_table *table;
	struct error err;

	options.capacity = 0;
	assert_int_equal(flow_table_create(&options, &table, &err), -EINVAL);
	assert_non_null(strstr(err.text, "1 to "));
	options.capacity = 1;
	options.idle_ns = 0;
	assert_int_equal(flow_table_create(&options, &table, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(features_of_a_conversation),
		cmocka_unit_test(features_of_odd_flows_are_finite),
		cmocka_unit_test(one_packet_alone_has_no_rate),
		cmocka_unit_test(both_directions_are_one_flow),
		cmocka_unit_test(silence_ends_a_flow),
		cmocka_unit_test(a_reset_flow_takes_stragglers_until_a_new_syn),
		cmocka_unit_test(an_old_flow_is_cut_in_two),
		cmocka_unit_test(a_full_table_gives_up_the_most_silent),
		cmocka_unit_test(every_packet_is_in_exactly_one_flow),
		cmocka_unit_test(one_packet_from_the_future_ages_nobody_else),
		cmocka_unit_test(options_out_of_range_are_refused),
	};

	return cmocka_run_group_tests_name("flow_table", tests, NULL, NULL);
}
