// SPDX-License-Identifier: BSD-3-Clause
#include "base/utf8.h"

#include <stdint.h>

size_t utf8_character(const char *text, size_t left)
{
	const uint8_t *p = (const uint8_t *)text;
	uint32_t low = 0x80, high = 0xbf;
	size_t n = 2;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xe0)
		n = p[0] < 0xf0 ? 3 : 4;
	if (p[0] < 0xc2 || p[0] > 0xf4 || left < n)
		return 0;
	if (p[0] == 0xe0 || p[0] == 0xf0) // longer than it need be
		low = p[0] == 0xe0 ? 0xa0 : 0x90;
	if (p[0] == 0xed || p[0] == 0xf4) // surrogates, and beyond the last character
		high = p[0] == 0xed ? 0x9f : 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}
