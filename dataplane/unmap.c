// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/unmap.h"

#include <rte_lcore.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic(struct rte_rcu_qsbr *) guard;

void unmap_guard(struct rte_rcu_qsbr *qsbr)
{
	atomic_store_explicit(&guard, qsbr, memory_order_release);
}

// An lcore cannot wait for itself; it unmaps nothing that another one reads.
static bool is_polling(void)
{
	const unsigned lcore = rte_lcore_id();

	return lcore != LCORE_ID_ANY && lcore != rte_get_main_lcore();
}

// Takes the place of libc's in the whole process, drivers included.
int munmap(void *address, size_t bytes)
{
	struct rte_rcu_qsbr *qsbr = atomic_load_explicit(&guard, memory_order_acquire);

	if (qsbr && !is_polling())
		rte_rcu_qsbr_synchronize(qsbr, RTE_QSBR_THRID_INVALID);
	return (int)syscall(SYS_munmap, address, bytes);
}
