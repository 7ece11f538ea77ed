// SPDX-License-Identifier: BSD-3-Clause
#include "base/rows_cell.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool rows_cell_is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcasecmp(text, *words) == 0)
			return true;
	return false;
}

enum rows_cell rows_cell_read(const char *text, float *value)
{
	static const char *const MISSING[] = { "", "na", "n/a", "null", "none", "?", "#n/a", "<na>",
		NULL };
	static const char *const TRUE[] = { "true", NULL }, *const FALSE[] = { "false", NULL };
	char *end;

	*value = strtof(text, &end);
	if (end != text && *end == '\0')
		return isnan(*value) ? ROWS_CELL_MISSING : ROWS_CELL_NUMBER;
	*value = NAN;
	if (rows_cell_is_one_of(text, MISSING))
		return ROWS_CELL_MISSING;
	*value = rows_cell_is_one_of(text, TRUE);
	return *value != 0 || rows_cell_is_one_of(text, FALSE) ? ROWS_CELL_NUMBER : ROWS_CELL_TEXT;
}

bool rows_cell_has_decimal_comma(const char *text)
{
	const char *comma = strchr(text, ',');

	return comma && comma[strspn(comma, ",0123456789eE+-")] == '\0' &&
		!strchr(comma + 1, ',') && text[strspn(text, "0123456789+-")] == ',' &&
		strlen(text) > 1;
}
