// SPDX-License-Identifier: BSD-3-Clause
// A command of the operator's that is run once, when the appliance begins to drain. martletd itself can run nothing
// by then (confine/): a process that was forked at the start waits for the word, and has the user and the powers that
// martletd was started with. It takes the one command that the configuration named at the start, and hears "run" and
// "end" and no more, so that who takes martletd over has no other command run. Control thread only.
#pragma once

#include "base/error.h"

#include <stdbool.h>

struct config;
struct drain_hook;

// Forks the process that runs `/bin/sh -c control.drain_hook`; *out is NULL where there is no hook. The process must
// not have threads yet.
int drain_hook_open(const struct config *config, struct drain_hook **out, struct error *err);
// Ends the waiting process, and a hook that runs. NULL is fine.
void drain_hook_close(struct drain_hook *hook);

// Has it run: in a process group of its own and without our descriptors; MARTLET_EVENT is "drain", MARTLET_HOST this
// host's name, MARTLET_CONFIG and MARTLET_SOCKET the paths of the configuration and of the API. What becomes of it is
// logged. NULL: there is none.
void drain_hook_start(struct drain_hook *hook);
// Whether it runs. How it ended is logged by the call that finds it so. NULL: it does not.
bool drain_hook_runs(struct drain_hook *hook);
// Ends it and what it started, and waits for it.
void drain_hook_kill(struct drain_hook *hook);
