// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/watched.h"

#include "ctl/tool/command.h"
#include "ctl/tool/tool.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

static bool watched_step(void *context, const struct learn_progress *progress)
{
	struct watched *watched = context;
	char note[sizeof(watched->progress.note)] = "";
	int used = 0;

	watched->progress.unit = progress->stage;
	if (!isnan(progress->loss))
		used = snprintf(note, sizeof(note), "loss %.4g", progress->loss);
	if (!isnan(progress->score) && used >= 0 && (size_t)used < sizeof(note))
		snprintf(note + used, sizeof(note) - (size_t)used, "%svalidation %s %.4g",
			used ? ", " : "", progress->score_name, progress->score);
	progress_update_note(&watched->progress, progress->done, progress->total, note);
	return !interrupts_came();
}

static int watched_lacks(void *context, const char *what, const char *why, struct error *err)
{
	(void)context;
	return command_lacks(what, why, err);
}

static void watched_spare(void *context, uint32_t seconds)
{
	(void)context;
	interrupts_spare(seconds);
}

static void watched_say(void *arg, bool ended)
{
	const struct watched *watched = arg;

	if (watched->progress.on)
		fprintf(stderr, "\r\033[K");
	if (!ended)
		tool_note(
			"interrupted: what there is goes to %s once the step at hand is done; "
			"another signal ends it at once, and nothing is written",
			watched->image);
	else if (!watched->image)
		tool_note("interrupted");
	else if (watched->checkpoint && access(watched->checkpoint, F_OK) == 0)
		tool_note("interrupted: nothing is written to %s; --resume goes on from %s",
			watched->image, watched->checkpoint);
	else
		tool_note("interrupted: nothing is written to %s", watched->image);
}

void watched_begin(
	struct watched *watched, const char *what, const char *image, const char *checkpoint)
{
	*watched = (struct watched){ .watch = { .step = watched_step,
					     .lacks = watched_lacks,
					     .spare = watched_spare,
					     .context = watched },
		.end = { watched_say, watched, TOOL_INTERRUPTED },
		.image = image,
		.checkpoint = checkpoint };
	progress_start(&watched->progress, what, "steps");
	interrupts_begin(&watched->end);
}

bool watched_interrupted(void)
{
	return interrupts_came();
}

void watched_end(struct watched *watched)
{
	interrupts_end();
	progress_end(&watched->progress);
}
