// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/data/text_set.h"

#include "infer/graph/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SET_SLOTS 64 // of a new set; always a power of two

void text_set_fini(struct text_set *set)
{
	for (uint32_t i = 0; i < set->n; i++)
		free(set->texts[i]);
	free(set->texts);
	free(set->slots);
	*set = (struct text_set){ 0 };
}

// FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv.
static uint32_t text_set_hash(const char *text)
{
	uint32_t hash = 2166136261u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash ^ hash >> 15;
}

// The slot of a text, or the free one where it belongs. There is a free one.
static uint32_t *text_set_slot(const struct text_set *set, const char *text)
{
	uint32_t at = text_set_hash(text) & (set->n_slots - 1);

	while (set->slots[at] && strcmp(set->texts[set->slots[at] - 1], text) != 0)
		at = (at + 1) & (set->n_slots - 1);
	return &set->slots[at];
}

// Room for one more, and half of the slots free.
static int text_set_grow(struct text_set *set)
{
	const uint32_t n_slots = set->n_slots ? set->n_slots * 2 : TEXT_SET_SLOTS;
	uint32_t *slots;
	char **texts;

	if (set->n < set->capacity)
		return 0;
	texts = realloc(set->texts, (n_slots / 2) * sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	set->texts = texts;
	slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(set->slots);
	set->slots = slots;
	set->n_slots = n_slots;
	set->capacity = n_slots / 2;
	for (uint32_t i = 0; i < set->n; i++)
		*text_set_slot(set, set->texts[i]) = i + 1;
	return 0;
}

int text_set_add(struct text_set *set, const char *text, uint32_t most, uint32_t *number)
{
	uint32_t *slot;
	int rc = text_set_grow(set);

	if (rc != 0)
		return rc;
	slot = text_set_slot(set, text);
	*number = *slot ? *slot - 1 : set->n;
	if (*slot)
		return 0;
	*number = most;
	if (set->n >= most)
		return -EFBIG;
	set->texts[set->n] = strdup(text);
	if (!set->texts[set->n])
		return -ENOMEM;
	*number = set->n++;
	*slot = set->n;
	return 0;
}

uint32_t text_set_find(const struct text_set *set, const char *text)
{
	const uint32_t *slot = set->n ? text_set_slot(set, text) : NULL;

	return slot && *slot ? *slot - 1 : set->n;
}

bool text_set_number(const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return end != text && *end == '\0' && text[strspn(text, "0123456789+-.eE")] == '\0' &&
		isfinite(*value);
}

struct text_set_sorted {
	const char *text;
	double value;
	uint32_t number;
};

static int text_set_by_value(const void *a, const void *b)
{
	const struct text_set_sorted *left = a, *right = b;
	const int order = (left->value > right->value) - (left->value < right->value);

	return order ? order : strcmp(left->text, right->text);
}

static int text_set_by_bytes(const void *a, const void *b)
{
	const struct text_set_sorted *left = a, *right = b;

	return strcmp(left->text, right->text);
}

int text_set_places(const struct text_set *set, uint32_t *place)
{
	struct text_set_sorted *sorted = malloc((set->n + 1ull) * sizeof(*sorted));
	bool numbers = true;

	if (!sorted)
		return -ENOMEM;
	for (uint32_t i = 0; i < set->n; i++) {
		sorted[i].text = set->texts[i];
		sorted[i].number = i;
		numbers = text_set_number(set->texts[i], &sorted[i].value) && numbers;
	}
	qsort(sorted, set->n, sizeof(*sorted), numbers ? text_set_by_value : text_set_by_bytes);
	for (uint32_t i = 0; i < set->n; i++)
		place[sorted[i].number] = i;
	free(sorted);
	return 0;
}

int text_set_check(const char *what, const char *text, struct error *err)
{
	const char *at = text;
	char shown[48];
	size_t step;

	for (; (step = text_character(at)) != 0; at += step)
		;
	if (*at == '\0')
		return 0;
	snprintf(shown, sizeof(shown), "%.40s", text);
	text_clean(shown);
	return error_set(err, -EINVAL,
		(unsigned char)*at < ' ' || *at == 0x7f
			? "the %s '%s' has a line break or another control character in it"
			: "the %s '%s' is not UTF-8, which iconv makes of other files",
		what, shown);
}
