// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/chain_check.h"

#include "base/align.h"
#include "base/trust/chain_sign.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct chain_check {
	// What cannot be read since the last good line: where a crash did that, the next line says so.
	crypto_generichash_state torn;
	uint64_t torn_bytes;
	char torn_why[128];
	struct chain_found found;
	char wanted[CHAIN_HEX_BYTES]; // the checkpoints' key; "": not known yet
	chain_taken taken;
	void *arg;
	char line[CHAIN_LINE_BYTES_MAX]; // what has come of it
	size_t n;
	bool is_long;        // the line at hand has been more than that already
	struct error failed; // code 0: nothing
};

struct chain_check *chain_check_create(const char *key, chain_taken taken, void *arg)
{
	// The state of BLAKE2b stands on a multiple of 64, which calloc() does not give.
	struct chain_check *check = aligned_alloc(_Alignof(struct chain_check),
		align_up(sizeof(*check), _Alignof(struct chain_check)));

	if (!check)
		return NULL;
	memset(check, 0, sizeof(*check));
	snprintf(check->wanted, sizeof(check->wanted), "%s", key ? key : "");
	check->taken = taken;
	check->arg = arg;
	return check;
}

void chain_check_destroy(struct chain_check *check)
{
	free(check);
}

const struct chain_found *chain_check_found(const struct chain_check *check)
{
	return &check->found;
}

static int check_fail(struct chain_check *check)
{
	return check->failed.code;
}

// --- What cannot be read -------------------------------------------------------------------------

static void check_tear(struct chain_check *check, const char *bytes, size_t size, const char *why)
{
	if (check->torn_bytes == 0) {
		crypto_generichash_init(&check->torn, NULL, 0, 32);
		snprintf(check->torn_why, sizeof(check->torn_why), "%.120s", why);
	}
	crypto_generichash_update(&check->torn, (const unsigned char *)bytes, size);
	check->torn_bytes += size;
}

static void check_torn_hash(const struct chain_check *check, char hex[CHAIN_HEX_BYTES])
{
	crypto_generichash_state state = check->torn;
	unsigned char hash[32];

	crypto_generichash_final(&state, hash, sizeof(hash));
	sodium_bin2hex(hex, CHAIN_HEX_BYTES, hash, sizeof(hash));
}

// Whether the line says of what is torn before it just what that is.
static bool check_recovers(const struct chain_check *check, const struct chain_line *line)
{
	char hash[CHAIN_HEX_BYTES];

	check_torn_hash(check, hash);
	return line->kind == CHAIN_RECOVERED &&
		chain_number(line, CHAIN_torn) == check->torn_bytes &&
		chain_is(line, CHAIN_torn_hash, hash);
}

// --- Lines ---------------------------------------------------------------------------------------

static int check_follows(struct chain_check *check, const struct chain_line *line)
{
	const struct chain_place *last = &check->found.last;
	struct error *err = &check->failed;

	if (last->seq == 0)
		return 0;
	if (line->kind == CHAIN_DAMAGED)
		return error_set(err, -EINVAL,
			"after line %" PRIu64 " lines are missing or were changed: line %" PRIu64
			" says that martletd found it so when it started",
			last->seq, line->seq);
	if (line->seq > last->seq + 1)
		return error_set(err, -EINVAL,
			"line %" PRIu64 " is followed by line %" PRIu64
			": those between them were removed",
			last->seq, line->seq);
	if (line->seq <= last->seq)
		return error_set(err, -EINVAL,
			"line %" PRIu64 " is followed by line %" PRIu64
			": a line was added, or lines were put elsewhere",
			last->seq, line->seq);
	if (strcmp(line->prev, last->hash) != 0)
		return error_set(err, -EINVAL,
			"line %" PRIu64 " does not follow from line %" PRIu64
			" that stands before it: its \"prev\" is %.16s..., that line's hash "
			"%.16s...: one of the two was put in the place of another",
			line->seq, last->seq, line->prev, last->hash);
	return 0;
}

static int check_signature(struct chain_check *check, const struct chain_line *line)
{
	struct error *err = &check->failed;

	if (line->kind != CHAIN_CHECKPOINT)
		return 0;
	if (!chain_checkpoint_holds(line))
		return error_set(err, -EINVAL,
			"line %" PRIu64
			" is a checkpoint whose signature is not good: it, or a line "
			"before it, is not what was signed",
			line->seq);
	if (!check->wanted[0])
		snprintf(check->wanted, sizeof(check->wanted), "%.64s", line->fields[CHAIN_key].at);
	if (!chain_is(line, CHAIN_key, check->wanted))
		return error_set(err, -EINVAL,
			"line %" PRIu64
			" is a checkpoint signed by key %.16s..., not by %.16s...: the "
			"log is another appliance's, or was forged",
			line->seq, line->fields[CHAIN_key].at, check->wanted);
	memcpy(check->found.key, check->wanted, sizeof(check->wanted));
	check->found.checkpoints++;
	check->found.signed_seq = line->seq;
	return 0;
}

