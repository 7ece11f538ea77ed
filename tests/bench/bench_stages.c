// SPDX-License-Identifier: BSD-3-Clause
// Nanoseconds a request spends in each stage between rx burst and tx burst, in bursts of 1 to 64:
// no device, no ring, no neighbour on the other core. Prints JSON.
// usage: bench_stages IMAGE ROWS
//
// A run restores the frames, then passes them through the first stages; what one stage more adds to
// the time is that stage's. Minimum of many runs, for whatever disturbs a run only adds to it.
#include "base/rows.h"
#include "dataplane/admit.h"
#include "dataplane/parse.h"
#include "dataplane/reply.h"
#include "dataplane/score.h"
#include "infer/infer.h"
#include "tests/unit/frame.h"

#include <rte_cycles.h>
#include <stdlib.h>
#include <time.h>

#define SCRATCH_BYTES (2u << 20)
#define RUNS          20000
#define MODEL_ID      7

enum stage { STAGE_RESTORE, STAGE_PARSE, STAGE_ADMIT, STAGE_SCORE, STAGE_REPLY, STAGE_COUNT };
static const char *const STAGES[] = { "restore", "parse", "admit", "score", "reply" };
static const uint16_t BURSTS[] = { 1, 4, 16, 64 };

static struct frame frames[BURST_MAX], fresh[BURST_MAX];
static struct registry *registry;
static struct port port;
static struct clock clk;
static struct dataplane_counters counters;
static struct slot_stats pings;
static uint8_t *scratch;
static double tsc_hz;

// EAL, which would know, is not running.
static double measure_tsc_hz(void)
{
	struct timespec begin, end;
	uint64_t tsc;
	double ns;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	tsc = rte_rdtsc();
	do {
		clock_gettime(CLOCK_MONOTONIC, &end);
		ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 +
			(double)(end.tv_nsec - begin.tv_nsec);
	} while (ns < 50e6);
	return (double)(rte_rdtsc() - tsc) / ns * 1e9;
}

static void restore(uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const uint32_t bytes = RTE_PKTMBUF_HEADROOM + fresh[i].m.data_len;

		frames[i].m.data_len = fresh[i].m.data_len;
		frames[i].m.pkt_len = fresh[i].m.pkt_len;
		memcpy(frames[i].room + RTE_PKTMBUF_HEADROOM, fresh[i].room + RTE_PKTMBUF_HEADROOM,
			bytes - RTE_PKTMBUF_HEADROOM);
	}
}

// One burst through the first stages, up to and with `last`.
static void pass(uint16_t n, enum stage last)
{
	struct rte_mbuf *mbufs[BURST_MAX], *requests[BURST_MAX], *others[BURST_MAX];
	uint16_t n_others, n_answers;

	restore(n);
	if (last == STAGE_RESTORE)
		return;
	for (uint16_t i = 0; i < n; i++)
		mbufs[i] = &frames[i].m;
	n = parse_burst(&port, mbufs, n, rte_rdtsc(), &counters, requests, others, &n_others);
	if (last == STAGE_PARSE)
		return;
	n = admit_burst(requests, n, registry, 0, &pings, mbufs, &n_answers);
	if (last == STAGE_ADMIT)
		return;
	score_burst(requests, n, scratch, &clk, &counters);
	if (last == STAGE_SCORE)
		return;
	reply_burst(requests, n, rte_rdtsc(), &clk, &counters);
}

static double run_ns(uint16_t n, enum stage last)
{
	const double ns = 1e9 / tsc_hz / n;
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < RUNS; i++) {
		uint64_t begin = rte_rdtsc(), cycles;

		pass(n, last);
		cycles = rte_rdtsc() - begin;
		least = RTE_MIN(least, cycles);
	}
	return (double)least * ns;
}

static void setup_frames(const struct rows *rows)
{
	const uint32_t bytes = rows->n_columns * (uint32_t)sizeof(float);

	for (uint16_t i = 0; i < BURST_MAX; i++) {
		frame_request(&fresh[i], false, false, WIRE_TYPE_SCORE, 1,
			(uint16_t)rows->n_columns, WIRE_HEADER_BYTES + bytes);
		memcpy(frame_wire(&fresh[i]) + 1, rows->values + i % rows->n_rows * rows->n_columns,
			bytes);
		frame_mend_udp(&fresh[i]);
		frames[i] = fresh[i];
		frames[i].m.buf_addr = frames[i].room;
	}
}

static int setup(const char *image, const char *rows_path, struct error *err)
{
	struct deployment_request request = { .id = MODEL_ID, .name = "bench", .version = 1 };
	const struct model_options options = { 0 };
	const struct rows_options rows_options = { 0 };
	struct rows rows = { 0 };
	int rc = model_open_file(image, &options, &request.model, err);

	if (rc == 0)
		rc = rows_read(rows_path, &rows_options, &rows, err);
	if (rc == 0)
		rc = registry_create(1, SCRATCH_BYTES, 1500, NULL, &registry, err);
	if (rc == 0)
		rc = registry_publish(registry, &request, err);
	if (rc != 0)
		return rc;
	tsc_hz = measure_tsc_hz();
	clock_init(&clk, (uint64_t)tsc_hz);
	histogram_reset(&pings.latency);
	frame_port(&port);
	setup_frames(&rows);
	rows_fini(&rows);
	scratch = aligned_alloc(64, SCRATCH_BYTES);
	return scratch ? 0 : error_set(err, -ENOMEM, "no memory for scratch");
}

static void bench(void)
{
	printf("{");
	for (size_t b = 0; b < RTE_DIM(BURSTS); b++) {
		double before = 0;

		printf("%s\"%u\": {", b ? ", " : "", BURSTS[b]);
		for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
			const double ns = run_ns(BURSTS[b], stage);

			printf("%s\"%s\": %.1f", stage ? ", " : "", STAGES[stage], ns - before);
			before = ns;
		}
		printf("}");
	}
	printf("}\n");
}

int main(int argc, char **argv)
{
	struct error err = { .text = "" };

	if (argc != 3) {
		fprintf(stderr, "usage: bench_stages IMAGE ROWS\n");
		return 2;
	}
	if (setup(argv[1], argv[2], &err)) {
		fprintf(stderr, "bench_stages: %s\n", err.text);
		return 1;
	}
	bench();
	registry_destroy(registry);
	free(scratch);
	return 0;
}
