// SPDX-License-Identifier: BSD-3-Clause
// A command of the operator's that is run once, when the appliance begins to drain. Control thread only.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct config;

// Starts `/bin/sh -c control.drain_hook`, in a process group of its own and without our descriptors;
// MARTLET_EVENT is "drain", MARTLET_HOST this host's name, MARTLET_CONFIG and MARTLET_SOCKET the paths of
// the configuration and of the API. The process, or 0 where there is no hook, or it cannot be started,
// which the log says.
pid_t drain_hook_start(const struct config *config);
// Whether it has ended. How it did is logged then.
bool drain_hook_ended(pid_t hook);
// Ends it and what it started, and waits for it.
void drain_hook_kill(pid_t hook);
