// SPDX-License-Identifier: BSD-3-Clause
// Nanoseconds a request spends in each stage between rx burst and tx burst, in bursts of 1 to 64:
// no device, no ring, no neighbour on the other core. Prints JSON.
// usage: bench_stages IMAGE ROWS [canary | shadow | drift | limits]
// With the last one, the image is the canary, too, of half of the requests, or the shadow of a quarter of the rows;
// or its drift is watched; or its clients have a rate, which none exceeds. Nobody has a key.
//
// A run restores the frames, then passes them through the first stages; what one stage more adds to
// the time is that stage's. Minimum of many runs, for whatever disturbs a run only adds to it.
#include "base/rows.h"
#include "dataplane/admit.h"
#include "dataplane/auth/check.h"
#include "dataplane/fair/fair.h"
#include "dataplane/lane.h"
#include "dataplane/parse.h"
#include "dataplane/reply.h"
#include "dataplane/score.h"
#include "infer/infer.h"
#include "tests/bench/tsc.h"
#include "tests/unit/frame.h"

#include <rte_cycles.h>
#include <sodium.h>
#include <stdlib.h>

#define SCRATCH_BYTES (2u << 20)
#define LANE_BYTES    (256u << 10)
#define RUNS          20000
#define MODEL_ID      7

enum stage {
	STAGE_RESTORE,
	STAGE_PARSE,
	STAGE_AUTH,
	STAGE_LIMIT,
	STAGE_ADMIT,
	STAGE_SCORE,
	STAGE_REPLY,
	STAGE_COUNT
};
static const char *const STAGES[] = { "restore", "parse", "auth", "limit", "admit", "score",
	"reply" };
static const uint16_t BURSTS[] = { 1, 4, 16, 64 };

static struct frame frames[BURST_MAX], fresh[BURST_MAX];
static struct registry *registry;
static struct auth *auth;
static struct fair *fair;
static struct rules *rules; // NULL: nobody is limited
static struct fair_costs costs;
static struct watches *watches;
static struct lane lane;
static uint8_t *lane_memory;
static struct port port;
static struct clock clk;
static struct dataplane_counters counters;
static struct slot_stats pings;
static uint8_t *scratch;
static double tsc_hz;

// The lane is as empty as idle time leaves it.
static void restore(uint16_t n)
{
	lane.head = lane.tail = lane.end = lane.n_items = 0;
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
	struct parsed parsed;
	uint16_t n_answers, n_refused;

	restore(n);
	if (last == STAGE_RESTORE)
		return;
	for (uint16_t i = 0; i < n; i++)
		mbufs[i] = &frames[i].m;
	n = parse_burst(&port, mbufs, n, rte_rdtsc(), &counters, requests, others, &parsed);
	if (last == STAGE_PARSE)
		return;
	n = auth_burst(requests, n, parsed.flags, registry->auth, registry, &counters);
	if (last == STAGE_AUTH)
		return;
	if (unlikely(rules))
		n = fair_burst(
			fair, rules, 0, requests, n, rte_rdtsc(), &counters, mbufs, &n_refused);
	if (last == STAGE_LIMIT)
		return;
	n = admit_burst(requests, n, registry, 0, &pings, mbufs, &n_answers);
	if (last == STAGE_ADMIT)
		return;
	score_burst(requests, n, scratch, &clk, &counters, &lane);
	if (last == STAGE_SCORE)
		return;
	reply_burst(requests, n, rte_rdtsc(), &clk, &counters, registry->auth);
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
		frame_wire(&fresh[i])->request_id = i; // which a canary's share goes by
		frame_mend_udp(&fresh[i]);
		frames[i] = fresh[i];
		frames[i].m.buf_addr = frames[i].room;
	}
}

static int prepare(const char *image, uint16_t version, struct deployment **out, struct error *err)
{
	struct deployment_request request = { .id = MODEL_ID, .name = "bench", .version = version };
	const struct model_options options = { 0 };
	int rc = model_open_file(image, &options, &request.model, err);

	return rc != 0 ? rc : registry_prepare(registry, &request, out, err);
}

