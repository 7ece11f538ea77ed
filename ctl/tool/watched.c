// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/watched.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t watched_signal;
static struct sigaction watched_before[2];
static const int WATCHED_SIGNALS[2] = { SIGINT, SIGTERM };

static void watched_on_signal(int number)
{
	watched_signal = number;
}

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
	return watched_signal == 0;
}

void watched_begin(struct watched *watched, const char *what)
{
	// The second signal of a kind does what the first would have done.
	const struct sigaction action = { .sa_handler = watched_on_signal,
		.sa_flags = (int)SA_RESETHAND };

	watched_signal = 0;
	watched->watch = (struct learn_watch){ .step = watched_step, .context = watched };
	progress_start(&watched->progress, what, "steps");
	for (int i = 0; i < 2; i++)
		sigaction(WATCHED_SIGNALS[i], &action, &watched_before[i]);
}

void watched_end(struct watched *watched)
{
	for (int i = 0; i < 2; i++)
		sigaction(WATCHED_SIGNALS[i], &watched_before[i], NULL);
	progress_end(&watched->progress);
}

bool watched_interrupted(void)
{
	return watched_signal != 0;
}
