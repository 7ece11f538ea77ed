// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/categories.h"

#include "infer/graph/text.h"

#include <stdio.h>

#define SHOWN 4 // values named in the report

void categories_report(struct compile_report *report, const char *feature, const json_t *values)
{
	char list[SHOWN * 48] = "";
	size_t at = 0;

	for (size_t i = 0; i < json_array_size(values) && i < SHOWN; i++) {
		const json_t *value = json_array_get(values, i);
		const char *text = json_string_value(value);

		at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%zu = ", i ? ", " : "", i);
		if (text)
			at += (size_t)snprintf(
				list + at, sizeof(list) - at, "%.*s", text_cut(text, 24), text);
		else
			at += (size_t)snprintf(list + at, sizeof(list) - at, "%.9g",
				json_is_boolean(value) ? json_is_true(value)
						       : json_number_value(value));
	}
	if (json_array_size(values) > 0)
		report_add(report,
			"feature '%.60s' is one of %zu categories, and rows hold its number: %s%s",
			feature, json_array_size(values), list,
			json_array_size(values) > SHOWN ? ", ..." : "");
}
