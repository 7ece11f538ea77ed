// SPDX-License-Identifier: BSD-3-Clause
// The dataplane whole, from start to stop, on DPDK's ring device: both loops, ports, what is
// counted. EAL starts once a process, so each case has one of its own.
#include "dataplane/dataplane.h"
#include "dataplane/state.h"
#include "infer/infer.h"

#include "infer/image/image.h"
#include "tests/cmocka.h"
#include "tests/unit/frame.h"
#include "tests/unit/graph_build.h"

#include <rte_ethdev.h>
#include <rte_ring.h>
#include <sodium.h>

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORTS       2
#define BURSTS_MAX  512
#define FEATURES    5
#define OUTPUTS     3
#define WAIT_US     100
#define WAITS_MAX   200000 // 20 s
#define check(what) check_at((what), #what, __LINE__)

// In a case's own process, where cmocka's asserts would jump into the parent's stack.
static void check_at(bool holds, const char *what, int line)
{
	if (holds)
		return;
	fprintf(stderr, "line %d: %s\n", line, what);
	_exit(1);
}

static struct config config;
static struct dataplane *dp;
static struct rte_mempool *pool;
// A port's wire: what the test puts in it arrives, what the appliance sends comes out.
static struct wire {
	struct rte_ring *in, *out;
	uint16_t port;
} wires[PORTS];

// On the polling lcore. The ring device sends to itself: what it "received" is what was sent.
static uint16_t play_wire(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n,
	uint16_t max, void *context)
{
	struct wire *wire = context;

	if (n)
		rte_ring_enqueue_bulk(wire->out, (void *const *)mbufs, n, NULL);
	return queue ? 0 : (uint16_t)rte_ring_dequeue_burst(wire->in, (void **)mbufs, max, NULL);
}

static struct model *make_model(void)
{
	static const uint32_t sizes[] = { FEATURES, 8, OUTPUTS };
	const struct model_options options = { .no_timing = true };
	struct graph *graph = graph_mlp(3, sizes, true, 1);
	struct error err = { .text = "" };
	struct model *model = NULL;
	void *image;
	size_t size;

	check(image_write(graph, &image, &size, &err) == 0);
	check(model_open(image, size, &options, &model, &err) == 0);
	free(image);
	graph_destroy(graph);
	return model;
}

static void configure(bool pipeline, uint32_t n_ports)
{
	struct port addresses;

	config = (struct config){ .infer.isa = "native",
		.lcores = { .idle = CONFIG_IDLE_SLEEP, .ring_size = 256 },
		.memory = { .mbufs = 2048,
			.megabytes = 64,
			.scratch_kilobytes = 256,
			.lane_kilobytes = 64 },
		.n_ports = n_ports };
	config.lcores.n_io = config.lcores.n_workers = pipeline;
	config.lcores.n_complete = !pipeline;
	frame_port(&addresses); // whom the frames are for
	for (uint32_t i = 0; i < n_ports; i++) {
		config.ports[i] = *addresses.config;
		config.ports[i].queues = pipeline ? 2 : 1; // each lcore's own comes back
		snprintf(config.ports[i].name, CONFIG_NAME_MAX, "port%u", i);
		snprintf(config.ports[i].device, CONFIG_PATH_MAX, "net_ring%u", i);
	}
}

static void begin(void)
{
	struct deployment_request request = { .id = 7, .name = "m", .version = 3 };
	struct error err = { .text = "" };

	if (dataplane_start(&config, NULL, &dp, &err))
		fprintf(stderr, "%s\n", err.text);
	check(dp != NULL);
	pool = rte_mempool_lookup("mbufs");
	for (uint32_t i = 0; i < config.n_ports; i++) {
		struct wire *wire = &wires[i];

		wire->in = rte_ring_create(i ? "in1" : "in0", 1024, SOCKET_ID_ANY, 0);
		wire->out = rte_ring_create(i ? "out1" : "out0", 1024, SOCKET_ID_ANY, 0);
		check(rte_eth_dev_get_port_by_name(config.ports[i].device, &wire->port) == 0);
		for (uint16_t q = 0; q < config.ports[i].queues; q++)
			check(rte_eth_add_rx_callback(wire->port, q, play_wire, wire) != NULL);
	}
	request.model = make_model();
	check(dataplane_publish(dp, &request, &err) == 0);
}

