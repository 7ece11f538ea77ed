// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/utc.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void utc_text(int64_t at, char text[UTC_BYTES])
{
	const time_t seconds = (time_t)at;
	struct tm tm;

	if (at == 0 || !gmtime_r(&seconds, &tm) ||
		strftime(text, UTC_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		memcpy(text, "-", 2);
}

// The two or four digits at text[at].
static int utc_digits(const char *text, size_t at, size_t n)
{
	int value = 0;

	for (size_t i = at; i < at + n; i++)
		value = value * 10 + (text[i] - '0');
	return value;
}

bool utc_parse(const char *text, int64_t *at)
{
	static const char FORM[] = "dddd-dd-ddTdd:dd:ddZ";
	char back[UTC_BYTES];
	struct tm tm;

	*at = 0;
	if (strcmp(text, "-") == 0)
		return true;
	for (size_t i = 0; i < sizeof(FORM); i++) // the zero byte, too
		if (FORM[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != FORM[i])
			return false;
	tm = (struct tm){ .tm_year = utc_digits(text, 0, 4) - 1900,
		.tm_mon = utc_digits(text, 5, 2) - 1,
		.tm_mday = utc_digits(text, 8, 2),
		.tm_hour = utc_digits(text, 11, 2),
		.tm_min = utc_digits(text, 14, 2),
		.tm_sec = utc_digits(text, 17, 2) };
	*at = timegm(&tm);
	utc_text(*at, back); // a 30th of February is another day's
	return *at > 0 && strcmp(back, text) == 0;
}

bool utc_span_parse(const char *text, int64_t *seconds)
{
	static const char LETTERS[] = "smhd";
	static const int64_t UNITS[] = { 1, 60, 3600, 86400 };
	const size_t digits = strspn(text, "0123456789");
	const char *letter;

	if (digits < 1 || digits > 6 || strlen(text) != digits + 1)
		return false;
	letter = strchr(LETTERS, text[digits]);
	if (!letter)
		return false;
	*seconds = strtoll(text, NULL, 10) * UNITS[letter - LETTERS];
	return true;
}
