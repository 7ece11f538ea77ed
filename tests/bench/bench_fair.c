// SPDX-License-Identifier: BSD-3-Clause
// What a flood by one memif port does to a client by another: round trips of requests that one client sends at random
// moments, so many a second, while another keeps as many outstanding as it is told. Both are one thread, so that they do not take the CPU
// from each other; the appliance is another process. Prints JSON.
// usage: bench_fair FOLDER MODEL COLUMNS RATE WINDOW SECONDS MAC MAC
// FOLDER holds polite.sock and flood.sock, ports of 10.77.0.1 and 10.77.1.1 with these MACs; WINDOW 0: no flood.
#include "base/checksum.h"
#include "base/histogram.h"
#include "ctl/load/frame.h"

#include <arpa/inet.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_random.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BURST        32u
#define FLOOD_BURST  8u // at a time, so that the other's replies are not kept waiting here
#define MBUFS        4095u
#define ID_MASK      4095u // of the polite requests that are waited for
#define STALL_US     20    // between two looks at the replies: we were kept from our CPU
#define LATE_SECONDS 2     // for replies, after the last request
#define ALONE_S                                                                                    \
	0.2 // at first, uncounted: the appliance knows the polite one before the flood begins
#define COLUMNS_MAX 512u

enum side { POLITE, FLOOD, SIDES };

struct side_counts {
	uint64_t sent, answered, busy, wrong;
};

static struct rte_mempool *pool;
static uint16_t ports[SIDES];
static struct frame_template templates[SIDES];
static struct side_counts counts[SIDES];
static struct histogram all_ns, undisturbed_ns;
static uint64_t sent_tsc[ID_MASK + 1];
static uint64_t stalled_tsc; // when we were kept from our CPU last
static uint64_t stalls;
static uint8_t payload[COLUMNS_MAX * sizeof(float)];
static double ns_a_cycle;

static void give_up(const char *what)
{
	fprintf(stderr, "bench_fair: %s\n", what);
	exit(1);
}

static void open_port(
	const char *folder, enum side side, uint16_t model, uint16_t columns, const char *mac)
{
	static const char *const NAMES[] = { "polite", "flood" };
	const struct rte_eth_conf conf = { 0 };
	const struct wire_header wire = { .magic = { WIRE_MAGIC_0, WIRE_MAGIC_1 },
		.version = WIRE_VERSION,
		.type = WIRE_TYPE_SCORE,
		.model = model,
		.columns = columns };
	struct frame_peer peer = { .source_port = 40000, .port = WIRE_UDP_PORT };
	struct rte_eth_link link = { 0 };
	struct rte_ether_addr ours, theirs;
	char text[300];

	snprintf(text, sizeof(text),
		"net_memif%d,id=%d,role=client,socket=%s/%s.sock,socket-abstract=no", side, side,
		folder, NAMES[side]);
	if (rte_dev_probe(text) != 0)
		give_up(text);
	snprintf(text, sizeof(text), "net_memif%d", side);
	if (rte_eth_dev_get_port_by_name(text, &ports[side]) != 0 ||
		rte_eth_dev_configure(ports[side], 1, 1, &conf) != 0 ||
		rte_eth_rx_queue_setup(ports[side], 0, 1024, SOCKET_ID_ANY, NULL, pool) != 0 ||
		rte_eth_tx_queue_setup(ports[side], 0, 1024, SOCKET_ID_ANY, NULL) != 0 ||
		rte_eth_dev_start(ports[side]) != 0 ||
		rte_eth_macaddr_get(ports[side], &ours) != 0 ||
		rte_ether_unformat_addr(mac, &theirs) != 0)
		give_up("a port does not start");
	for (int i = 0; i < 1000 && !link.link_status; i++) {
		usleep(10000);
		rte_eth_link_get_nowait(ports[side], &link);
	}
	if (!link.link_status)
		give_up("no link");
	memcpy(peer.our_mac, ours.addr_bytes, sizeof(peer.our_mac));
	memcpy(peer.peer_mac, theirs.addr_bytes, sizeof(peer.peer_mac));
	snprintf(text, sizeof(text), "10.77.%d.2", side);
	inet_pton(AF_INET, text, &peer.from.ipv4);
	snprintf(text, sizeof(text), "10.77.%d.1", side);
	inet_pton(AF_INET, text, &peer.to.ipv4);
	frame_template_init(&templates[side], &peer, &wire, (uint16_t)(columns * sizeof(float)));
}

static void send_requests(enum side side, uint16_t n)
{
	struct rte_mbuf *mbufs[BURST];
	uint16_t sent;

	if (rte_pktmbuf_alloc_bulk(pool, mbufs, n) != 0)
		return;
	for (uint16_t i = 0; i < n; i++) {
		mbufs[i]->data_len = (uint16_t)frame_bytes(&templates[side]);
		mbufs[i]->pkt_len = mbufs[i]->data_len;
		frame_write(&templates[side], rte_pktmbuf_mtod(mbufs[i], uint8_t *),
			counts[side].sent + i, 1, payload, 0); // zeros have the sum 0
	}
	if (side == POLITE)
		sent_tsc[counts[side].sent & ID_MASK] = rte_rdtsc();
	sent = rte_eth_tx_burst(ports[side], 0, mbufs, n);
	rte_pktmbuf_free_bulk(mbufs + sent, (unsigned)n - sent);
	counts[side].sent += sent;
}

