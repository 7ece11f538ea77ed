// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors for what is not served here, where the port is configured to send them: port unreachable
// (RFC 792, RFC 4443, 3.1), and for what is longer than the port's MTU fragmentation needed (RFC 1191)
// or packet too big (RFC 4443, 3.2). None is sent about a fragment, an ICMP error, or what came to or
// from more than one host (RFC 1122, 3.2.2; RFC 4443, 2.4 (e)).
#pragma once

#include "dataplane/packet.h"
#include "dataplane/port.h"

// Whether a packet that parse.c drops for `drop` is to be answered by an ICMP error. Marks it as
// PACKET_REFUSED then.
bool icmp_error_due(const struct port *port, struct rte_mbuf *m, enum drop drop);
// Turns one that is so marked into the error, in its own mbuf. DROP_NONE, or why not: what it was to be
// dropped for.
enum drop icmp_error(struct rte_mbuf *m);
