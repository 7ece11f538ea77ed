// SPDX-License-Identifier: BSD-3-Clause
// The lane of what is answered beside the lcores, by the API: rows wait in it as in those of the lcores (lane.h),
// and are scored by the other version by whichever thread has nothing else to do, one at a time. Nobody is ever
// answered from it, and load sheds first here.
//
// Its threads are no lcores: they are readers of the registry and of watches for as long as a call takes.
#pragma once

#include "base/error.h"
#include "dataplane/lane.h"

#include <pthread.h>
#include <stdatomic.h>

#define ASIDE_READERS 2 // of the quiescent states: who offers, and who works off

struct aside {
	struct watches *watches;
	struct rte_rcu_qsbr *qsbr; // NULL where no lcore runs
	uint32_t reader;           // the first of ASIDE_READERS ids in it
	struct clock clock;
	_Atomic(uint32_t) n_waiting;
	pthread_mutex_t lock; // over `in`
	struct lane in;       // where rows wait
	pthread_mutex_t work; // over what follows
	struct lane out;      // those that are being scored
	uint8_t *scratch;
};

// Figures are counted as those of lcore watches->n_lcores. Readers are registered by the caller. -ENOMEM.
int aside_create(struct watches *watches, struct rte_rcu_qsbr *qsbr, uint32_t reader,
	size_t lane_bytes, uint64_t tsc_hz, struct aside **out, struct error *err);
// Nobody may be in a call any more; before watches_destroy(). NULL is fine.
void aside_destroy(struct aside *aside);

// As lane_offer(), from any thread. Whether anything waits now.
bool aside_offer(struct aside *aside, const struct deployment *by, const float *rows,
	const float *outputs, uint32_t n, bool is_busy);
// Works off one slice. False where nothing waits any more, or another thread is at it and will see to the rest.
bool aside_work(struct aside *aside);
