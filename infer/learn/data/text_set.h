// SPDX-License-Identifier: BSD-3-Clause
// Different texts, numbered as they come, and found again: labels and categories while rows are read. Owner: one
// thread.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct text_set {
	char **texts; // [n]
	uint32_t n, capacity;
	uint32_t *slots; // [n_slots] number + 1, by hash; 0: free
	uint32_t n_slots;
};

void text_set_fini(struct text_set *set); // a zeroed one is fine
// The number of a text, which is added where it is not there yet, unless there are `most`. 0, -ENOMEM; -EFBIG:
// there are, and *number is `most`.
int text_set_add(struct text_set *set, const char *text, uint32_t most, uint32_t *number);
// The number of a text; n: it is not there.
uint32_t text_set_find(const struct text_set *set, const char *text);
// Is the text a decimal number? true, infinity and hexadecimal ones are none. *value is set
// where it is.
bool text_set_number(const char *text, double *value);
// place[i]: where text i stands among all, when they are sorted: as numbers where all are numbers, else by bytes.
// As scikit-learn's LabelEncoder and OrdinalEncoder do. -ENOMEM.
int text_set_places(const struct text_set *set, uint32_t *place);
// Refuses a text that no image can hold as it is, and that rows would not be matched with again: what is not UTF-8,
// or has a control character in it. `what` it is: "label". -EINVAL.
int text_set_check(const char *what, const char *text, struct error *err);
