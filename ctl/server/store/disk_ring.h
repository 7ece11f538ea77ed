// SPDX-License-Identifier: BSD-3-Clause
// The calls by io_uring, whose completions come through the event loop: the control thread goes on
// meanwhile.
#pragma once

#include "ctl/server/store/disk.h"

struct event_base;

// -ENOSYS, -EPERM, ... where io_uring is forbidden or unknown.
int disk_ring_create(struct event_base *base, struct disk **out);
// Keeps io_uring's kernel threads on the CPUs of the calling thread, and so off those of the lcores.
// `disk` must come from disk_ring_create().
void disk_ring_stay_here(struct disk *disk);
