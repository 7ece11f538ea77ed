// SPDX-License-Identifier: BSD-3-Clause
// A disk of which one call goes wrong, or each from one on.
#pragma once

#include "ctl/server/store/disk.h"
#include "ctl/server/store/store_state.h"
#include "tests/unit/store_case.h"

#include <errno.h>
#include <event2/event.h>

enum fault {
	FAULT_EIO,
	FAULT_ENOSPC,
	FAULT_EINTR,
	FAULT_SHORT,
	FAULT_NOTHING_WRITTEN,
	FAULT_COUNT
};

struct faulty {
	struct disk disk; // first
	struct disk *below;
	struct event_base *base;
	enum fault fault;
	unsigned at;  // which call; counted from 1
	unsigned n;   // calls so far
	bool stays;   // and each after it
	unsigned too; // and this one; 0: none
	bool is_late; // the result comes from the event loop, as io_uring's do
	struct disk_call *call;
	int result;
};

static inline void faulty_tell(int fd, short what, void *arg)
{
	struct faulty *f = arg;

	f->call->done(f->call->arg, f->result);
}

static inline bool faulty_make(struct disk *disk, struct disk_call *call, int *result)
{
	static const int RESULT[FAULT_COUNT] = { -EIO, -ENOSPC, -EINTR, 0, 0 };
	static const struct timeval AT_ONCE = { 0 };
	struct faulty *f = (struct faulty *)disk;

	const bool is_write = call->kind == DISK_WRITE;
	bool fails;

	f->n++;
	fails = f->at && (f->n == f->at || (f->stays && f->n > f->at) || f->n == f->too);
	if (fails && f->fault == FAULT_SHORT && is_write)
		call->size = 3;
	if (!fails || f->fault == FAULT_SHORT || (f->fault == FAULT_NOTHING_WRITTEN && !is_write))
		return f->below->make(f->below, call, result);
	f->call = call;
	*result = f->result = RESULT[f->fault];
	if (!f->is_late)
		return true;
	event_base_once(f->base, -1, EV_TIMEOUT, faulty_tell, f, &AT_ONCE);
	return false;
}

static inline void faulty_begin(
	struct faulty *f, struct store_case *c, enum fault fault, unsigned at)
{
	*f = (struct faulty){ .disk = { .make = faulty_make },
		.below = c->store->disk,
		.base = c->base,
		.fault = fault,
		.at = at,
		.is_late = c->store->has_ring };
	c->store->disk = &f->disk;
}

static inline void faulty_end(const struct faulty *f, struct store_case *c)
{
	c->store->disk = f->below;
}