// The frame as the stages' tests make it, to this port's MAC and from a source port of its own.
static void put(uint32_t port, struct frame *frame, uint16_t source_port)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)frame_l4(frame);
	struct port_info info;

	check(m != NULL);
	udp->src_port = htons(source_port);
	frame_mend_udp(frame);
	dataplane_port(dp, port, &info);
	memcpy(frame_at(frame, 0), info.mac, sizeof(info.mac));
	memcpy(rte_pktmbuf_append(m, frame->m.data_len), frame_at(frame, 0), frame->m.data_len);
	check(rte_ring_enqueue(wires[port].in, m) == 0);
}

static struct frame score_frame(uint16_t columns)
{
	struct frame frame;
	float row[FEATURES] = { 1.0f, -2.0f, 0.5f, 0.0f, 3.0f };

	frame_request(&frame, false, false, WIRE_TYPE_SCORE, 1, columns, 32 + sizeof(row));
	frame.m.buf_addr = frame.room;
	memcpy(frame_wire(&frame) + 1, row, sizeof(row));
	return frame;
}

static void put_score(uint32_t port, uint16_t columns, uint16_t source_port)
{
	struct frame frame = score_frame(columns);

	frame.m.buf_addr = frame.room;
	put(port, &frame, source_port);
}

static struct rte_mbuf *take(uint32_t port)
{
	void *m = NULL;

	for (int i = 0; i < WAITS_MAX && rte_ring_dequeue(wires[port].out, &m) != 0; i++)
		usleep(WAIT_US);
	check(m != NULL);
	return m;
}

// Takes `n` replies with that status, each to a source port of its own from `first` on.
static void take_results(uint32_t port, uint32_t n, uint8_t status, uint16_t first)
{
	bool seen[BURSTS_MAX] = { false };

	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = take(port);
		const struct rte_udp_hdr *udp =
			rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, 34);
		const struct wire_header *wire = (const struct wire_header *)(udp + 1);
		const uint16_t which = (uint16_t)(ntohs(udp->dst_port) - first);

		check(wire->type == WIRE_TYPE_RESULT && wire->status == status);
		check(wire->columns == (status ? 0 : OUTPUTS));
		check(wire->model_version == (status ? 0 : 3));
		check(which < n && !seen[which]);
		seen[which] = true;
		rte_pktmbuf_free(m);
	}
}

// Every packet is accounted for, by lcore, by port and in the mempool.
static struct dataplane_counters balance(void)
{
	struct dataplane_counters sum;
	struct mempool_info mempool;
	uint64_t of_lcores = 0, of_ports = 0, bytes_of_ports = 0, drops = 0;

	for (int i = 0; i < WAITS_MAX; i++) { // what was sent last is counted a moment later
		dataplane_mempool(dp, &mempool);
		dataplane_counters(dp, &sum);
		drops = 0;
		for (uint32_t d = 0; d < DROP_COUNT; d++)
			drops += sum.drops[d];
		if (!mempool.in_use && dataplane_drained(dp) && sum.received == sum.replied + drops)
			break;
		usleep(WAIT_US);
	}
	check(mempool.in_use == 0 && mempool.size == config.memory.mbufs);
	check(sum.received == sum.replied + drops);
	for (uint32_t i = 0; i < dataplane_n_lcores(dp); i++) {
		struct lcore_info info;

		dataplane_lcore(dp, i, &info);
		of_lcores += info.counters.replied;
		check(info.counters.total_cycles >= info.counters.busy_cycles);
	}
	check(of_lcores == sum.replied);
	for (uint32_t i = 0; i < dataplane_n_ports(dp); i++) {
		struct port_info info;

		dataplane_port(dp, i, &info);
		of_ports += info.traffic.rx_packets;
		bytes_of_ports += info.traffic.tx_bytes;
	}
	check(of_ports == sum.received);
	check(bytes_of_ports == sum.replied_bytes);
	return sum;
}

