// SPDX-License-Identifier: BSD-3-Clause
// The memif server: one thread of its own that accepts peers, speaks the protocol with them without
// ever waiting for one, publishes their links to the ports and withdraws them. Peers are trusted
// with nothing: whatever breaks the rules is turned away, and costs the others nothing.
//
// All functions here are the control thread's.
#pragma once

#include "dataplane/memif/device.h"
#include "dataplane/memif/port.h"

#include <rte_rcu_qsbr.h>

struct memif_server;

// `qsbr`: whose readers must have been quiescent before a link is freed.
int memif_server_create(struct rte_rcu_qsbr *qsbr, struct memif_server **out, struct error *err);
// Listens for peers of `port`, which stays the caller's and must outlive the server's thread. Several
// ports share a socket if they differ by id. Peers wait until memif_server_start().
int memif_server_add(struct memif_server *server, const struct memif_device *device,
	struct memif_port *port, struct error *err);
int memif_server_start(struct memif_server *server, struct error *err);
// Takes leave of all peers, removes the sockets, and joins the thread. NULL is fine.
void memif_server_destroy(struct memif_server *server);

// The next thing that happened, for the log: a peer came, went, or was turned away. False where there
// is no more. A socket has a few lines at once and then one in a second, which tells how many things
// it passed over.
bool memif_server_news(struct memif_server *server, char *text, size_t size);
