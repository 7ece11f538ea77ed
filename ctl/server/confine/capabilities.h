// SPDX-License-Identifier: BSD-3-Clause
// Capabilities of this process: what it has, and how it keeps no more than it needs (capabilities(7)).
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define CAPABILITIES_TEXT 256

// Of the calling thread, as CapEff in /proc/PID/status.
uint64_t capabilities_effective(void);
// "net_admin, net_raw"; "none". Those that do not fit are left out.
void capabilities_text(uint64_t set, char text[CAPABILITIES_TEXT]);

// To be called before the process has threads, which inherit it: no program that is run from here on gets more than
// this process has (no_new_privs), and the bounding set is cut down to `kept`.
int capabilities_bound(uint64_t kept, struct error *err);
// Threads keep what they have when they cease to be root's, until capabilities_keep(). Safe in a signal handler.
int capabilities_hold(void);
// Leaves to the calling thread what it has of the set that capabilities_will_keep() was told: permitted and
// effective; nothing is inheritable or ambient. Safe in a signal handler.
int capabilities_keep(void);
void capabilities_will_keep(uint64_t kept);
