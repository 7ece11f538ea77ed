// SPDX-License-Identifier: BSD-3-Clause
// Groups of keys: unknown and missing ones are refused, defaults filled in, values read by
// values.h. Private to config/; nothing is kept. All return 0, or -EINVAL with a sentence.
#pragma once

#include "config/values.h"

struct key_group {
	const char *name;
	bool required;
	const struct key *keys;
	size_t n_keys;
	const char *help;
	const char *why_restart; // a key of it that is not live takes a restart, as a clause
};

// Fills the fields of `base` from `setting`; where that is NULL, with the defaults, and messages
// then give the line of `parent`. `where` names the group in messages: "lcores", "ports[0]".
int keys_read_group(const struct reader *reader, const config_setting_t *parent,
	const config_setting_t *setting, const struct key_group *group, const char *where,
	void *base);

// Refuses children of `parent` whose names are not in names[n].
int keys_check_names(const struct reader *reader, const config_setting_t *parent, const char *where,
	const char *const *names, size_t n);

// Refuses a list that is not one, or holds more than `max` groups; NULL is an empty list.
int keys_check_list(
	const struct reader *reader, const config_setting_t *list, const char *where, uint32_t max);