// `role` NULL: the image is live, and all there is.
static int publish(const char *image, const char *role, struct error *err)
{
	struct route_request routed = { .id = MODEL_ID, .share = { .permille = 500 } };
	struct deployment **second =
		role && strcmp(role, "canary") == 0 ? &routed.canary : &routed.shadow;
	struct model_route *route;
	const bool counts = role && strcmp(role, "drift") == 0;
	const bool is_alone = !role || counts || strcmp(role, "limits") == 0;
	int rc = prepare(image, 1, &routed.live, err);

	if (rc == 0 && !is_alone)
		rc = prepare(image, 2, second, err);
	if (rc == 0)
		rc = registry_make_route(registry, &routed, &route, err);
	if (rc != 0)
		return rc;
	registry_commit(registry, route);
	if (counts)
		return watches_publish(watches,
			&(struct watch_request){ .kind = WATCH_DRIFT,
				.id = MODEL_ID,
				.every = 16, // drift.sample's default
				.live = routed.live },
			err);
	if (!routed.shadow)
		return 0;
	return watches_publish(watches,
		&(struct watch_request){ .kind = WATCH_SHADOW,
			.id = MODEL_ID,
			.every = 4, // canary.every's default
			.live = routed.live,
			.other = routed.shadow },
		err);
}

// One rate for everybody, beyond what a run asks for.
static int setup_limits(struct error *err)
{
	static const struct hash_key KEY = { 1, 2 };
	const struct config_clients config = { .limits.rate = 100000000,
		.limits.burst = 100000000 };

	fair = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*fair));
	if (!fair)
		return error_set(err, -ENOMEM, "no memory for the table of clients");
	fair_init(fair, &KEY, &costs, (uint64_t)tsc_hz);
	return rules_create(&config, 1, (uint64_t)tsc_hz, &rules, err);
}

static int setup(const char *image, const char *rows_path, const char *role, struct error *err)
{
	const struct rows_options rows_options = { 0 };
	struct rows rows = { 0 };
	int rc = rows_read(rows_path, &rows_options, &rows, err);

	if (rc == 0)
		rc = registry_create(1, SCRATCH_BYTES, 1500, NULL, &registry, err);
	if (rc == 0)
		rc = auth_create(NULL, isa_detected(), &auth, err);
	if (rc == 0)
		rc = watches_create(registry, &watches, err);
	if (rc == 0)
		rc = publish(image, role, err);
	if (rc != 0)
		return rc;
	registry->auth = auth;
	tsc_hz = bench_tsc_hz();
	if (role && strcmp(role, "limits") == 0)
		rc = setup_limits(err);
	if (rc != 0)
		return rc;
	clock_init(&clk, (uint64_t)tsc_hz);
	histogram_reset(&pings.latency);
	frame_port(&port);
	setup_frames(&rows);
	rows_fini(&rows);
	scratch = aligned_alloc(64, SCRATCH_BYTES);
	lane_memory = aligned_alloc(64, LANE_BYTES);
	if (lane_memory)
		lane_init(&lane, watches, &clk, 0, lane_memory, LANE_BYTES);
	return scratch && lane_memory ? 0 : error_set(err, -ENOMEM, "no memory for scratch");
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

	if ((argc != 3 && argc != 4) ||
		(argc == 4 && strcmp(argv[3], "canary") && strcmp(argv[3], "shadow") &&
			strcmp(argv[3], "drift") && strcmp(argv[3], "limits"))) {
		fprintf(stderr,
			"usage: bench_stages IMAGE ROWS [canary | shadow | drift | limits]\n");
		return 2;
	}
	if (sodium_init() < 0 || setup(argv[1], argv[2], argv[3], &err)) {
		fprintf(stderr, "bench_stages: %s\n", err.text);
		return 1;
	}
	bench();
	watches_destroy(watches);
	registry_destroy(registry);
	auth_destroy(auth);
	rules_destroy(rules);
	free(fair);
	free(scratch);
	free(lane_memory);
	return 0;
}
