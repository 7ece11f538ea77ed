// SPDX-License-Identifier: BSD-3-Clause
// Scores the requests of a burst: groups them by deployment, gathers the rows of each group into
// one batch in the lcore's scratch, scores it in one call, and scatters the outputs into the mbufs.
// It never waits for a batch to fill. Runs on the lcore that owns the scratch.
#pragma once

#include "dataplane/clock.h"
#include "dataplane/lane.h"
#include "dataplane/packet.h"

#define SCORE_TIMED_EVERY 64 // batches of one deployment on one lcore

// `mbufs` [n], n <= BURST_MAX, are PACKET_SCORE with a deployment that admit.c found since this
// lcore's last quiescent state. Afterwards all are PACKET_RESULT: OK with the outputs behind the
// wire header, EXPIRED or NOT_FINITE. `scratch` is divided as registry_fit_scratch() has set. What is
// watched of the rows is offered to `lane`.
void score_burst(struct rte_mbuf **mbufs, uint16_t n, uint8_t *scratch, const struct clock *clock,
	struct dataplane_counters *counters, struct lane *lane);
