// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/data/labels.h"

#include "base/csv.h"
#include "base/nearest.h"

#include <stdlib.h>
#include <string.h>

#define LABELS_MEMBERS_MAX 4096 // that one group names
#define LABELS_SEEN_MAX    (1 << 20)

// A number as it is written shortest, so that "1.0" and "1" are one label; other texts as they are.
static const char *labels_plain(const char *text, char *buffer, size_t size)
{
	double value;

	if (!text_set_number(text, &value))
		return text;
	snprintf(buffer, size, "%.15g", value);
	if (strtod(buffer, NULL) != value)
		snprintf(buffer, size, "%.17g", value);
	return value == 0 ? "0" : buffer;
}

static int labels_refuse_group(const char *group, const char *why, struct error *err)
{
	return error_set(err, -EINVAL,
		"--group '%.60s': %s; as in 'attack=neptune,smurf;normal;other=*'", group, why);
}

// One group's members, of which `list` is changed.
static int labels_add_members(
	struct labels *labels, uint32_t group, const char *name, char *list, struct error *err)
{
	char **items = malloc(LABELS_MEMBERS_MAX * sizeof(*items));
	const int n = items ? csv_split_list(list, items, LABELS_MEMBERS_MAX) : 0;
	int rc = items ? 0 : error_set(err, -ENOMEM, "out of memory for labels");
	char buffer[32];

	if (rc == 0 && (n <= 0 || items[0][0] == '\0'))
		rc = labels_refuse_group(name, "a list of labels \"A,B,...\" is wanted", err);
	for (int i = 0; rc == 0 && i < n; i++) {
		const uint32_t before = labels->members.n;
		uint32_t number, *grown;

		if (strcmp(items[i], "*") == 0) {
			if (labels->others >= 0)
				rc = labels_refuse_group(name, "* is in two groups", err);
			labels->others = (int32_t)group;
			continue;
		}
		if (text_set_add(&labels->members, labels_plain(items[i], buffer, sizeof(buffer)),
			    LABELS_SEEN_MAX, &number) != 0) {
			rc = error_set(err, -ENOMEM, "out of memory for labels");
		} else if (labels->members.n == before) {
			rc = labels_refuse_group(items[i], "that label is named twice", err);
		} else {
			grown = realloc(labels->group_of, labels->members.n * sizeof(*grown));
			if (!grown) {
				rc = error_set(err, -ENOMEM, "out of memory for labels");
			} else {
				grown[number] = group;
				labels->group_of = grown;
			}
		}
	}
	free(items);
	return rc;
}

// One item of the list of groups, "NAME=A,B" or "NAME".
static int labels_add_group(struct labels *labels, char *item, struct error *err)
{
	char *equals = strchr(item, '=');
	char *list = equals ? equals + 1 : strdup(item);
	uint32_t group = 0;
	int rc;

	if (!list)
		return error_set(err, -ENOMEM, "out of memory for labels");
	if (equals)
		*equals = '\0';
	if (*item == '\0' || strcmp(item, "*") == 0)
		rc = labels_refuse_group(item, "a group has a name", err);
	else
		rc = text_set_add(&labels->classes, item, MODEL_OUTPUTS_MAX, &group);
	if (rc == 0 && group < labels->n_groups)
		rc = labels_refuse_group(item, "two groups have that name", err);
	if (rc == -ENOMEM || rc == -EFBIG)
		rc = error_set(err, rc, "no memory for that many groups of labels");
	labels->n_groups = labels->classes.n;
	if (rc == 0)
		rc = labels_add_members(labels, group, item, list, err);
	if (!equals)
		free(list);
	return rc;
}

int labels_init(
	struct labels *labels, const char *group, const struct model_info *model, struct error *err)
{
	char *copy = strdup(group ? group : ""), *rest = copy, *item;
	int rc = copy ? 0 : error_set(err, -ENOMEM, "out of memory for labels");

	*labels = (struct labels){ .others = -1 };
	labels->model = model && model->n_class_labels ? model : NULL;
	if (rc == 0 && group && !*group)
		rc = labels_refuse_group(group, "no group is named", err);
	while (rc == 0 && group && (item = strsep(&rest, ";")))
		rc = labels_add_group(labels, item, err);
	free(copy);
	return rc;
}

void labels_fini(struct labels *labels)
{
	text_set_fini(&labels->seen);
	text_set_fini(&labels->classes);
	text_set_fini(&labels->members);
	free(labels->class_of);
	free(labels->group_of);
	*labels = (struct labels){ 0 };
}

