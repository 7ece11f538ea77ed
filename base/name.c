// SPDX-License-Identifier: BSD-3-Clause
#include "base/name.h"

#include <string.h>

static bool name_may_begin_with(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool name_allows(char character)
{
	return name_may_begin_with(character) || character == '_' || character == '.' ||
		character == '-';
}

bool name_is_valid(const char *text)
{
	size_t n = 0;

	if (!text || !name_may_begin_with(text[0]))
		return false;
	while (n <= NAME_BYTES_MAX && name_allows(text[n]))
		n++;
	return n <= NAME_BYTES_MAX && text[n] == '\0';
}

void name_make(char name[NAME_BYTES_MAX + 1], const char *text, size_t bytes)
{
	size_t n = bytes < NAME_BYTES_MAX ? bytes : NAME_BYTES_MAX;

	for (size_t i = 0; i < n; i++)
		name[i] = name_allows(text[i]) ? text[i] : '_';
	if (!name_may_begin_with(name[0]))
		name[0] = 'm';
	name[n] = '\0';
}
