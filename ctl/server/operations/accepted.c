// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/accepted.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "martlet accepted 1\nhighest "

// A decimal number up to `max` without a leading zero, and the character behind it; NULL: it is none.
static const char *accepted_number(const char *at, uint64_t max, char end, uint64_t *number)
{
	*number = 0;
	if (*at == '0')
		return NULL;
	for (; *at >= '0' && *at <= '9'; at++) {
		if (*number > (max - (uint64_t)(*at - '0')) / 10)
			return NULL;
		*number = *number * 10 + (uint64_t)(*at - '0');
	}
	return *number > 0 && *at == end ? at + 1 : NULL;
}

static const char *accepted_line(const char *at, struct accepted_version *version)
{
	uint64_t stored = 0;

	at = accepted_number(at, UINT16_MAX, ' ', &stored);
	if (at)
		at = accepted_number(at, INT64_MAX, ' ', &version->number);
	if (!at || strspn(at, "0123456789abcdef") != RECORD_SHA256_BYTES - 1 ||
		at[RECORD_SHA256_BYTES - 1] != '\n')
		return NULL;
	version->version = (uint16_t)stored;
	memcpy(version->sha256, at, RECORD_SHA256_BYTES - 1);
	version->sha256[RECORD_SHA256_BYTES - 1] = '\0';
	return at + RECORD_SHA256_BYTES;
}

static int accepted_append(struct accepted *accepted, const struct accepted_version *version)
{
	struct accepted_version *versions =
		realloc(accepted->versions, (accepted->n + 1ull) * sizeof(*versions));

	if (!versions)
		return -ENOMEM;
	accepted->versions = versions;
	accepted->versions[accepted->n++] = *version;
	return 0;
}

static const struct accepted_version *accepted_find(
	const struct accepted *accepted, uint16_t version)
{
	for (uint32_t i = 0; i < accepted->n; i++)
		if (accepted->versions[i].version == version)
			return &accepted->versions[i];
	return NULL;
}

static int accepted_parse_lines(const char *text, size_t size, struct accepted *accepted)
{
	const char *at = text, *const end = text + size;

	if (strlen(text) != size || strncmp(at, HEAD, strlen(HEAD)) != 0)
		return -EINVAL;
	at = accepted_number(at + strlen(HEAD), INT64_MAX, '\n', &accepted->highest);
	while (at && at < end) {
		struct accepted_version version;

		at = accepted_line(at, &version);
		if (!at || version.number > accepted->highest ||
			accepted_find(accepted, version.version))
			return -EINVAL;
		if (accepted_append(accepted, &version) != 0)
			return -ENOMEM;
	}
	return at ? 0 : -EINVAL;
}

int accepted_parse(const char *text, size_t size, struct accepted *accepted, struct error *err)
{
	int rc;

	memset(accepted, 0, sizeof(*accepted));
	if (!text)
		return 0;
	rc = accepted_parse_lines(text, size, accepted);
	if (rc == 0)
		return 0;
	accepted_fini(accepted);
	if (rc == -ENOMEM)
		return error_set(err, rc, "no memory to read which versions were accepted");
	return error_set(err, rc,
		"is no list of accepted versions as martletd writes it; with it goes what keeps "
		"older "
		"images away: put back a copy, or remove it to accept any version again");
}

void accepted_fini(struct accepted *accepted)
{
	free(accepted->versions);
	memset(accepted, 0, sizeof(*accepted));
}

static void accepted_forget(
	struct accepted *accepted, uint16_t version, const struct model_entry *entry)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < accepted->n; i++) {
		const uint16_t one = accepted->versions[i].version;

		if (one != version && entry && model_entry_version(entry, one))
			accepted->versions[kept++] = accepted->versions[i];
	}
	accepted->n = kept;
}

int accepted_add(struct accepted *accepted, const struct accepted_version *version,
	const struct model_entry *entry)
{
	accepted_forget(accepted, version->version, entry);
	if (accepted->highest < version->number)
		accepted->highest = version->number;
	return accepted_append(accepted, version);
}

char *accepted_format(const struct accepted *accepted)
{
	const size_t bytes = 64 + (size_t)accepted->n * (RECORD_SHA256_BYTES + 32);
	char *text = malloc(bytes);
	size_t used;

	if (!text)
		return NULL;
	used = (size_t)snprintf(text, bytes, HEAD "%" PRIu64 "\n", accepted->highest);
	for (uint32_t i = 0; i < accepted->n; i++)
		used += (size_t)snprintf(text + used, bytes - used, "%u %" PRIu64 " %s\n",
			accepted->versions[i].version, accepted->versions[i].number,
			accepted->versions[i].sha256);
	return text;
}

int accepted_check(const struct accepted *accepted, const struct accepted_version *version,
	bool is_stored, struct error *err)
{
	const struct accepted_version *taken = accepted_find(accepted, version->version);

	if (version->number >= accepted->highest)
		return 0;
	if (is_stored && taken && taken->number == version->number &&
		strcmp(taken->sha256, version->sha256) == 0)
		return 0;
	return error_set(err, -ESTALE,
		"its signature says that it is number %" PRIu64
		" of this model, and number %" PRIu64
		" was accepted before: an older image is not taken%s",
		version->number, accepted->highest,
		is_stored ? ", and this one was never accepted here"
			  : "; to go back to a version that is stored, roll back to it");
}