static void record(const struct wire_header *wire, uint64_t now)
{
	const uint64_t sent = sent_tsc[wire->request_id & ID_MASK];
	const uint64_t ns = (uint64_t)((double)(now - sent) * ns_a_cycle);

	histogram_record(&all_ns, ns);
	if (stalled_tsc < sent)
		histogram_record(&undisturbed_ns, ns);
}

static void receive(enum side side)
{
	struct rte_mbuf *mbufs[BURST];
	const uint16_t n = rte_eth_rx_burst(ports[side], 0, mbufs, BURST);
	const uint64_t now = rte_rdtsc();

	for (uint16_t i = 0; i < n; i++) {
		struct frame_reply reply;

		if (frame_read(&templates[side], rte_pktmbuf_mtod(mbufs[i], const uint8_t *),
			    mbufs[i]->data_len, &reply) != FRAME_REPLY)
			continue;
		counts[side].answered++;
		if (reply.wire->status == WIRE_STATUS_BUSY)
			counts[side].busy++;
		else if (reply.wire->status != WIRE_STATUS_OK)
			counts[side].wrong++;
		if (side == POLITE)
			record(reply.wire, now);
	}
	rte_pktmbuf_free_bulk(mbufs, n);
}

static void look(void)
{
	static uint64_t last;
	const uint64_t now = rte_rdtsc();

	receive(POLITE);
	if (last && (double)(now - last) * ns_a_cycle > STALL_US * 1e3) {
		stalled_tsc = now;
		stalls++;
	}
	last = now;
}

static void run(double rate, uint32_t window, double seconds)
{
	const uint64_t hz = rte_get_tsc_hz(), begin = rte_rdtsc();
	const uint64_t end = begin + (uint64_t)(seconds * (double)hz);
	const double gap = (double)hz / rate;
	double next = (double)begin;
	uint64_t now;

	while ((now = rte_rdtsc()) < end) {
		if ((double)now >= next) {
			send_requests(POLITE, 1);
			// At a steady pace the requests would meet all of the kernels' ticks or none.
			// What was missed while we were kept from our CPU is not made up for.
			next = (double)(now + rte_rand_max((uint64_t)(gap * 2)));
		}
		look();
		if (!window)
			continue;
		if (counts[FLOOD].sent - counts[FLOOD].answered < window)
			send_requests(FLOOD, FLOOD_BURST);
		receive(FLOOD);
	}
	while (rte_rdtsc() < end + LATE_SECONDS * hz &&
		(counts[POLITE].answered < counts[POLITE].sent ||
			counts[FLOOD].answered < counts[FLOOD].sent)) {
		look();
		receive(FLOOD);
	}
}

// What was counted so far. Whatever was lost is lost: replies to it are none of those that follow.
static void forget(void)
{
	memset(counts, 0, sizeof(counts));
	histogram_reset(&all_ns);
	histogram_reset(&undisturbed_ns);
	stalls = 0;
}

static void print_side(const char *name, enum side side)
{
	const struct side_counts *of = &counts[side];

	printf("\"%s\": {\"sent\": %lu, \"lost\": %lu, \"busy\": %lu, \"wrong\": %lu}, ", name,
		of->sent, of->sent - of->answered, of->busy, of->wrong);
}

int main(int argc, char **argv)
{
	const char *eal[] = { "bench_fair", "--no-huge", "--no-shconf", "-m", "128", "--no-pci",
		"--no-telemetry", "--log-level=*:critical", NULL, NULL };
	char lcores[32];

	if (argc != 9 || atoi(argv[3]) < 1 || atoi(argv[3]) > (int)COLUMNS_MAX) {
		fprintf(stderr,
			"usage: bench_fair FOLDER MODEL COLUMNS RATE WINDOW SECONDS MAC MAC\n");
		return 2;
	}
	snprintf(lcores, sizeof(lcores), "--lcores=0@%d", sched_getcpu());
	eal[8] = lcores;
	if (rte_eal_init(9, (char **)eal) < 0)
		give_up("DPDK does not start");
	pool = rte_pktmbuf_pool_create("pool", MBUFS, 256, 0, 2048 + 128, SOCKET_ID_ANY);
	if (!pool)
		give_up("no pool");
	ns_a_cycle = 1e9 / (double)rte_get_tsc_hz();
	forget();
	for (int side = 0; side < SIDES; side++)
		open_port(argv[1], (enum side)side, (uint16_t)atoi(argv[2]),
			(uint16_t)atoi(argv[3]), argv[7 + side]);
	run(atof(argv[4]), 0, ALONE_S);
	forget();
	run(atof(argv[4]), (uint32_t)atoi(argv[5]), atof(argv[6]));
	printf("{");
	print_side("polite", POLITE);
	print_side("flood", FLOOD);
	printf("\"stalls\": %lu, \"p50_ns\": %lu, \"p99_ns\": %lu, \"undisturbed\": %lu, "
	       "\"undisturbed_p99_ns\": %lu}\n",
		stalls, histogram_percentile(&all_ns, 0.5), histogram_percentile(&all_ns, 0.99),
		undisturbed_ns.count, histogram_percentile(&undisturbed_ns, 0.99));
	fflush(stdout);
	for (int side = 0; side < SIDES; side++)
		rte_eth_dev_stop(ports[side]);
	rmdir(rte_eal_get_runtime_dir());
	_exit(0); // the driver's threads still run
}
