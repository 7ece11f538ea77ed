// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/text.h"

#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

size_t text_character(const char *text)
{
	const uint8_t *at = (const uint8_t *)text;

	if (at[0] < ' ' || at[0] == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0))
		return 0;
	return utf8_character(text, 4);
}

int text_cut(const char *text, size_t bytes_max)
{
	size_t bytes = strnlen(text, bytes_max);

	// Only a continuation byte can be cut from what is before it.
	if (bytes == bytes_max && ((uint8_t)text[bytes] & 0xc0) == 0x80) {
		for (size_t back = 1; back <= 3 && back <= bytes; back++) {
			size_t length = text_character(text + bytes - back);

			if (length > back)
				return (int)(bytes - back);
			if (length != 0)
				break;
		}
	}
	return (int)bytes;
}

void text_clean(char *text)
{
	while (*text) {
		size_t length = text_character(text);

		if (length == 0)
			*text = '?';
		text += length ? length : 1;
	}
}
