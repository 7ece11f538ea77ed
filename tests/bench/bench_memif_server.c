// SPDX-License-Identifier: BSD-3-Clause
// The memif server that we have against DPDK's driver in the same role, by the cycles of a frame that
// goes in and out again. Both ends are in this process, on one CPU: a memif client of DPDK's sends a
// burst, the server receives it and sends it back, and only the server's two calls are timed. The
// quickest of many rounds counts, in which nobody took the CPU away.
#include "dataplane/memif/server.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BURST  32u
#define ROUNDS 20000u
#define MBUFS  4095u

enum side { OURS, DRIVERS, SIDES };

static const uint32_t FRAMES[] = { 64, 238, 1024, 1500 };
#define N_FRAMES (sizeof(FRAMES) / sizeof(FRAMES[0]))

static struct rte_mempool *pool;
static struct memif_port *ours;
static uint16_t drivers;        // DPDK's port id
static uint16_t clients[SIDES]; // ports of DPDK's, each with a server

static void give_up(const char *what)
{
	fprintf(stderr, "bench_memif_server: %s\n", what);
	exit(1);
}

static uint16_t open_device(const char *device)
{
	const struct rte_eth_conf conf = { 0 };
	char name[32];
	uint16_t id = 0;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(device, ","), device);
	if (rte_dev_probe(device) != 0 || rte_eth_dev_get_port_by_name(name, &id) != 0 ||
		rte_eth_dev_configure(id, 1, 1, &conf) != 0 ||
		rte_eth_rx_queue_setup(id, 0, 1024, SOCKET_ID_ANY, NULL, pool) != 0 ||
		rte_eth_tx_queue_setup(id, 0, 1024, SOCKET_ID_ANY, NULL) != 0)
		give_up(device);
	return id;
}

static void wait_for_link(uint16_t id)
{
	struct rte_eth_link link = { 0 };

	for (int i = 0; i < 1000 && !link.link_status; i++) {
		usleep(10000);
		rte_eth_link_get_nowait(id, &link);
	}
	if (!link.link_status)
		give_up("no link");
}

static uint16_t server_rx(enum side side, struct rte_mbuf **mbufs)
{
	return side == OURS ? memif_port_rx(ours, 0, mbufs, BURST)
			    : rte_eth_rx_burst(drivers, 0, mbufs, BURST);
}

static uint16_t server_tx(enum side side, struct rte_mbuf **mbufs, uint16_t n)
{
	return side == OURS ? memif_port_tx(ours, 0, mbufs, n)
			    : rte_eth_tx_burst(drivers, 0, mbufs, n);
}

static uint64_t round_cycles(enum side side, uint32_t bytes, uint16_t n)
{
	struct rte_mbuf *mbufs[BURST];
	uint64_t begin, cycles;
	uint16_t got;

	if (rte_pktmbuf_alloc_bulk(pool, mbufs, n) != 0)
		give_up("no mbufs");
	for (uint16_t i = 0; i < n; i++)
		mbufs[i]->data_len = (uint16_t)(mbufs[i]->pkt_len = bytes);
	if (rte_eth_tx_burst(clients[side], 0, mbufs, n) != n)
		give_up("the client's ring is full");
	begin = rte_rdtsc_precise();
	got = server_rx(side, mbufs);
	if (got != n || server_tx(side, mbufs, n) != n)
		give_up("the server lost a frame");
	cycles = rte_rdtsc_precise() - begin;
	if (rte_eth_rx_burst(clients[side], 0, mbufs, n) != n)
		give_up("the client heard too little");
	rte_pktmbuf_free_bulk(mbufs, n);
	return cycles;
}

static void measure(uint32_t bytes, uint16_t n, double ns[SIDES])
{
	uint64_t best[SIDES] = { UINT64_MAX, UINT64_MAX };

	for (uint32_t i = 0; i < ROUNDS; i++)
		for (int side = 0; side < SIDES; side++) {
			const uint64_t cycles = round_cycles((enum side)side, bytes, n);

			best[side] = cycles < best[side] ? cycles : best[side];
		}
	for (int side = 0; side < SIDES; side++)
		ns[side] = (double)best[side] * 1e9 / (double)rte_get_tsc_hz() / n;
}

static void start(const char *folder)
{
	struct memif_device device = { .id = 0 };
	struct memif_server *server;
	struct error err;
	char text[256];
	void *qsbr = calloc(1, rte_rcu_qsbr_get_memsize(1) + 64);

	qsbr = RTE_PTR_ALIGN(qsbr, 64);
	pool = rte_pktmbuf_pool_create("pool", MBUFS, 256, 64, 2048 + 128, SOCKET_ID_ANY);
	if (!pool)
		give_up("no pool");
	rte_rcu_qsbr_init(qsbr, 1);
	ours = memif_port_create(pool, 1, 1, &err);
	snprintf(device.socket, sizeof(device.socket), "%s/ours.sock", folder);
	if (!ours || memif_server_create(qsbr, &server, &err) != 0 ||
		memif_server_add(server, &device, ours, &err) != 0 ||
		memif_server_start(server, &err) != 0)
		give_up(err.text);
	snprintf(text, sizeof(text),
		"net_memif0,role=server,socket=%s/drivers.sock,socket-abstract=no", folder);
	drivers = open_device(text);
	rte_eth_dev_start(drivers);
	for (int side = 0; side < SIDES; side++) {
		struct rte_mbuf *none[BURST];

		snprintf(text, sizeof(text),
			"net_memif%d,role=client,socket=%s/%s.sock,socket-abstract=no", 1 + side,
			folder, side == OURS ? "ours" : "drivers");
		clients[side] = open_device(text);
		rte_eth_dev_start(clients[side]);
		wait_for_link(clients[side]);
		rte_eth_rx_burst(clients[side], 0, none, BURST); // offers its buffers
	}
}

int main(int argc, char **argv)
{
	const char *eal[] = { "bench_memif_server", "--no-huge", "--no-shconf", "-m", "128",
		"--no-pci", "--no-telemetry", "--log-level=*:error", "--lcores=0", NULL };
	char folder[] = "/tmp/martlet-memif.XXXXXX", text[300];
	const char *separator = "";

	if (!mkdtemp(folder) || rte_eal_init(9, (char **)eal) < 0)
		give_up("DPDK does not start");
	start(folder);
	printf("[");
	for (uint32_t f = 0; f < N_FRAMES; f++)
		for (uint16_t n = 1; n <= BURST; n *= BURST) {
			double ns[SIDES];

			measure(FRAMES[f], n, ns);
			printf("%s{\"frame_bytes\": %u, \"burst\": %u, \"ns\": %.1f, \"peer_ns\": "
			       "%.1f}",
				separator, FRAMES[f], n, ns[OURS], ns[DRIVERS]);
			separator = ",\n ";
		}
	printf("]\n");
	fflush(stdout);
	for (int side = 0; side < SIDES; side++) {
		snprintf(text, sizeof(text), "%s/%s.sock", folder,
			side == OURS ? "ours" : "drivers");
		unlink(text);
	}
	rmdir(folder);
	rmdir(rte_eal_get_runtime_dir());
	_exit(0); // the driver's threads and ours still run
}
