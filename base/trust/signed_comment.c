// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/signed_comment.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <string.h>

#define WANTS                                                                                      \
	"an image's signature says in its trusted comment what it signs, as in 'model:lab "        \
	"version:7'"

// The value of the word `name:`, whose bytes go to *bytes; NULL: there is none, or *n of them.
static const char *comment_word(const char *text, const char *name, size_t *bytes, unsigned *n)
{
	const size_t name_bytes = strlen(name);
	const char *found = NULL;

	*n = 0;
	for (const char *word = text + strspn(text, " \t"); *word;
		word += strcspn(word, " \t"), word += strspn(word, " \t")) {
		if (strncmp(word, name, name_bytes) != 0)
			continue;
		found = word + name_bytes;
		*bytes = strcspn(found, " \t");
		(*n)++;
	}
	return *n == 1 ? found : NULL;
}

static int comment_take(
	const char *text, const char *name, char *value, size_t size, struct error *err)
{
	size_t bytes = 0;
	unsigned n;
	const char *found = comment_word(text, name, &bytes, &n);

	if (!found)
		return error_set(err, -EINVAL, "the trusted comment has %s '%s'; " WANTS,
			n ? "more than one" : "no", name);
	snprintf(value, size, "%.*s", (int)(bytes < size ? bytes : size), found);
	return 0;
}

static int comment_number(const char *text, uint64_t *number)
{
	if (*text < '1' || *text > '9')
		return -EINVAL;
	*number = 0;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' ||
			*number > ((uint64_t)SIGNED_VERSION_MAX - (uint64_t)(*text - '0')) / 10)
			return -EINVAL;
		*number = *number * 10 + (uint64_t)(*text - '0');
	}
	return 0;
}

int signed_comment_parse(const char *text, struct signed_comment *comment, struct error *err)
{
	char model[NAME_BYTES_MAX + 2], version[24];
	int rc = comment_take(text, "model:", model, sizeof(model), err);

	if (rc == 0)
		rc = comment_take(text, "version:", version, sizeof(version), err);
	if (rc != 0)
		return rc;
	if (!name_is_valid(model))
		return error_set(
			err, -EINVAL, "the trusted comment's model is no model's name; " WANTS);
	if (comment_number(version, &comment->version) != 0)
		return error_set(err, -EINVAL,
			"the trusted comment's version is no number from 1 to %" PRId64 "; " WANTS,
			SIGNED_VERSION_MAX);
	memcpy(comment->model, model, sizeof(comment->model));
	return 0;
}

int signed_comment_format(const struct signed_comment *comment, const char *file, int64_t timestamp,
	char *text, size_t size, struct error *err)
{
	int used = snprintf(text, size, "timestamp:%" PRId64 "\tfile:", timestamp);
	const size_t left = strlen(file);

	if ((size_t)used >= size)
		return error_set(
			err, -ENAMETOOLONG, "%zu bytes are too few for a trusted comment", size);
	for (size_t i = 0; i < left && (size_t)used + 1 < size;) {
		const size_t n = utf8_character(file + i, left - i);
		const unsigned char c = (unsigned char)file[i];

		if (n <= 1) {
			text[used++] = (char)(n == 0 || c <= ' ' || c == 0x7f ? '_' : c);
			i++;
			continue;
		}
		if ((size_t)used + n >= size)
			break;
		memcpy(text + used, file + i, n);
		used += (int)n;
		i += n;
	}
	used += snprintf(text + used, size - (size_t)used, "\thashed\tmodel:%s\tversion:%" PRIu64,
		comment->model, comment->version);
	if ((size_t)used >= size)
		return error_set(err, -ENAMETOOLONG,
			"%.100s...: the name is too long for a trusted comment", file);
	return 0;
}
