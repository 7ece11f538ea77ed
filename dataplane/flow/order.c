// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/flow/order.h"

#include <stdlib.h>

struct order_entry {
	struct flow_packet packet;
	uint64_t number; // in the order of coming
};

// A binary heap: an entry comes before those at 2i + 1 and 2i + 2.
struct order {
	uint32_t capacity, n;
	uint64_t n_put;
	uint64_t latest_in_ns, latest_out_ns;
	struct order_stats stats;
	struct order_entry heap[]; // [capacity + 1]
};

static bool order_before(const struct order_entry *a, const struct order_entry *b)
{
	if (a->packet.time_ns != b->packet.time_ns)
		return a->packet.time_ns < b->packet.time_ns;
	return a->number < b->number;
}

int order_create(uint32_t capacity, struct order **out, struct error *err)
{
	struct order *order =
		calloc(1, sizeof(*order) + ((size_t)capacity + 1) * sizeof(order->heap[0]));

	*out = order;
	if (!order)
		return error_set(err, -ENOMEM, "out of memory for %u packets", capacity);
	order->capacity = capacity;
	return 0;
}

void order_destroy(struct order *order)
{
	free(order);
}

bool order_put(struct order *order, const struct flow_packet *packet, struct flow_packet *first)
{
	const struct order_entry entry = { .packet = *packet, .number = order->n_put++ };
	uint32_t i = order->n++;

	if (packet->time_ns < order->latest_in_ns)
		order->stats.unordered++;
	else
		order->latest_in_ns = packet->time_ns;
	for (; i > 0 && order_before(&entry, &order->heap[(i - 1) / 2]); i = (i - 1) / 2)
		order->heap[i] = order->heap[(i - 1) / 2];
	order->heap[i] = entry;
	return order->n > order->capacity && order_take(order, first);
}

bool order_take(struct order *order, struct flow_packet *first)
{
	const struct order_entry *last;
	uint32_t i = 0, child;

	if (order->n == 0)
		return false;
	*first = order->heap[0].packet;
	last = &order->heap[--order->n];
	for (; (child = 2 * i + 1) < order->n; i = child) {
		if (child + 1 < order->n &&
			order_before(&order->heap[child + 1], &order->heap[child]))
			child++;
		if (!order_before(&order->heap[child], last))
			break;
		order->heap[i] = order->heap[child];
	}
	order->heap[i] = *last;
	if (first->time_ns < order->latest_out_ns)
		order->stats.late++;
	else
		order->latest_out_ns = first->time_ns;
	return true;
}

const struct order_stats *order_stats(const struct order *order)
{
	return &order->stats;
}
