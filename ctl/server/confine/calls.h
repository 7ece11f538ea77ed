// SPDX-License-Identifier: BSD-3-Clause
// The system calls that martletd makes once it serves, with a reason for each. What is not here ends it (filter.h).
// To add one: a line in calls.c.
#pragma once

#include "ctl/server/confine/needs.h"

#include <stddef.h>

// `mask` 0: the argument's value; else its bits under `mask` are `value`. `is_own_pid`: it is this process's number.
struct call_test {
	unsigned int argument; // from 0
	uint64_t mask, value;
	bool is_own_pid;
};

enum call_when { CALL_ALWAYS, CALL_PACKET, CALL_XDP, CALL_NETLINK };

struct call {
	const char *
		name; // a line for each kind of call that is let through; of one that an architecture has not, none
	const char *why;
	struct call_test test; // which must hold; several lines of a name: one of theirs
	bool has_test;
	enum call_when when;
};

extern const struct call CALLS[];
extern const size_t N_CALLS;
bool call_is_needed(const struct call *call, const struct confine_needs *needs);

// Calls that the C library tries and does without where the kernel has them not: it hears ENOSYS.
extern const char *const CALLS_UNKNOWN[]; // NULL behind the last
