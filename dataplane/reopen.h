// SPDX-License-Identifier: BSD-3-Clause
// A port whose interface went away, opened anew once there is one of that name again. The lcores are kept
// from the device first, and it is closed when none of them can be within it any more. The control thread's.
#pragma once

#include "dataplane/port.h"

#include <rte_rcu_qsbr.h>

struct reopen {
	bool is_waiting; // for the lcores
	uint64_t token;  // that tells when they are out
	uint32_t pause;  // calls that are let pass before the next try
};

// To be called after trouble_look().
void reopen_watch(struct reopen *reopen, struct port *port, const struct port_needs *needs,
	struct rte_rcu_qsbr *qsbr);
