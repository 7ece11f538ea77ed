// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/access/bearer.h"

#include "base/trust/utc.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint64_t bearer_id(const struct token *token)
{
	uint64_t id;

	memcpy(&id, token->hash, sizeof(id));
	return id ? id : 1;
}

void bearer_look(struct bearer *bearer)
{
	if (!bearer->path[0] || stat(bearer->path, &bearer->seen) != 0)
		memset(&bearer->seen, 0, sizeof(bearer->seen));
}

int bearer_read(const char *path, struct bearer *bearer, struct error *err)
{
	struct error own;
	int rc;

	*bearer = (struct bearer){ 0 };
	if (!path[0])
		return 0;
	snprintf(bearer->path, sizeof(bearer->path), "%s", path);
	bearer_look(bearer); // before, so that a change meanwhile is seen
	rc = tokens_read(path, &bearer->tokens, &own);
	if (rc != 0 && rc != -ENOENT) // there may be no token yet
		return error_set(err, rc, "%s", own.text);
	bearer->used = calloc(bearer->tokens.n + 1, sizeof(bearer->used[0]));
	if (!bearer->used) {
		bearer_fini(bearer);
		return error_set(err, -ENOMEM, "%s: no memory for tokens", path);
	}
	for (size_t i = 0; i < bearer->tokens.n; i++)
		bearer->used[i].id = bearer_id(&bearer->tokens.each[i]);
	return 0;
}

void bearer_fini(struct bearer *bearer)
{
	tokens_fini(&bearer->tokens);
	free(bearer->used);
	*bearer = (struct bearer){ 0 };
}

static struct bearer_use *bearer_find_use(const struct bearer *bearer, uint64_t id)
{
	for (size_t i = 0; i < bearer->tokens.n; i++)
		if (bearer->used[i].id == id)
			return &bearer->used[i];
	return NULL;
}

static void bearer_note(struct bearer *bearer, uint64_t id, int64_t at)
{
	struct bearer_use *use = bearer_find_use(bearer, id);

	if (use && at > use->at)
		use->at = at;
}

void bearer_inherit(struct bearer *bearer, const struct bearer *before)
{
	for (size_t i = 0; i < before->tokens.n; i++) {
		struct bearer_use *use = bearer_find_use(bearer, before->used[i].id);

		if (!use)
			continue;
		bearer_note(bearer, use->id, before->used[i].at);
		if (bearer->tokens.each[use - bearer->used].expires ==
			before->tokens.each[i].expires)
			use->is_over = before->used[i].is_over;
	}
}

void bearer_watch(struct bearer *bearer, int64_t now)
{
	for (size_t i = 0; i < bearer->tokens.n; i++)
		if (token_state(&bearer->tokens.each[i], now) == TOKEN_EXPIRED)
			bearer->used[i].is_over = true;
}

enum token_state bearer_state(const struct bearer *bearer, const struct token *token, int64_t now)
{
	return bearer->used[token - bearer->tokens.each].is_over ? TOKEN_EXPIRED
								 : token_state(token, now);
}

bool bearer_is_outdated(const struct bearer *bearer)
{
	struct bearer now = { 0 };
	const struct stat *seen = &bearer->seen;

	if (!bearer->path[0])
		return false;
	memcpy(now.path, bearer->path, sizeof(now.path));
	bearer_look(&now);
	return now.seen.st_ino != seen->st_ino || now.seen.st_size != seen->st_size ||
		now.seen.st_mtim.tv_sec != seen->st_mtim.tv_sec ||
		now.seen.st_mtim.tv_nsec != seen->st_mtim.tv_nsec ||
		now.seen.st_ctim.tv_sec != seen->st_ctim.tv_sec ||
		now.seen.st_ctim.tv_nsec != seen->st_ctim.tv_nsec;
}

void bearer_use(struct bearer *bearer, const struct token *token, int64_t at)
{
	bearer->used[token - bearer->tokens.each].at = at;
}

const struct token *bearer_find_id(const struct bearer *bearer, uint64_t id)
{
	const struct bearer_use *use = bearer_find_use(bearer, id);

	return use ? &bearer->tokens.each[use - bearer->used] : NULL;
}

// --- The file of uses ----------------------------------------------------------------------------

void bearer_load_uses(struct bearer *bearer, const char *path)
{
	FILE *from = fopen(path, "re");
	uint64_t id;
	int64_t at;

	if (!from)
		return;
	for (size_t i = 0; i < TOKENS_MAX && fscanf(from, "%" SCNx64 " %" SCNd64, &id, &at) == 2;
		i++)
		if (at > 0 && at <= UTC_SECONDS_MAX)
			bearer_note(bearer, id, at);
	fclose(from);
}

int bearer_save_uses(const struct bearer *bearer, const char *path, struct error *err)
{
	char temporary[CONFIG_PATH_MAX + 16];
	FILE *to;
	int fd;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
	to = fd < 0 ? NULL : fdopen(fd, "w");
	if (!to) {
		if (fd >= 0)
			close(fd);
		return error_set(err, -errno, "%s: %s", temporary, strerror(errno));
	}
	for (size_t i = 0; i < bearer->tokens.n; i++)
		if (bearer->used[i].at > 0)
			fprintf(to, "%016" PRIx64 " %" PRId64 "\n", bearer->used[i].id,
				bearer->used[i].at);
	if (fclose(to) != 0 || rename(temporary, path) != 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}
