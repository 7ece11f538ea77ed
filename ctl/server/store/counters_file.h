// SPDX-License-Identifier: BSD-3-Clause
// The file <store.path>/wire/counters: the newest counters of keys, whose text dataplane/auth/seen.h describes, so that
// a restart does not open what was seen to replays. It is written by the store's disk, and so through io_uring, as a
// whole and beside the one before: a crash leaves either. Where there is no io_uring the control thread waits for the
// disk meanwhile, and so it is written less often. Where the disk fails nothing is lost but that: it is said once, and
// tried again. Control thread only. Times are clock_ns()'s.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct counters_file;
struct store;

// Makes the folder where there is none, and reads the file. One that cannot be read, or that others could have written,
// is said in the log and counts as none. `store` outlives it. A negative errno with a sentence.
int counters_file_open(struct store *store, struct counters_file **out, struct error *err);
// Nothing may be under way. NULL is fine.
void counters_file_close(struct counters_file *file);

const char *counters_file_path(const struct counters_file *file);
// What it said at the start, of *size bytes and a NUL, until the first counters_file_write(). NULL: nothing.
const char *counters_file_found(const struct counters_file *file, size_t *size);

bool counters_file_is_writing(const struct counters_file *file);
// It is not, and since it last began to a second has passed, or is over before this is asked once more, in 100 ms; ten of
// them where there is no io_uring.
bool counters_file_is_due(const struct counters_file *file, uint64_t now_ns);
// The last text could not be written: the next one is to say all. Of a server without one, as tests have it, NULL is fine.
bool counters_file_is_failing(const struct counters_file *file);
// Begins to write the text, which is malloc'ed and freed here. Nothing may be under way.
void counters_file_write(struct counters_file *file, char *text, size_t size, uint64_t now_ns);
// Waits until nothing is under way.
void counters_file_settle(struct counters_file *file);
