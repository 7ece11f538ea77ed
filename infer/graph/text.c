// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/text.h"

#include <stdint.h>
#include <string.h>

size_t text_character(const char *text)
{
	static const uint32_t smallest[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	const uint8_t *at = (const uint8_t *)text;
	size_t length = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	uint32_t code = length == 1 ? at[0] : at[0] & (0x7fu >> length);

	if ((at[0] >= 0x80 && at[0] < 0xc2) || at[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < length; i++) { // ends at a terminating 0, too
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return code < 0x20 || (code >= 0x7f && code < 0xa0) ? 0 : length;
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
