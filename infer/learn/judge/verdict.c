// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/judge/verdict.h"

#include "infer/learn/judge/judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void verdict_note(struct verdict *verdict, const char *format, ...)
{
	va_list args;

	if (verdict->n_notes == EVALUATE_NOTES_MAX)
		return;
	va_start(args, format);
	if (vasprintf(&verdict->notes[verdict->n_notes], format, args) >= 0)
		verdict->n_notes++;
	va_end(args);
}

void verdict_fini(struct verdict *verdict)
{
	for (uint32_t i = 0; i < verdict->n_notes; i++)
		free(verdict->notes[i]);
	for (uint32_t i = 0; i < verdict->n_classes; i++)
		free(verdict->class_labels[i]);
	for (uint32_t i = 0; i < verdict->n_groups; i++)
		free(verdict->groups[i].label);
	free(verdict->class_labels);
	free(verdict->groups);
	free(verdict->model);
	free(verdict->samples);
	free(verdict->classes);
	free(verdict->class_roc_auc);
	free(verdict->class_pr_auc);
	free(verdict->confusion);
	free(verdict->positive);
	free(verdict->points);
	free(verdict->pairs);
	*verdict = (struct verdict){ 0 };
}

int verdict_compare(const struct verdict *first, const struct verdict *other,
	const struct evaluate_options *options, double *low, double *high, struct error *err)
{
	int rc = 0;

	for (int f = 0; f < FIGURES && rc == 0; f++)
		rc = judge_interval(other->samples + f, first->samples + f, options->n_samples,
			FIGURES, options->confidence, &low[f], &high[f], err);
	return rc;
}
