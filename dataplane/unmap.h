// SPDX-License-Identifier: BSD-3-Clause
// Memory that lcores may be reading is not unmapped under them.
//
// DPDK's memif client, as martlet-load and a port with role=client have it, unmaps what it shared with
// a server as soon as the server is gone, on one of
// EAL's threads, and asks nobody: an lcore that lost its CPU in the middle of a burst would come back
// to memory that is not there any more. So this file replaces munmap() for the whole process: it
// waits until every lcore has been between two bursts. The driver has marked the port as disconnected
// before, so that no lcore reads that memory again. (Our own memif server waits by itself.)
#pragma once

#include <rte_rcu_qsbr.h>

// From now on, until called with NULL, munmap() waits for the readers of `qsbr`. Control thread.
void unmap_guard(struct rte_rcu_qsbr *qsbr);
