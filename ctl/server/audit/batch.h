// SPDX-License-Identifier: BSD-3-Clause
// Lines that wait to be written, in the order they were made. Control thread only.
#pragma once

#include "ctl/server/audit/audit_state.h"

// Makes a line of the entry, of a checkpoint where `entry` is NULL, and puts it behind all others. -ENOMEM: nothing
// was done; -EBUSY: too much waits.
int batch_add(struct audit *audit, const struct chain_entry *entry, audit_done done, void *arg);
// The next line begins a new file.
int batch_begin_file(struct audit *audit);
// The first one, from the queue; the caller frees it.
struct audit_batch *batch_take(struct audit *audit);
void batch_free(struct audit_batch *batch);
// Tells everyone who waits for a batch, who then waits no more.
void batch_tell(struct audit_batch *batch, const struct error *err);