static void check_accept(
	struct chain_check *check, const struct chain_line *line, const char *text, size_t bytes)
{
	struct chain_found *found = &check->found;

	found->last.seq = line->seq;
	memcpy(found->last.hash, line->hash, sizeof(line->hash));
	if (found->lines++ == 0) {
		found->first = found->last;
		memcpy(found->before, line->prev, sizeof(line->prev));
	}
	found->recovered += line->kind == CHAIN_RECOVERED && check->torn_bytes > 0;
	if (line->kind == CHAIN_OMITTED)
		found->omitted += chain_number(line, CHAIN_n);
	check->torn_bytes = 0;
	if (check->taken)
		check->taken(check->arg, text, bytes, line);
}

// Why what could not be read is no piece that a crash left.
static int check_say_torn(struct chain_check *check)
{
	return error_set(&check->failed, -EINVAL, "the line after line %" PRIu64 " was changed: %s",
		check->found.last.seq, check->torn_why);
}

static int check_line(struct chain_check *check, const char *text, size_t bytes)
{
	struct chain_line line;
	struct error err;

	if (chain_read(text, bytes, &line, &err) != 0) {
		check_tear(check, text, bytes, err.text);
		check_tear(check, "\n", 1, err.text);
		return 0;
	}
	if (check->torn_bytes && !check_recovers(check, &line))
		return check_say_torn(check);
	if (!check->torn_bytes && check->found.lines && line.kind == CHAIN_RECOVERED &&
		chain_number(&line, CHAIN_torn))
		return error_set(&check->failed, -EINVAL,
			"before line %" PRIu64 " there were %" PRIu64
			" bytes that a crash had left; they were removed",
			line.seq, chain_number(&line, CHAIN_torn));
	if (check_follows(check, &line) != 0 || check_signature(check, &line) != 0)
		return check_fail(check);
	check_accept(check, &line, text, bytes);
	return 0;
}

static void check_keep(struct chain_check *check, const char *bytes, size_t size)
{
	static const char WHY[] = "it is longer than any line of an audit log";

	if (!check->is_long && check->n + size <= sizeof(check->line)) {
		memcpy(check->line + check->n, bytes, size);
		check->n += size;
		return;
	}
	if (!check->is_long)
		check_tear(check, check->line, check->n, WHY);
	check->is_long = true;
	check->n = 0;
	check_tear(check, bytes, size, WHY);
}

int chain_check_take(struct chain_check *check, const char *bytes, size_t size, struct error *err)
{
	while (size > 0 && !check_fail(check)) {
		const char *end = memchr(bytes, '\n', size);
		const size_t n = end ? (size_t)(end - bytes) : size;

		check_keep(check, bytes, n);
		bytes += n + !!end;
		size -= n + !!end;
		if (!end)
			break;
		if (check->is_long)
			check_tear(check, "\n", 1, "");
		else
			check_line(check, check->line, check->n);
		check->is_long = false;
		check->n = 0;
	}
	if (check_fail(check))
		*err = check->failed;
	return check_fail(check);
}

// Of the last line of a file there may be all but its newline; else what there is of it is torn.
static void check_end_line(struct chain_check *check)
{
	struct chain_line line;
	struct error ignored;

	if (!check_fail(check) && !check->is_long && check->n > 0 &&
		chain_read(check->line, check->n, &line, &ignored) == 0) {
		check_line(check, check->line, check->n);
	} else if (!check_fail(check) && (check->n > 0 || check->is_long)) {
		if (!check->is_long)
			check_tear(check, check->line, check->n, "it ends within a line");
		check_tear(check, "\n", 1, "it ends within a line");
	}
	check->n = 0;
	check->is_long = false;
}

int chain_check_file_ends(struct chain_check *check, struct error *err)
{
	check_end_line(check);
	if (check_fail(check))
		*err = check->failed;
	return check_fail(check);
}

int chain_check_end(struct chain_check *check, struct error *err)
{
	struct chain_found *found = &check->found;

	found->lacks_newline = check->n > 0 || check->is_long;
	check_end_line(check);
	if (check_fail(check)) {
		*err = check->failed;
		return check_fail(check);
	}
	found->torn = check->torn_bytes;
	if (found->torn)
		check_torn_hash(check, found->torn_hash);
	return 0;
}