static void answer_and_count(bool pipeline)
{
	struct dataplane_counters sum;
	struct histogram latency;
	struct lcore_info lcore;
	struct slot_info slot;
	struct frame frame;

	configure(pipeline, 1);
	begin();
	for (uint16_t i = 0; i < 100; i++)
		put_score(0, FEATURES, (uint16_t)(1000 + i));
	take_results(0, 100, WIRE_STATUS_OK, 1000);
	put_score(0, FEATURES - 1, 1000);
	take_results(0, 1, WIRE_STATUS_BAD_SHAPE, 1000);
	frame_request(&frame, false, false, WIRE_TYPE_PING, 0, 0, 64);
	put(0, &frame, 1000);
	rte_pktmbuf_free(take(0));
	frame_request(&frame, false, false, WIRE_TYPE_SCORE, 1, FEATURES, 64);
	frame_wire(&frame)->magic[0] = 'X';
	put(0, &frame, 1000);
	do
		dataplane_counters(dp, &sum);
	while (sum.received < 103);
	sum = balance();
	check(sum.received == 103 && sum.replied == 102);
	check(sum.drops[DROP_BAD_MAGIC] == 1 && sum.pongs == 1 && sum.rows_scored == 100);
	check(sum.status[WIRE_STATUS_OK] == 100 && sum.status[WIRE_STATUS_BAD_SHAPE] == 1);
	check(dataplane_latency(dp, 7, &latency) == 0 && latency.count == 100);
	check(dataplane_latency(dp, 0, &latency) == 0 && latency.count == 1);
	check(dataplane_latency(dp, 8, &latency) == -ENOENT);
	check(dataplane_slots(dp, &slot, 1) == 1 && slot.id == 7 && slot.version == 3);
	check(dataplane_slot(dp, 7, &slot) && slot.id == 7 && slot.version == 3);
	check(!dataplane_slot(dp, 8, &slot));
	check(slot.rows == 100);
	check(dataplane_n_lcores(dp) == (pipeline ? 2u : 1u));
	dataplane_lcore(dp, 0, &lcore);
	check(lcore.role == (pipeline ? LCORE_IO : LCORE_COMPLETE));
	check(lcore.counters.received == 103 && lcore.counters.sleeps > 0);
	check(lcore.counters.rows_scored == (pipeline ? 0 : 100));
	dataplane_stop(dp);
}

static void case_run_to_completion(void)
{
	answer_and_count(false);
}

static void case_pipeline(void)
{
	answer_and_count(true);
}

// Replies leave by the port that the request came by, whichever lcore wrote them.
static void case_two_ports(void)
{
	struct port_info info;

	configure(true, 2);
	begin();
	for (uint16_t i = 0; i < 60; i++)
		put_score(i % 3 == 0, FEATURES, (uint16_t)(2000 + i / 3 + 20 * (i % 3)));
	take_results(1, 20, WIRE_STATUS_OK, 2000);
	take_results(0, 40, WIRE_STATUS_OK, 2020);
	balance();
	dataplane_port(dp, 0, &info);
	check(info.traffic.rx_packets == 40 && info.traffic.tx_packets == 40 && info.link_up);
	check(info.traffic.tx_bytes == 40 * (14 + 20 + 8 + 32 + 4 * OUTPUTS));
	check(strcmp(info.name, "port0") == 0 && strcmp(info.driver, "net_ring") == 0);
	dataplane_port(dp, 1, &info);
	check(info.traffic.rx_packets == 20 && info.traffic.tx_packets == 20 &&
		info.udp_port == 7797);
	dataplane_stop(dp);
}

// More than the ring between the lcores holds: answered BUSY or scored, none forgotten.
static void case_flood(void)
{
	struct dataplane_counters sum;

	configure(true, 1);
	config.lcores.ring_size = 16;
	begin();
	for (uint16_t i = 0; i < BURSTS_MAX; i++)
		put_score(0, FEATURES, (uint16_t)(3000 + i));
	for (uint32_t i = 0; i < BURSTS_MAX; i++)
		rte_pktmbuf_free(take(0));
	sum = balance();
	check(sum.replied == BURSTS_MAX);
	check(sum.ring_full == sum.status[WIRE_STATUS_BUSY]);
	check(sum.status[WIRE_STATUS_OK] + sum.status[WIRE_STATUS_BUSY] == BURSTS_MAX);
	dataplane_stop(dp);
}

