// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/doctor_findings.h"

#include <stdarg.h>
#include <stdio.h>

void doctor_find(struct doctor *doctor, const char *area, const char *name, enum doctor_level level,
	const char *fix, const char *format, ...)
{
	struct doctor_finding *finding;
	va_list args;

	if (doctor->n_findings == DOCTOR_FINDINGS_MAX)
		return;
	finding = &doctor->findings[doctor->n_findings++];
	finding->area = area;
	finding->name = name;
	finding->level = level;
	snprintf(finding->fix, sizeof(finding->fix), "%s", fix ? fix : "");
	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}

uint32_t doctor_count(const struct doctor *doctor, enum doctor_level level)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < doctor->n_findings; i++)
		n += doctor->findings[i].level == level;
	return n;
}

const char *doctor_level_name(enum doctor_level level)
{
	return level == DOCTOR_OK ? "ok" : level == DOCTOR_WARN ? "warn" : "fail";
}
