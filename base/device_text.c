// SPDX-License-Identifier: BSD-3-Clause
#include "base/device_text.h"

#include <string.h>

static const char SECRET[] = ",secret=";

void device_text_hide(char *text)
{
	for (char *at = text; (at = strstr(at, SECRET));) {
		char *value = at + sizeof(SECRET) - 1;
		// An argument ends at a comma, a device in a list of them at its quote.
		const size_t bytes = strcspn(value, ",\"");

		if (bytes > 0) {
			*value = '*';
			memmove(value + 1, value + bytes, strlen(value + bytes) + 1);
		}
		at = value;
	}
}