static int labels_refuse_unseen(const struct labels *labels, const char *text, struct error *err)
{
	const struct model_info *info = labels->model;
	struct nearest nearest = { .wanted = text };
	char list[200] = "";
	size_t used = 0;

	for (uint32_t c = 0; c < info->n_class_labels; c++) {
		nearest_try(&nearest, info->class_labels[c]);
		if (c < 4)
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s'%.32s'",
				c ? ", " : "", info->class_labels[c]);
	}
	return error_set(err, -EINVAL,
		"the label '%.40s' is none of the model's %u classes: %s%s%s%.40s%s; --group says "
		"which "
		"labels are one class",
		text, info->n_class_labels, list, info->n_class_labels > 4 ? ", ..." : "",
		nearest.found ? "; did you mean '" : "", nearest.found ? nearest.found : "",
		nearest.found ? "'?" : "");
}

// The number of the class of that name.
static int labels_find_class(
	struct labels *labels, const char *name, int32_t *number, struct error *err)
{
	uint32_t found;
	char one[32], other[32];
	int rc;

	if (!labels->model) {
		rc = text_set_check("label", name, err);
		if (rc != 0)
			return rc;
		rc = text_set_add(&labels->classes, name, MODEL_OUTPUTS_MAX, &found);
		*number = (int32_t)found;
		return rc == 0         ? 0
			: rc == -EFBIG ? error_set(err, rc,
						 "more than %d different labels; a label is a "
						 "class, numbers are a target "
						 "of their own",
						 MODEL_OUTPUTS_MAX)
				       : error_set(err, rc, "out of memory for labels");
	}
	for (uint32_t c = 0; c < labels->model->n_class_labels; c++)
		if (strcmp(labels_plain(labels->model->class_labels[c], one, sizeof(one)),
			    labels_plain(name, other, sizeof(other))) == 0) {
			*number = (int32_t)c;
			return 0;
		}
	return labels_refuse_unseen(labels, name, err);
}

// The class of a label that is seen for the first time.
static int labels_resolve(
	struct labels *labels, const char *text, int32_t *number, struct error *err)
{
	char buffer[32];
	const char *plain = labels_plain(text, buffer, sizeof(buffer)), *name = plain;
	const uint32_t member = text_set_find(&labels->members, plain);

	if (member < labels->members.n)
		name = labels->classes.texts[labels->group_of[member]];
	else if (labels->others >= 0)
		name = labels->classes.texts[labels->others];
	return labels_find_class(labels, name, number, err);
}

int labels_take(struct labels *labels, const char *text, int32_t *number, struct error *err)
{
	const uint32_t before = labels->seen.n;
	uint32_t at = 0;
	int rc = text_set_add(&labels->seen, text, LABELS_SEEN_MAX, &at);

	if (rc != 0)
		return error_set(err, rc, "no memory for that many different labels");
	if (at == before && at >= labels->class_of_capacity) {
		const uint32_t capacity = at ? 2 * at : 16;
		int32_t *grown = realloc(labels->class_of, capacity * sizeof(*grown));

		if (!grown)
			return error_set(err, -ENOMEM, "out of memory for labels");
		labels->class_of = grown;
		labels->class_of_capacity = capacity;
	}
	if (at == before)
		rc = labels_resolve(labels, text, &labels->class_of[at], err);
	*number = rc == 0 ? labels->class_of[at] : -1;
	return rc;
}

// The places of the classes: groups first, as they were named.
static int labels_places(const struct labels *labels, uint32_t *place)
{
	const uint32_t n = labels->n_groups;
	// Where no row has a label there is not even a list.
	const struct text_set rest = { .texts = labels->classes.texts ? labels->classes.texts + n
								      : NULL,
		.n = labels->classes.n - n };
	int rc = text_set_places(&rest, place + n);

	for (uint32_t c = 0; c < n; c++)
		place[c] = c;
	for (uint32_t c = n; rc == 0 && c < labels->classes.n; c++)
		place[c] += n;
	return rc;
}

int labels_done(struct labels *labels, int32_t *classes, size_t n, struct error *err)
{
	const uint32_t n_classes = labels->classes.n;
	uint32_t *place = calloc(n_classes + 1ull, sizeof(*place));
	char **sorted = calloc(n_classes + 1ull, sizeof(*sorted));
	bool *borne = calloc(n_classes + 1ull, sizeof(*borne));
	int rc = 0;

	if (labels->model)
		goto out;
	if (!place || !sorted || !borne || labels_places(labels, place) != 0) {
		rc = error_set(err, -ENOMEM, "out of memory for labels");
		goto out;
	}
	for (size_t r = 0; r < n; r++)
		if (classes[r] >= 0) {
			borne[classes[r]] = true;
			classes[r] = (int32_t)place[classes[r]];
		}
	for (uint32_t g = 0; rc == 0 && g < labels->n_groups; g++)
		if (!borne[g])
			rc = error_set(err, -EINVAL,
				"no row is of the class '%.60s', which --group names",
				labels->classes.texts[g]);
	for (uint32_t c = 0; c < n_classes; c++)
		sorted[place[c]] = labels->classes.texts[c];
	// The set finds no text any more, but has them all.
	for (uint32_t c = 0; c < n_classes; c++)
		labels->classes.texts[c] = sorted[c];
out:
	free(place);
	free(sorted);
	free(borne);
	return rc;
}
