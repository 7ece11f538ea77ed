// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/unmap.h"

#include <rte_lcore.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOK_AGAIN_US 20

static _Atomic(struct rte_rcu_qsbr *) unmap_qsbr;

void unmap_guard(struct rte_rcu_qsbr *qsbr)
{
	atomic_store_explicit(&unmap_qsbr, qsbr, memory_order_release);
}

// A polling lcore must not wait for itself, and it unmaps nothing that another one reads.
static bool unmap_caller_polls(void)
{
	const unsigned lcore = rte_lcore_id();

	return lcore != LCORE_ID_ANY && lcore != rte_get_main_lcore();
}

// Not by a spin: it may be this CPU that an lcore waits for.
static void unmap_wait(struct rte_rcu_qsbr *qsbr)
{
	const uint64_t token = rte_rcu_qsbr_start(qsbr);

	while (!rte_rcu_qsbr_check(qsbr, token, false))
		usleep(LOOK_AGAIN_US);
}

// Takes the place of libc's munmap() in the whole process, for drivers, too.
int munmap(void *address, size_t bytes)
{
	struct rte_rcu_qsbr *qsbr = atomic_load_explicit(&unmap_qsbr, memory_order_acquire);

	if (qsbr && !unmap_caller_polls())
		unmap_wait(qsbr);
	return (int)syscall(SYS_munmap, address, bytes);
}
