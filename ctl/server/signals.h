// SPDX-License-Identifier: BSD-3-Clause
// The signals that a process takes in its event loop, each with who sent it. Control thread only.
#pragma once

#include "base/error.h"

#include <signal.h>

struct event_base;
struct signals;

// `by` is who, for the log: "by uid 1000"; "by the kernel", as a terminal's keys are.
typedef void signals_taken(void *context, int number, const char *by);

// Takes the signals of `set`, which must be blocked in every thread and stay so; those that are pending
// come first. -EMFILE, -ENOMEM, ... with a sentence.
int signals_open(struct event_base *base, const sigset_t *set, signals_taken *taken, void *context,
	struct signals **out, struct error *err);
// NULL is fine.
void signals_close(struct signals *signals);
