// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/load/request_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int request_table_init(struct request_table *table, uint32_t capacity)
{
	memset(table, 0, sizeof(*table));
	table->slots = calloc(capacity, sizeof(*table->slots));
	table->lost = calloc(REQUEST_LOST_KEPT, sizeof(*table->lost));
	if (!table->slots || !table->lost) {
		request_table_fini(table);
		return -ENOMEM;
	}
	table->capacity = capacity;
	table->oldest = table->newest = REQUEST_NONE;
	for (uint32_t i = 0; i < capacity; i++)
		table->slots[i].newer = i + 1 < capacity ? i + 1 : REQUEST_NONE;
	return 0;
}

void request_table_fini(struct request_table *table)
{
	free(table->slots);
	free(table->lost);
	memset(table, 0, sizeof(*table));
}

struct request *request_add(struct request_table *table)
{
	const uint32_t slot = table->first_free;
	struct request *request;

	if (slot == REQUEST_NONE)
		return NULL;
	request = &table->slots[slot];
	table->first_free = request->newer;
	request->id = ++table->sequence << REQUEST_SLOT_BITS | slot;
	request->older = table->newest;
	request->newer = REQUEST_NONE;
	if (table->newest == REQUEST_NONE)
		table->oldest = slot;
	else
		table->slots[table->newest].newer = slot;
	table->newest = slot;
	table->outstanding++;
	return request;
}

static void request_take_slot(struct request_table *table, uint32_t slot, struct request *out)
{
	struct request *request = &table->slots[slot];

	*out = *request;
	if (request->older == REQUEST_NONE)
		table->oldest = request->newer;
	else
		table->slots[request->older].newer = request->newer;
	if (request->newer == REQUEST_NONE)
		table->newest = request->older;
	else
		table->slots[request->newer].older = request->older;
	request->id = 0;
	request->newer = table->first_free;
	table->first_free = slot;
	table->outstanding--;
}

static enum request_answer request_explain_stale(const struct request_table *table, uint64_t id)
{
	const uint64_t sequence = id >> REQUEST_SLOT_BITS;
	const uint64_t kept = table->n_lost < REQUEST_LOST_KEPT ? table->n_lost : REQUEST_LOST_KEPT;

	if (sequence == 0 || sequence > table->sequence)
		return REQUEST_UNKNOWN;
	for (uint64_t i = 0; i < kept; i++)
		if (table->lost[i] == id)
			return REQUEST_LATE;
	return REQUEST_DUPLICATE;
}

enum request_answer request_take(struct request_table *table, uint64_t id, struct request *out)
{
	const uint32_t slot = (uint32_t)(id & (REQUEST_SLOTS_MAX - 1));

	if (slot >= table->capacity)
		return REQUEST_UNKNOWN;
	if (id == 0 || table->slots[slot].id != id)
		return request_explain_stale(table, id);
	request_take_slot(table, slot, out);
	return REQUEST_FOUND;
}

bool request_expire(struct request_table *table, uint64_t before_cycles, struct request *out)
{
	const uint32_t slot = table->oldest;

	if (slot == REQUEST_NONE || table->slots[slot].sent_cycles > before_cycles)
		return false;
	request_take_slot(table, slot, out);
	table->lost[table->n_lost++ % REQUEST_LOST_KEPT] = out->id;
	return true;
}
