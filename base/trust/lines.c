// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/lines.h"

#include "base/utf8.h"

#include <sodium.h>
#include <string.h>

#define LINE_BASE64_BYTES 256 // a secret key of minisign takes the most of them, 216

int lines_next(struct lines *lines, const char *what, struct line *line, struct error *err)
{
	const char *end;

	if (lines->left == 0)
		return error_set(
			err, -EINVAL, "%s ends behind its line %u: it is cut", what, lines->n);
	end = memchr(lines->text, '\n', lines->left);
	line->text = lines->text;
	line->bytes = end ? (size_t)(end - lines->text) : lines->left;
	line->number = ++lines->n;
	if (memchr(line->text, '\r', line->bytes) || memchr(line->text, '\0', line->bytes))
		return error_set(err, -EINVAL,
			"%s has a carriage return or a zero byte in line %u; lines end in a "
			"newline alone",
			what, line->number);
	lines->text += line->bytes + (end != NULL);
	lines->left -= line->bytes + (end != NULL);
	return 0;
}

int lines_end(const struct lines *lines, const char *what, struct error *err)
{
	return lines->left == 0
		? 0
		: error_set(err, -EINVAL, "%s goes on behind its line %u, where it should end",
			  what, lines->n);
}

bool line_begins(const struct line *line, const char *prefix)
{
	const size_t bytes = strlen(prefix);

	return line->bytes >= bytes && memcmp(line->text, prefix, bytes) == 0;
}

int line_take_prefix(struct line *line, const char *prefix, const char *what, struct error *err)
{
	if (!line_begins(line, prefix))
		return error_set(err, -EINVAL, "%s does not begin with '%s'", what, prefix);
	line->text += strlen(prefix);
	line->bytes -= strlen(prefix);
	return 0;
}

int line_check_comment(
	const struct line *line, const char *what, size_t bytes_max, struct error *err)
{
	if (line->bytes >= bytes_max)
		return error_set(err, -EINVAL, "%s has %zu bytes, at most %zu are possible", what,
			line->bytes, bytes_max - 1);
	for (size_t i = 0; i < line->bytes;) {
		const unsigned char c = (unsigned char)line->text[i];
		const size_t n = utf8_character(line->text + i, line->bytes - i);

		if (n == 0 || (c < ' ' && c != '\t') || c == 0x7f)
			return error_set(err, -EINVAL,
				"%s holds what is no printable UTF-8, at its byte %zu", what,
				i + 1);
		i += n;
	}
	return 0;
}

// The line, which is as long as that takes, is decoded. libsodium 1.0.18 takes some bytes above 127 for letters: only
// what is encoded to the same again is in the one form.
static bool line_is_base64(const struct line *line, void *bytes, size_t size)
{
	char again[LINE_BASE64_BYTES];
	size_t got = 0;
	bool is_same = line->bytes < sizeof(again) &&
		sodium_base642bin(bytes, size, line->text, line->bytes, NULL, &got, NULL,
			sodium_base64_VARIANT_ORIGINAL) == 0 &&
		got == size;

	if (is_same) {
		sodium_bin2base64(
			again, sizeof(again), bytes, size, sodium_base64_VARIANT_ORIGINAL);
		is_same = sodium_memcmp(again, line->text, line->bytes) == 0;
	}
	sodium_memzero(again, sizeof(again)); // it may be a secret
	return is_same;
}

int line_base64(
	const struct line *line, const char *what, void *bytes, size_t size, struct error *err)
{
	if (line->bytes != sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL) - 1 ||
		!line_is_base64(line, bytes, size))
		return error_set(err, -EINVAL, "line %u is not %s: it must be base64 of %zu bytes",
			line->number, what, size);
	return 0;
}
