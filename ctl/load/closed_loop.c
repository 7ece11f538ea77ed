// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/load/closed_loop.h"

#include "ctl/load/exchange.h"

#include <rte_common.h>
#include <rte_cycles.h>

static void closed_loop_fill(struct client *client, uint64_t *left)
{
	const uint32_t window = client->options->window;

	while (client->table.outstanding < window && *left) {
		const uint64_t room =
			RTE_MIN((uint64_t)(window - client->table.outstanding), *left);
		const uint32_t n = exchange_send(
			client, (uint32_t)RTE_MIN(room, (uint64_t)CLIENT_BURST), NULL);

		*left -= n;
		if (n < CLIENT_BURST)
			return;
	}
}

static void closed_loop_run_until(struct client *client, uint64_t n, uint64_t end_cycles)
{
	uint64_t left = n;

	while (left && !client->stop && rte_rdtsc() < end_cycles) {
		closed_loop_fill(client, &left);
		exchange_receive(client);
	}
}

void closed_loop_run(struct client *client)
{
	const struct load_options *options = client->options;
	const double hz = (double)rte_get_tsc_hz();

	if (options->warmup_seconds > 0)
		closed_loop_run_until(
			client, UINT64_MAX, rte_rdtsc() + (uint64_t)(options->warmup_seconds * hz));
	client_measure(client);
	if (options->once)
		closed_loop_run_until(client, client->payloads.count, UINT64_MAX);
	else if (options->requests)
		closed_loop_run_until(client, options->requests, UINT64_MAX);
	else
		closed_loop_run_until(
			client, UINT64_MAX, rte_rdtsc() + (uint64_t)(options->seconds * hz));
	// A number of requests ends with the last answer, a time at its end.
	if (options->once || options->requests)
		while (client->table.outstanding && !client->stop)
			exchange_receive(client);
	client->end_cycles = rte_rdtsc();
	client->answered_in_time = client->counters.answered;
	while (client->table.outstanding && !client->stop)
		exchange_receive(client);
}
