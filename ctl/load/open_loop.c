// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/load/open_loop.h"

#include "base/random.h"
#include "ctl/load/exchange.h"

#include <math.h>
#include <rte_common.h>
#include <rte_cycles.h>

struct arrivals {
	double next_cycles; // TSC; a double holds fractions of a cycle for weeks of uptime
	double gap_cycles;
	bool poisson;
	uint64_t random; // the state of random_next()
};

static double arrivals_gap(struct arrivals *arrivals)
{
	if (!arrivals->poisson)
		return arrivals->gap_cycles;
	// 53 random bits fill a double in (0, 1]; the logarithm makes the gaps exponential.
	return -log(((double)(random_next(&arrivals->random) >> 11) + 1) * 0x1p-53) *
		arrivals->gap_cycles;
}

// Sends what is due by now, up to `left`. Returns how many were sent: what could not be stays due,
// and its delay counts.
static uint32_t open_loop_send_due(struct client *client, struct arrivals *arrivals, uint64_t left)
{
	const double now = (double)rte_rdtsc();
	uint64_t due[CLIENT_BURST];
	struct arrivals ahead = *arrivals;
	struct arrivals after[CLIENT_BURST];
	uint32_t n = 0, sent;

	while (n < CLIENT_BURST && n < left && ahead.next_cycles <= now) {
		due[n] = (uint64_t)ahead.next_cycles;
		ahead.next_cycles += arrivals_gap(&ahead);
		after[n++] = ahead;
	}
	if (!n)
		return 0;
	sent = exchange_send(client, n, due);
	if (sent)
		*arrivals = after[sent - 1];
	return sent;
}

// Returns how many of `n` requests it has not sent.
static uint64_t open_loop_run_until(
	struct client *client, struct arrivals *arrivals, uint64_t n, uint64_t end_cycles)
{
	uint64_t left = n;

	while (left && !client->stop && rte_rdtsc() < end_cycles) {
		left -= open_loop_send_due(client, arrivals, left);
		exchange_receive(client);
	}
	return left;
}

// How many were due before the end, on average where arrivals are random.
static uint64_t open_loop_still_due(const struct arrivals *arrivals, uint64_t end_cycles)
{
	const double behind = (double)end_cycles - arrivals->next_cycles;

	return behind < 0 ? 0 : (uint64_t)(behind / arrivals->gap_cycles) + 1;
}

void open_loop_run(struct client *client)
{
	const struct load_options *options = client->options;
	const uint64_t n = options->once ? client->payloads.count : options->requests;
	const double hz = (double)rte_get_tsc_hz();
	uint64_t left;
	struct arrivals arrivals = { .next_cycles = (double)rte_rdtsc(),
		.gap_cycles = hz / options->rate,
		.poisson = options->arrivals == ARRIVALS_POISSON,
		.random = rte_rdtsc() | 1 };

	if (options->warmup_seconds > 0)
		open_loop_run_until(client, &arrivals, UINT64_MAX,
			rte_rdtsc() + (uint64_t)(options->warmup_seconds * hz));
	client_measure(client);
	left = open_loop_run_until(client, &arrivals, n ? n : UINT64_MAX,
		n ? UINT64_MAX : rte_rdtsc() + (uint64_t)(options->seconds * hz));
	client->end_cycles = rte_rdtsc();
	client->counters.unsent = n ? left : open_loop_still_due(&arrivals, client->end_cycles);
	client->answered_in_time = client->counters.answered;
	while (client->table.outstanding && !client->stop)
		exchange_receive(client);
}
