// SPDX-License-Identifier: BSD-3-Clause
// All who are connected to the memif server: strangers until their handshake is over, peers of a port
// from then on. They are trusted with nothing: whoever breaks the rules is turned away, and none is
// waited for. The server's thread.
#pragma once

#include "dataplane/memif/doorbell.h"
#include "dataplane/memif/listen.h"
#include "dataplane/memif/session.h"

#include <rte_rcu_qsbr.h>
#include <sys/socket.h>

#define MEMIF_STRANGERS_MAX 32 // connections that are no peer's yet
#define MEMIF_PEERS_MAX     (MEMIF_PORTS_MAX + MEMIF_STRANGERS_MAX)

struct memif_peer {
	int fd; // -1: free
	struct memif_listener *listener;
	struct ucred who;
	uint64_t since_ms;
	struct memif_session session;
};

struct memif_peers {
	struct rte_rcu_qsbr *qsbr; // whose readers must have been quiescent before a link is freed
	struct memif_news *news;
	struct memif_doorbell *doorbell;
	int wake; // eventfd: a link has failed, or has calls; not owned
	struct memif_peer all[MEMIF_PEERS_MAX];
};

void memif_peers_init(struct memif_peers *peers, struct rte_rcu_qsbr *qsbr, struct memif_news *news,
	struct memif_doorbell *doorbell, int wake);
// Says that martletd ends, to all of them.
void memif_peers_fini(struct memif_peers *peers);

// Takes a connection over and greets it. Where there are too many strangers one of them makes way.
void memif_peers_admit(struct memif_peers *peers, struct memif_listener *listener, int fd);
// Takes what peer `i` has sent: a few messages, so that the others have their turn.
void memif_peers_take(struct memif_peers *peers, uint32_t i);
// Turns those away whose link has failed, rings those whom lcores want rung.
void memif_peers_check_links(struct memif_peers *peers);
// Turns strangers away whose handshake takes too long.
void memif_peers_expire(struct memif_peers *peers, uint64_t now_ms);
// When memif_peers_expire() has something to do; UINT64_MAX: never, as it stands.
uint64_t memif_peers_expire_ms(const struct memif_peers *peers);
