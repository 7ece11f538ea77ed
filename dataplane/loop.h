// SPDX-License-Identifier: BSD-3-Clause
// What an lcore runs: its loop over the stages, run to completion or one half of the pipeline.
#pragma once

// `lcore` is a struct lcore *, as rte_eal_remote_launch() hands it over. Returns 0 once told to stop; a
// worker empties its rings first.
int loop_run(void *lcore);