static void case_drain(void)
{
	struct error err = { .text = "" };

	configure(true, 1);
	begin();
	put_score(0, FEATURES, 1000);
	take_results(0, 1, WIRE_STATUS_OK, 1000);
	check(dataplane_retire(dp, 7, &err) == 0);
	put_score(0, FEATURES, 1000); // what the store holds is not known yet
	take_results(0, 1, WIRE_STATUS_NOT_READY, 1000);
	dataplane_recovered(dp);
	put_score(0, FEATURES, 1000);
	take_results(0, 1, WIRE_STATUS_NO_MODEL, 1000);
	dataplane_expect(dp, 7);
	put_score(0, FEATURES, 1000);
	take_results(0, 1, WIRE_STATUS_NOT_READY, 1000);
	dataplane_drain(dp);
	for (int i = 0; i < WAITS_MAX && !dataplane_drained(dp); i++)
		usleep(WAIT_US);
	check(dataplane_drained(dp));
	put_score(0, FEATURES, 1000);
	take_results(0, 1, WIRE_STATUS_NOT_READY, 1000);
	dataplane_reclaim(dp);
	balance();
	dataplane_stop(dp);
}

// More than an lcore sends in one round, between requests; counted apart from replies.
static void case_announce(bool pipeline)
{
	const uint32_t frames = CONFIG_VLANS_MAX * 3; // ARP, MLD, neighbour discovery
	struct dataplane_counters sum;
	struct mempool_info mempool;
	struct error err = { .text = "" };

	configure(pipeline, 1);
	config.ports[0].n_vlans = CONFIG_VLANS_MAX;
	for (uint32_t i = 0; i < CONFIG_VLANS_MAX; i++)
		config.ports[0].vlans[i] = i; // 0: without a tag
	begin();
	check(dataplane_announce(dp, 0, &err) == 0);
	put_score(0, FEATURES, 1000);
	for (uint32_t i = 0; i < frames + 1; i++)
		rte_pktmbuf_free(take(0));
	for (int i = 0; i < WAITS_MAX; i++) { // what was sent last is counted a moment later
		dataplane_counters(dp, &sum);
		dataplane_mempool(dp, &mempool);
		if (sum.announced == frames && sum.replied == 1 && !mempool.in_use)
			break;
		usleep(WAIT_US);
	}
	check(sum.announced == frames && sum.announced_unsent == 0);
	check(sum.received == 1 && sum.replied == 1 && mempool.in_use == 0);
	check(dataplane_announce(dp, 0, &err) == 0); // some of which may stay in the outbox
	dataplane_stop(dp);
}

static void case_announce_alone(void)
{
	case_announce(false);
}

static void case_announce_pipeline(void)
{
	case_announce(true);
}

static void case_refused(void)
{
	struct error err = { .text = "" };

	configure(false, 1);
	config.n_ports = 0;
	check(dataplane_start(&config, NULL, &dp, &err) == -EINVAL && strstr(err.text, "ports"));
	configure(false, 1);
	config.lcores.n_complete = 0;
	check(dataplane_start(&config, NULL, &dp, &err) == -EINVAL && strstr(err.text, "lcores"));
	configure(false, 1);
	config.ports[0].queues = 60;
	check(dataplane_start(&config, NULL, &dp, &err) == -EINVAL);
	check(strstr(err.text, "queues is 60") && strstr(err.text, "port port0"));
	configure(false, 1); // and EAL, once stopped, stays so
	check(dataplane_start(&config, NULL, &dp, &err) == -EALREADY);
	check(strstr(err.text, "start martletd anew"));
	check(dp == NULL);
	dataplane_stop(NULL);
}

static void in_a_process_of_its_own(void (*run)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(120);
		run();
		exit(0); // with the leak checker's verdict
	}
	assert_true(pid > 0);
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define CASE(name, what)                                                                           \
	static void name(void **state)                                                             \
	{                                                                                          \
		in_a_process_of_its_own(what);                                                     \
	}
CASE(run_to_completion_answers_and_counts, case_run_to_completion)
CASE(pipeline_answers_and_counts, case_pipeline)
CASE(replies_leave_by_the_port_they_came_by, case_two_ports)
CASE(flood_is_answered_whole, case_flood)
CASE(draining_answers_not_ready, case_drain)
CASE(announcements_are_sent_beside_replies, case_announce_alone)
CASE(announcements_are_sent_by_who_polls, case_announce_pipeline)
CASE(what_cannot_start_is_refused, case_refused)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run_to_completion_answers_and_counts),
		cmocka_unit_test(pipeline_answers_and_counts),
		cmocka_unit_test(replies_leave_by_the_port_they_came_by),
		cmocka_unit_test(flood_is_answered_whole),
		cmocka_unit_test(draining_answers_not_ready),
		cmocka_unit_test(announcements_are_sent_beside_replies),
		cmocka_unit_test(announcements_are_sent_by_who_polls),
		cmocka_unit_test(what_cannot_start_is_refused),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
