// SPDX-License-Identifier: BSD-3-Clause
// What an lcore runs, by its role. Run to completion: it takes requests off its queues, scores and
// answers them. Pipeline: I/O lcores hand requests to workers through one SP/SC ring a pair, and
// workers score and answer. Between bursts each lcore reports a quiescent state; while it sleeps it
// is offline, so that nobody waits for it.
#pragma once

// `lcore` is a struct lcore *, as rte_eal_remote_launch() hands it over. Returns 0 once told to
// stop; a worker empties its rings first.
int loop_run(void *lcore);
