// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/scoring/bytes.h"

#include "base/utf8.h"
#include "ctl/server/scoring/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bytes_fini(struct bytes *bytes)
{
	free(bytes->at);
	*bytes = (struct bytes){ 0 };
}

int bytes_check(const struct bytes *bytes, struct error *err)
{
	if (bytes->is_full)
		return error_set(err, -E2BIG,
			"the answer would have more than %zu MiB: ask for fewer rows at a time, or "
			"for fewer classes of each",
			BYTES_MAX >> 20);
	return bytes->failed ? error_set(err, -ENOMEM, "no memory for the answer") : 0;
}

void *bytes_grow(struct bytes *bytes, size_t size)
{
	void *here;

	if (!bytes->failed && size > BYTES_MAX - bytes->size)
		bytes->failed = bytes->is_full = true;
	if (bytes->failed)
		return NULL;
	if (size > bytes->capacity - bytes->size) {
		const size_t wanted = bytes->size + size + bytes->size / 2 + 256;
		char *grown = realloc(bytes->at, wanted);

		if (!grown) {
			bytes->failed = true;
			return NULL;
		}
		bytes->at = grown;
		bytes->capacity = wanted;
	}
	here = bytes->at + bytes->size;
	bytes->size += size;
	return here;
}

void bytes_add(struct bytes *bytes, const void *data, size_t size)
{
	void *here = bytes_grow(bytes, size);

	if (here && size > 0)
		memcpy(here, data, size);
}

void bytes_add_text(struct bytes *bytes, const char *text)
{
	bytes_add(bytes, text, strlen(text));
}

void bytes_add_u64(struct bytes *bytes, uint64_t value)
{
	char text[24];

	bytes_add(bytes, text,
		(size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)value));
}

void bytes_add_float(struct bytes *bytes, float value)
{
	char *text = bytes_grow(bytes, NUMBER_TEXT_BYTES);

	if (text)
		bytes->size -= NUMBER_TEXT_BYTES - number_from_float(value, text);
}

void bytes_add_string(struct bytes *bytes, const char *text, size_t size)
{
	const char *end = text + size;

	bytes_add(bytes, "\"", 1);
	while (text < end) {
		const size_t n = utf8_character(text, (size_t)(end - text));

		if (n == 0) {
			bytes_add_text(bytes, "\\ufffd");
		} else if ((uint8_t)*text < ' ') {
			char escape[8];

			snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)*text);
			bytes_add_text(bytes, escape);
		} else {
			if (*text == '"' || *text == '\\')
				bytes_add(bytes, "\\", 1);
			bytes_add(bytes, text, n);
		}
		text += n ? n : 1;
	}
	bytes_add(bytes, "\"", 1);
}
