// SPDX-License-Identifier: BSD-3-Clause
// Both loops and the report, over DPDK's ring device: what is sent comes back, through a callback
// that plays the peer and its faults.
#include "ctl/load/client.h"
#include "ctl/load/closed_loop.h"
#include "ctl/load/exchange.h"
#include "ctl/load/open_loop.h"
#include "ctl/load/report.h"
#include "tests/cmocka.h"

#include <jansson.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct load_options options;
static struct client client; // large

// The peer: swaps addresses as a bare reflector does, and misbehaves with every nth request.
static struct peer {
	uint32_t drop_every, spoil_every, twice_every, hold_every, strange_every; // 0: never
	uint32_t n;
	uint32_t most_outstanding;
	struct rte_mbuf *held[256];
	uint16_t n_held;
	struct rte_mbuf *again[16]; // second copies
	uint16_t n_again;
	uint64_t release_cycles;
} peer;

static void turn_round(struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	const rte_be32_t from = ip->src_addr;
	const rte_be16_t port = udp->src_port;

	rte_ether_addr_copy(&eth->src_addr, &eth->dst_addr);
	ip->src_addr = ip->dst_addr;
	ip->dst_addr = from;
	udp->src_port = udp->dst_port;
	udp->dst_port = port;
}

static bool nth(uint32_t every)
{
	return every && peer.n % every == 0;
}

static uint16_t play_peer(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n,
	uint16_t max, void *context)
{
	struct rte_mbuf *in[CLIENT_BURST];
	uint16_t out = 0;

	memcpy(in, mbufs, n * sizeof(*in));
	peer.most_outstanding = RTE_MAX(peer.most_outstanding, client.table.outstanding);
	for (uint16_t i = 0; i < n; i++) {
		peer.n++;
		turn_round(in[i]);
		if (nth(peer.spoil_every))
			rte_pktmbuf_mtod(in[i], uint8_t *)[in[i]->data_len - 1] ^= 1;
		if (nth(peer.strange_every))
			rte_pktmbuf_mtod(in[i], uint8_t *)[12] = 0x12; // an ethertype of nobody's
		if (nth(peer.drop_every)) {
			rte_pktmbuf_free(in[i]);
		} else if (nth(peer.hold_every) && peer.n_held < RTE_DIM(peer.held)) {
			peer.held[peer.n_held++] = in[i];
		} else {
			if (nth(peer.twice_every) && peer.n_again < RTE_DIM(peer.again))
				peer.again[peer.n_again++] =
					rte_pktmbuf_copy(in[i], client.device.pool, 0, UINT32_MAX);
			mbufs[out++] = in[i];
		}
	}
	// Those for which a full burst has no room come with the next one.
	while (peer.n_again && out < max)
		mbufs[out++] = peer.again[--peer.n_again];
	while (peer.n_held && out < max && rte_rdtsc() > peer.release_cycles)
		mbufs[out++] = peer.held[--peer.n_held];
	return out;
}

static int begin(void **state)
{
	static char line[] =
		"martlet-load --device net_ring0 --from 10.0.0.2 --to 10.0.0.1 "
		"--echo --pad 100 --no-huge --megabytes 64 --timeout-ms 30 --rate 1";
	char *argv[32] = { NULL }, *rest = NULL;
	int argc = 0;
	struct error err = { .text = "" };

	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	if (load_options_parse(&options, argv, &err) || client_init(&client, &options, &err) ||
		client_connect(&client, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	return rte_eth_add_rx_callback(client.device.id, 0, play_peer, NULL) ? 0 : -1;
}

// Columns of a CSV go by the names that the command line gives.
static void rows_by_name(void **state)
{
	static struct client named; // large
	struct load_options how = { .rows_per_request = 2, .scale = 1, .window = 1 };
	char path[] = "/tmp/test_load_client_XXXXXX.csv";
	const int fd = mkstemps(path, 4);
	struct error err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "c,label,a\n3,x,1\n6,y,4\n", 22), 22);
	close(fd);
	how.rows_path = path;
	how.features = "a,c";
	assert_int_equal(client_init(&named, &how, &err), 0);
	assert_int_equal(named.payloads.shape.columns, 2);
	assert_memory_equal(payload_at(&named.payloads, 0), ((const float[]){ 1, 3, 4, 6 }), 16);
	client_fini(&named);
	how.features = "a,b";
	assert_int_equal(client_init(&named, &how, &err), -EINVAL);
	assert_string_equal(err.text + strlen(path),
		":1: the header lacks 1 of the model's 2 features: 'b'; rename them, or say by "
		"--columns "
		"which columns are the features");
	client_fini(&named);
	how.features = "a,\"c";
	assert_int_equal(client_init(&named, &how, &err), -EINVAL);
	assert_string_equal(err.text,
		"--features 'a,\"c': a list \"A,B,...\" of at most 16384 names is wanted");
	client_fini(&named);
	remove(path);
}

