// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/train/boosted_state.h"

#include "base/file.h"
#include "base/sha256.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define STATE_MAGIC     "MRTBST02"
#define STATE_BYTES_MAX ((size_t)4 << 30)

// The library reads what follows it without mistrust, so that a hash tells a whole file from another.
struct state_head {
	char magic[8];
	uint8_t identity[32]; // of the rows, and of the options that trees depend on
	uint8_t sha256[32];   // of all that follows it
	struct boosted_state state;
};

// More rounds, and another patience, are no other training.
static void state_identify(const struct train_job *job, uint8_t identity[32])
{
	const struct train_boosted *b = &job->options->boosted;
	struct sha256 sha;
	char text[300];

	snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu32 " %.17g %.17g %.17g %.17g %.17g %.17g",
		job->options->seed, b->depth, b->learning_rate, job->options->steps.learning_rate,
		b->subsample, b->colsample, b->lambda, b->min_child_weight);
	sha256_begin(&sha);
	sha256_add(&sha, job->identity, sizeof(job->identity));
	sha256_add(&sha, text, strlen(text));
	sha256_end(&sha, identity);
}

static void state_hash(const struct state_head *head, size_t size, uint8_t sum[32])
{
	const size_t from = offsetof(struct state_head, state);
	struct sha256 sha;

	sha256_begin(&sha);
	sha256_add(&sha, (const char *)head + from, size - from);
	sha256_end(&sha, sum);
}

int boosted_keep(const struct train_job *job, const void *trees, size_t size,
	const struct boosted_state *state, struct error *err)
{
	const struct train_checkpoint *to = &job->options->checkpoint;
	struct state_head *head = calloc(1, sizeof(*head) + size);
	int rc;

	if (!head)
		return error_set(err, -ENOMEM, "out of memory for a checkpoint of %zu bytes", size);
	memcpy(head->magic, STATE_MAGIC, sizeof(head->magic));
	state_identify(job, head->identity);
	head->state.rounds = state->rounds;
	head->state.best = state->best;
	head->state.best_loss = state->best_loss;
	if (size > 0)
		memcpy(head + 1, trees, size);
	state_hash(head, sizeof(*head) + size, head->sha256);
	rc = to->write(to->context, head, sizeof(*head) + size, err);
	free(head);
	return rc;
}

static int state_check(
	const struct train_job *job, const struct state_head *head, size_t size, struct error *err)
{
	const char *path = job->options->checkpoint.resume;
	uint8_t identity[32], sum[32];

	if (size < sizeof(*head) || memcmp(head->magic, STATE_MAGIC, sizeof(head->magic)) != 0)
		return error_set(err, -EINVAL, "%s: is no checkpoint of boosting", path);
	state_hash(head, size, sum);
	if (memcmp(head->sha256, sum, sizeof(sum)) != 0)
		return error_set(err, -EINVAL, "%s: is damaged: remove it to begin anew", path);
	state_identify(job, identity);
	if (memcmp(head->identity, identity, sizeof(identity)) != 0)
		return error_set(err, -EINVAL,
			"%s: is of a training with other rows or other options than these", path);
	return 0;
}

int boosted_resume(const struct train_job *job, struct booster *booster,
	struct boosted_state *state, struct error *err)
{
	const char *path = job->options->checkpoint.resume;
	size_t size = 0;
	void *bytes;
	const struct state_head *head;
	int rc = file_read(path, STATE_BYTES_MAX, &bytes, &size, err);

	if (rc != 0)
		return rc;
	head = bytes;
	rc = state_check(job, head, size, err);
	if (rc == 0) {
		*state = head->state;
		if (state->rounds > 0)
			rc = booster_restore(
				booster, head + 1, size - sizeof(*head), state->rounds, err);
		if (rc != 0)
			error_prefix(err, "%s", path);
	}
	free(bytes);
	return rc;
}
