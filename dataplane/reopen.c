// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/reopen.h"

#include "dataplane/device/netdev.h"

#include <stdio.h>

#define PAUSE 10 // after a try that failed

static void reopen_try(struct reopen *reopen, struct port *port, const struct port_needs *needs)
{
	struct trouble *trouble = &port->trouble;
	struct error err;

	if (port_reopen(port, needs, &err) == 0) {
		atomic_store_explicit(&port->is_away, false, memory_order_release);
		return;
	}
	snprintf(trouble->hindrance, sizeof(trouble->hindrance), "%.*s",
		(int)sizeof(trouble->hindrance) - 1, err.text);
	reopen->pause = PAUSE;
}

void reopen_watch(struct reopen *reopen, struct port *port, const struct port_needs *needs,
	struct rte_rcu_qsbr *qsbr)
{
	if (reopen->is_waiting) {
		if (!rte_rcu_qsbr_check(qsbr, reopen->token, false))
			return;
		reopen->is_waiting = false;
		reopen_try(reopen, port, needs);
		return;
	}
	if (!port->trouble.is_gone || !port->trouble.subject.can_return)
		return;
	if (reopen->pause) {
		reopen->pause--;
		return;
	}
	if (!netdev_find(port->trouble.subject.if_name)) {
		port->trouble.hindrance[0] = '\0'; // it was that of one that has gone, too
		return;
	}
	atomic_store_explicit(&port->is_away, true, memory_order_release);
	reopen->token = rte_rcu_qsbr_start(qsbr);
	reopen->is_waiting = true;
}