static int end(void **state)
{
	client_fini(&client);
	return 0;
}

// What a test asks for; the rest as after parsing.
static int fresh(void **state)
{
	peer = (struct peer){ 0 };
	options.window = 0;
	options.rate = 0;
	options.arrivals = ARRIVALS_CONSTANT;
	options.once = false;
	options.requests = 0;
	options.seconds = options.warmup_seconds = 0;
	options.in_flight = 512;
	client.stop = 0;
	client.measuring = false;
	memset(&client.counters, 0, sizeof(client.counters));
	request_table_fini(&client.table);
	return request_table_init(&client.table, 512);
}

static uint64_t statuses(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i <= WIRE_STATUS_COUNT; i++)
		sum += client.counters.status[i];
	return sum;
}

static void check_balance(void)
{
	const struct client_counters *c = &client.counters;

	assert_int_equal(c->sent, c->answered + c->lost);
	assert_int_equal(c->answered, client.rtt_ns.count);
	assert_int_equal(c->answered, statuses());
	assert_int_equal(client.table.outstanding, 0);
}

static void closed_loop_counts_each_reply(void **state)
{
	options.window = 8;
	options.requests = 1000;
	closed_loop_run(&client);
	check_balance();
	assert_int_equal(client.counters.sent, 1000);
	assert_int_equal(client.counters.answered, 1000);
	assert_int_equal(client.answered_in_time, 1000);
	assert_int_equal(peer.most_outstanding, 8);
	assert_int_equal(client.counters.wrong_fields, 0);
}

static void closed_loop_goes_on_past_losses(void **state)
{
	options.window = 4;
	options.requests = 100;
	peer.drop_every = 25;
	closed_loop_run(&client);
	check_balance();
	assert_int_equal(client.counters.lost, 4);
}

static void warm_up_does_not_count(void **state)
{
	options.window = 4;
	options.warmup_seconds = 0.005;
	options.requests = 50;
	closed_loop_run(&client);
	assert_int_equal(client.counters.sent, 50);
	assert_int_equal(client.counters.answered, 50);
	assert_true(peer.n > 50);
}

static void open_loop_sends_each_when_due(void **state)
{
	const double hz = (double)rte_get_tsc_hz();

	options.rate = 10000;
	options.requests = 100;
	open_loop_run(&client);
	check_balance();
	assert_int_equal(client.counters.answered, 100);
	assert_int_equal(client.counters.unsent, 0);
	// The last of 100 is due 9.9 ms after the first, and none may leave before it is.
	assert_true((double)(client.end_cycles - client.begin_cycles) / hz >= 0.0098);
	assert_int_equal(client.send_delay_ns.count, 100);
}

static void open_loop_ends_with_the_clock(void **state)
{
	options.rate = 20000;
	options.seconds = 0.02;
	open_loop_run(&client);
	check_balance();
	// Late or not: what was due is sent, or counted as unsent.
	assert_in_range(client.counters.sent + client.counters.unsent, 399, 401 + 20000);
	assert_int_equal(client.counters.lost, 0);
}

static void open_loop_sends_random_arrivals(void **state)
{
	options.rate = 50000;
	options.arrivals = ARRIVALS_POISSON;
	options.requests = 500;
	open_loop_run(&client);
	check_balance();
	assert_int_equal(client.counters.answered, 500);
}

// A peer that answers nothing: no more than --in-flight are sent until they are given up.
static void open_loop_is_bounded(void **state)
{
	options.rate = 100000;
	options.seconds = 0.01; // shorter than the timeout
	options.in_flight = 16;
	request_table_fini(&client.table);
	assert_int_equal(request_table_init(&client.table, 16), 0);
	peer.drop_every = 1;
	open_loop_run(&client);
	check_balance();
	assert_int_equal(client.counters.sent, 16);
	assert_int_equal(client.counters.lost, 16);
	assert_true(client.counters.unsent >= 900);
	assert_int_equal(client.answered_in_time, 0);
}

static void latency_counts_from_when_a_request_was_due(void **state)
{
	options.rate = 1e6; // all at once, as good as
	options.requests = 64;
	options.in_flight = 1;
	request_table_fini(&client.table);
	assert_int_equal(request_table_init(&client.table, 1), 0);
	peer.hold_every = 1; // one at a time, none before 5 ms have passed
	peer.release_cycles = rte_rdtsc() + rte_get_tsc_hz() / 200;
	open_loop_run(&client);
	check_balance();
	assert_int_equal(client.counters.answered, 64);
	assert_int_equal(peer.most_outstanding, 1);
	// The second left some 5 ms late, and that is part of its time.
	assert_true(histogram_percentile(&client.rtt_ns, 0.5) > 3000000);
	assert_true(histogram_percentile(&client.send_delay_ns, 0.5) > 3000000);
}

