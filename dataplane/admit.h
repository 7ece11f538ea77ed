// SPDX-License-Identifier: BSD-3-Clause
// Which requests are worth scoring: the cheap checks of docs/wire.md, before any ring or row is
// touched. A request gets the status of the first of these that applies, so that it names what the
// client has to mend first:
//
//     BUSY             over the client's rate or share (fair/fair.h); also of a PING
//     (PING            is answered with PONG)
//   1 BAD_REQUEST      type neither SCORE nor PING; rows or columns 0; unknown dtype; payload
//                      shorter than rows x columns
//   2 NOT_READY        starting or draining, or the id's model is to be in service and is not
//   3 FORBIDDEN        the request's key may not use the id's model
//   4 NO_MODEL         no such id, or not that version of it
//   5 BAD_SHAPE        columns are not the model's features
//   6 REPLY_TOO_LARGE  the scores would not fit the request's length
//   7 BUSY             no worker's ring has room (loop.c)
//   8 EXPIRED          budget_us ran out (score.c)
//   9 NOT_FINITE       a NaN or an infinity that the model does not accept, or among its scores (score.c)
#pragma once

#include "dataplane/packet.h"
#include "dataplane/registry.h"

// Decides on one request: it stays PACKET_SCORE and gets its deployment, or becomes PACKET_RESULT
// with a status or PACKET_PONG.
void admit_packet(struct rte_mbuf *m, const struct registry *registry, uint32_t lcore,
	struct slot_stats *pings);

// Looks up the deployment anew for a request that came through a ring: the pointer that was found
// before is not to be followed any more, for the lcore that found it has been quiescent since. The
// request may become PACKET_RESULT here.
void admit_again(struct rte_mbuf *m, const struct registry *registry, uint32_t lcore);

// Parts `n` requests: those to score stay in `mbufs`, high priority first; those that are answered
// without scoring go to `answers`, *n_answers of them. Returns how many are to be scored.
uint16_t admit_burst(struct rte_mbuf **mbufs, uint16_t n, const struct registry *registry,
	uint32_t lcore, struct slot_stats *pings, struct rte_mbuf **answers, uint16_t *n_answers);

// The same for requests that came through a ring.
uint16_t admit_burst_again(struct rte_mbuf **mbufs, uint16_t n, const struct registry *registry,
	uint32_t lcore, struct rte_mbuf **answers, uint16_t *n_answers);
