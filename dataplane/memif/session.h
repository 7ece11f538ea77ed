// SPDX-License-Identifier: BSD-3-Clause
// What one connection has said so far, and what it is answered: the protocol without its socket.
// The server's thread.
#pragma once

#include "dataplane/memif/port.h"

struct memif_session {
	struct memif_port *const *ports; // that its socket serves
	uint32_t n_ports;
	int wake; // for its link

	struct memif_port *port; // from MEMIF_INIT on; NULL before
	struct memif_link *link; // from MEMIF_INIT on; owned until it is published
	bool is_connected;       // MEMIF_CONNECT was right: the link is the server's to publish
	uint32_t n_messages;
	char peer[MEMIF_NAME_BYTES + 1]; // as it calls itself; printable
};

#define MEMIF_FDS_MAX 4 // descriptors that are taken with a message: it has one at most

// The message that greets a peer.
void memif_session_hello(struct memif_message *message);

// Takes one message of `bytes`, and all descriptors that came with it: each is closed or kept in the
// link. 0: `reply` is to be sent, unless its type is MEMIF_NONE. Else the peer is to be turned away
// with the sentence: -EPROTO, -EINVAL, -ENOMEM, -EACCES; -ECONNRESET where it took its leave.
int memif_session_take(struct memif_session *session, const void *message, size_t bytes,
	const int *fds, uint32_t n_fds, struct memif_message *reply, struct error *err);
