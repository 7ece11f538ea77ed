// SPDX-License-Identifier: BSD-3-Clause
// One worker thread beside the control thread, for what takes long: reading, hashing and opening
// models, so that status stays prompt. One job at a time. It runs on the control thread's CPU and
// never on an lcore's.
#pragma once

#include "base/error.h"

struct event_base;
struct jobs;

int jobs_create(struct event_base *base, struct jobs **out, struct error *err);
// Waits for the job under way; its done() is not called. NULL is fine.
void jobs_destroy(struct jobs *jobs);
// work(arg) on the worker, then done(arg) from the event loop. Only when no job is under way.
void jobs_run(struct jobs *jobs, void (*work)(void *), void (*done)(void *), void *arg);
