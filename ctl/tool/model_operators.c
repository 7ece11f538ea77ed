// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_operators.h"

#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"
#include "infer/infer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

// By domain, then by name.
static int operators_compare(const void *a, const void *b)
{
	const struct model_operator *x = a, *y = b;
	int order = strcmp(x->domain, y->domain);

	return order ? order : strcmp(x->type, y->type);
}

// All of them in order, malloc'ed; NULL: out of memory.
static struct model_operator *operators_sorted(size_t *count)
{
	struct model_operator op, *list;
	size_t n = 0;

	while (model_operator(n, &op))
		n++;
	list = calloc(n + 1, sizeof(*list));
	for (size_t i = 0; list && i < n; i++)
		model_operator(i, &list[i]);
	if (list)
		qsort(list, n, sizeof(*list), operators_compare);
	*count = n;
	return list;
}

static int operators_print_json(const struct model_operator *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array,
			json_pack("{s:s, s:s, s:I, s:I}", "domain", list[i].domain, "operator",
				list[i].type, "inputs_min", (json_int_t)list[i].inputs_min,
				"inputs_max", (json_int_t)list[i].inputs_max));
	return tool_print_json(json_pack("{s:o}", "operators", array));
}

static void operators_print(const struct model_operator *list, size_t n)
{
	struct table table;

	TABLE_INIT(&table, "DOMAIN", "OPERATOR", ">INPUTS");
	for (size_t i = 0; i < n; i++) {
		table_add(&table, "%s", list[i].domain);
		table_add(&table, "%s", list[i].type);
		if (list[i].inputs_min == list[i].inputs_max)
			table_add(&table, "%u", list[i].inputs_min);
		else
			table_add(&table, "%u to %u", list[i].inputs_min, list[i].inputs_max);
	}
	table_print(&table, stdout, 0);
}

static int operators_run(const struct command *command, char **argv)
{
	struct model_operator *list;
	int exit = TOOL_DONE;
	size_t n;

	if (!command_parse(command, argv, NULL, &exit))
		return exit;
	list = operators_sorted(&n);
	if (!list)
		return tool_refuse("out of memory");
	if (tool.json)
		exit = operators_print_json(list, n);
	else
		operators_print(list, n);
	free(list);
	return exit;
}

const struct command model_operators_command = {
	.words = "model operators",
	.summary = "the operators of ONNX that model compile reads",
	.run = operators_run,
};
