// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/data/dataset_finish.h"

#include "base/sha256.h"
#include "infer/graph/arena.h"
#include "infer/graph/text_maps.h"

#include <math.h>
#include <stdlib.h>

// Gives the categories of a column their numbers by place, in all rows.
static int dataset_sort_categories(
	struct dataset_memory *m, uint32_t feature, uint32_t *place, const char **texts)
{
	const struct text_set *set = &m->columns[feature].categories;
	float *at = m->store.values + feature;

	if (text_set_places(set, place) != 0)
		return -ENOMEM;
	for (size_t r = 0; r < m->set->n_rows; r++, at += m->n_features)
		if (!isnan(*at))
			*at = (float)place[(uint32_t)*at];
	for (uint32_t t = 0; t < set->n; t++) {
		texts[place[t]] = arena_strdup(m->arena, set->texts[t]);
		if (!texts[place[t]])
			return -ENOMEM;
	}
	return 0;
}

static int dataset_make_texts(struct dataset_memory *m, struct error *err)
{
	struct model_texts *maps = arena_calloc(m->arena, m->n_features, sizeof(*maps));
	uint32_t n = 0, total = 0;
	int rc = maps ? 0 : -ENOMEM;

	for (uint32_t f = 0; rc == 0 && f < m->n_features; f++) {
		const uint32_t n_texts = m->columns[f].categories.n;
		uint32_t *place;
		const char **texts;

		if (m->columns[f].kind < COLUMN_TEXTS)
			continue;
		place = malloc((n_texts + 1ull) * sizeof(*place));
		texts = arena_calloc(m->arena, n_texts + 1ull, sizeof(*texts));
		rc = place && texts ? dataset_sort_categories(m, f, place, texts) : -ENOMEM;
		free(place);
		total += n_texts;
		if (rc == 0 && (n_texts == 0 || total > MODEL_TEXTS_MAX))
			return error_set(err, -EINVAL,
				n_texts == 0 ? "%s: column '%.60s' has no categories, for all its "
					       "values are missing"
					     : "%s: with column '%.60s' there are more categories "
					       "than a "
					       "model can have",
				m->path, m->set->feature_names[f]);
		maps[n++] = (struct model_texts){ .feature = f,
			.n_texts = n_texts,
			.takes_unknown = m->options->take_unknown,
			.is_category = true,
			.texts = texts };
	}
	if (rc == 0)
		rc = text_maps_order(maps, n, m->arena, err);
	m->set->texts = maps;
	m->set->n_texts = n;
	return rc == -ENOMEM ? dataset_no_memory(m->path, err) : rc;
}

// Labels from which nothing can be learnt.
static int dataset_check_classes(const struct dataset_memory *m, struct error *err)
{
	const struct dataset *set = m->set;
	const size_t n_labelled = set->n_rows - set->n_unlabelled;

	if (n_labelled == 0 && !m->options->allow_unlabelled)
		return error_set(err, -EINVAL, "%s: no row has a label", m->path);
	if (m->model || n_labelled == 0)
		return 0;
	if (set->n_classes == 1 && !m->options->allow_one_class)
		return error_set(err, -EINVAL,
			"%s: all rows have the label '%.60s'; two different ones at least are "
			"needed",
			m->path, set->class_labels[0]);
	if (set->n_classes == n_labelled && n_labelled > 1)
		return error_set(err, -EINVAL,
			"%s: each of the %zu rows has a label of its own; there should be more "
			"rows "
			"than classes, or numbers as targets",
			m->path, n_labelled);
	return 0;
}

static int dataset_check_numbers(const struct dataset_memory *m, struct error *err)
{
	const float *numbers = m->set->numbers;
	size_t r = 0, same;

	while (r < m->set->n_rows && isnan(numbers[r]))
		r++;
	for (same = r; same < m->set->n_rows; same++)
		if (!isnan(numbers[same]) && numbers[same] != numbers[r])
			return 0;
	if (r == m->set->n_rows || m->model || m->options->allow_one_class)
		return 0;
	return error_set(err, -EINVAL,
		"%s: all rows have the target %.9g; two different ones at least are needed",
		m->path, (double)numbers[r]);
}

static int dataset_make_labels(struct dataset_memory *m, struct error *err)
{
	struct dataset *set = m->set;
	int rc = 0;

	if (set->target == DATASET_NUMBERS) {
		set->numbers = m->labelled.numbers;
		return dataset_check_numbers(m, err);
	}
	if (set->target != DATASET_CLASSES)
		return 0;
	rc = labels_done(&m->labels, m->labelled.classes, m->labelled.n, err);
	if (rc != 0)
		return error_prefix(err, "%s", m->path);
	set->classes = m->labelled.classes;
	set->class_labels = (const char *const *)m->labels.classes.texts;
	set->n_classes = m->labels.classes.n;
	if (m->labels.model) {
		set->class_labels = m->model->class_labels;
		set->n_classes = m->model->n_class_labels;
	}
	return dataset_check_classes(m, err);
}

static void dataset_hash(struct dataset *set)
{
	const uint64_t shape[] = { set->n_rows, set->n_features, set->target,
		set->weights != NULL };
	const void *const columns[] = { set->classes, set->numbers, set->weights };
	struct sha256 sha;

	sha256_begin(&sha);
	sha256_add(&sha, shape, sizeof(shape));
	sha256_add(&sha, set->values, set->n_rows * set->n_features * sizeof(*set->values));
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if (columns[i])
			sha256_add(&sha, columns[i], set->n_rows * sizeof(float));
	sha256_end(&sha, set->sha256);
}

int dataset_finish(struct dataset_memory *m, struct error *err)
{
	struct dataset *set = m->set;
	int rc;

	if (set->n_rows == 0)
		return error_set(err, -EINVAL, "%s: no rows", m->path);
	rc = float_store_done(&m->store, err);
	if (rc != 0)
		return error_prefix(err, "%s", m->path);
	set->values = m->store.values;
	if (m->model) {
		set->feature_names = m->model->feature_names;
		set->texts = m->model->texts;
		set->n_texts = m->model->n_texts;
	} else {
		rc = dataset_make_texts(m, err);
	}
	if (rc == 0)
		rc = dataset_make_labels(m, err);
	if (m->options->weight)
		set->weights = m->weights.numbers;
	if (rc == 0)
		dataset_hash(set);
	return rc;
}
