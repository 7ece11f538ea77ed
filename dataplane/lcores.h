// SPDX-License-Identifier: BSD-3-Clause
// The lcores of an appliance, from the making of what each has of its own, and of the rings between them, to their end.
// Control thread only. dataplane/eal.h says which CPUs they run on, dataplane/loop.h what they do.
#pragma once

#include "dataplane/state.h"

// cpus [dp->n_lcores]. -ENOMEM, with the key that is too small; what was made is lcores_free()'s.
int lcores_make(struct dataplane *dp, const uint32_t *cpus, struct error *err);
// What rte_eal_remote_launch() says; those that run are lcores_end()'s.
int lcores_launch(struct dataplane *dp, struct error *err);
// Returns when all have ended and no request is left in a ring.
void lcores_end(struct dataplane *dp);
void lcores_free(struct dataplane *dp); // none is fine
