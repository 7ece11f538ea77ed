// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/progress.h"

#include "base/clock.h"
#include "ctl/tool/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_FIRST_MS 500
#define PROGRESS_EVERY_MS 100

void progress_start(struct progress *progress, const char *what, const char *unit)
{
	*progress = (struct progress){ .what = what, .unit = unit, .on = isatty(STDERR_FILENO) };
	progress->started_ms = clock_ns() / 1000000;
}

void progress_update(struct progress *progress, uint64_t done, uint64_t total)
{
	uint64_t now;
	bool bytes;

	if (!progress->on)
		return;
	now = clock_ns() / 1000000;
	if (now - progress->started_ms < PROGRESS_FIRST_MS ||
		now - progress->shown_ms < PROGRESS_EVERY_MS)
		return;
	bytes = strcmp(progress->unit, "bytes") == 0;
	fprintf(stderr, "\r\033[K%s: %s%s%s", progress->what,
		bytes ? format_bytes(done).s : format_count(done).s, bytes ? "" : " ",
		bytes ? "" : progress->unit);
	if (total)
		fprintf(stderr, ", %" PRIu64 " %%", done * 100 / total);
	if (total > done && done > 0)
		fprintf(stderr, ", %s left",
			format_duration((uint64_t)((double)(now - progress->started_ms) *
						(double)(total - done) / (double)done / 1000))
				.s);
	if (*progress->note)
		fprintf(stderr, ", %s", progress->note);
	progress->shown_ms = now;
	progress->shown = true;
}

void progress_update_note(
	struct progress *progress, uint64_t done, uint64_t total, const char *note)
{
	snprintf(progress->note, sizeof(progress->note), "%s", note);
	progress_update(progress, done, total);
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fprintf(stderr, "\r\033[K");
	*progress = (struct progress){ 0 };
}