static void faults_of_the_peer_have_names(void **state)
{
	options.window = 1;
	options.requests = 60;
	peer.spoil_every = 20;
	peer.twice_every = 7;
	peer.strange_every = 30;
	closed_loop_run(&client);
	check_balance();
	// 20, 40 spoilt; 30 strange; 60 both, and strange is seen first.
	assert_int_equal(client.counters.bad_checksum, 2);
	assert_int_equal(client.counters.other_packets, 2);
	assert_int_equal(client.counters.lost, 4);
	assert_int_equal(client.counters.duplicates, 8);
}

static void late_replies_are_told_from_lost_ones(void **state)
{
	options.window = 2;
	options.requests = 40;
	peer.hold_every = 40;
	peer.release_cycles = rte_rdtsc() + rte_get_tsc_hz() / 10; // past the timeout
	closed_loop_run(&client);
	check_balance();
	assert_int_equal(client.counters.lost, 1);
	assert_int_equal(client.counters.late, 0);
	while (peer.n_held)
		exchange_receive(&client);
	assert_int_equal(client.counters.late, 1);
	assert_int_equal(client.counters.lost, 1);
}

static void a_signal_ends_each_loop(void **state)
{
	peer.drop_every = 1;
	options.seconds = 1000;
	client.stop = 1;
	options.window = 4;
	closed_loop_run(&client);
	options.window = 0;
	options.rate = 10;
	open_loop_run(&client);
	assert_int_equal(client.counters.sent, 0);
}

static json_t *report(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	json_t *json;

	assert_int_equal(report_json(&client, out, NULL), 0);
	fclose(out);
	json = json_loads(text, 0, NULL);
	free(text);
	assert_non_null(json);
	return json;
}

static json_int_t number(const json_t *report, const char *key)
{
	const json_t *value = json_object_get(report, key);

	if (!json_is_integer(value))
		fail_msg("'%s' is missing or no integer", key);
	return json_integer_value(value);
}

static void reports_tell_the_same(void **state)
{
	char line[80], *text = NULL;
	size_t size = 0;
	FILE *out;
	json_t *json;

	options.rate = 20000;
	options.requests = 100;
	peer.drop_every = 10;
	peer.twice_every = 33;
	open_loop_run(&client);
	json = report();
	assert_string_equal(json_string_value(json_object_get(json, "loop")), "open");
	assert_int_equal(number(json, "sent"), 100);
	assert_int_equal(number(json, "answered"), 90);
	assert_int_equal(number(json, "lost"), 10);
	assert_int_equal(number(json, "duplicates"), 3);
	assert_int_equal(number(json, "unsent"), 0);
	assert_int_equal(number(json, "in_flight"), 512);
	assert_int_equal(number(json, "frame_bytes"), 14 + 20 + 8 + 32 + 100);
	assert_int_equal(number(json_object_get(json, "rtt_ns"), "count"), 90);
	assert_true(number(json_object_get(json, "rtt_ns"), "p9999") >=
		number(json_object_get(json, "rtt_ns"), "p50"));
	assert_true(number(json_object_get(json, "stalls"), "count") >= 0);
	json_decref(json);

	out = open_memstream(&text, &size);
	report_text(&client, out);
	fclose(out);
	assert_non_null(strstr(text, "open loop, 20000 requests/s, constant arrivals"));
	assert_non_null(strstr(text, "sent 100  answered 90  lost 10"));
	assert_non_null(strstr(text, "duplicate replies: 3\n"));
	snprintf(line, sizeof(line), "frames of %d bytes", 14 + 20 + 8 + 32 + 100);
	assert_non_null(strstr(text, line));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_by_name),
		cmocka_unit_test_setup(closed_loop_counts_each_reply, fresh),
		cmocka_unit_test_setup(closed_loop_goes_on_past_losses, fresh),
		cmocka_unit_test_setup(warm_up_does_not_count, fresh),
		cmocka_unit_test_setup(open_loop_sends_each_when_due, fresh),
		cmocka_unit_test_setup(open_loop_ends_with_the_clock, fresh),
		cmocka_unit_test_setup(open_loop_sends_random_arrivals, fresh),
		cmocka_unit_test_setup(open_loop_is_bounded, fresh),
		cmocka_unit_test_setup(latency_counts_from_when_a_request_was_due, fresh),
		cmocka_unit_test_setup(faults_of_the_peer_have_names, fresh),
		cmocka_unit_test_setup(late_replies_are_told_from_lost_ones, fresh),
		cmocka_unit_test_setup(a_signal_ends_each_loop, fresh),
		cmocka_unit_test_setup(reports_tell_the_same, fresh),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
