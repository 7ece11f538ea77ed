// SPDX-License-Identifier: BSD-3-Clause
// Reads a libconfig group into a struct by a table of keys. Unknown and missing keys, wrong types
// and values out of range are refused here and nowhere else, with "file:line: key: ..., ...".
//
// Private to config/. One thread; nothing is kept.
#pragma once

#include "config/config.h"

#include <libconfig.h>
#include <stddef.h>

enum key_type {
	KEY_U16,
	KEY_U32,
	KEY_BOOL,
	KEY_STRING, // min..max bytes without the NUL, room: sizeof the field
	KEY_NAME,   // as KEY_STRING, of letters, digits and "_.-", the first one a letter or digit
	KEY_CHOICE, // one of `choices`; stored as its index in an enum
	KEY_ISA,    // one of `choices`; stored as the string
	KEY_CPU,    // uint32_t
	KEY_CPUS,   // array of KEY_CPU; the count is stored at `count_offset`
	KEY_ADDRESSES, // array of struct config_address, likewise
};

struct key {
	const char *name;
	enum key_type type;
	size_t offset;
	size_t count_offset;
	uint64_t min, max; // value, bytes or elements
	size_t room;
	const char *const *choices; // ends in NULL
	bool required;
	uint64_t otherwise; // default of numbers, booleans and choices
	const char *otherwise_text;
	const char *help; // what belongs here, for the operator; completes "... is missing: "
};

struct key_group {
	const char *name;
	bool required;
	const struct key *keys;
	size_t n_keys;
	const char *help;
};

// What is being read, for messages.
struct reader {
	const char *path;
	struct error *err;
};

// -EINVAL with "file:line: " (of `setting`) before the sentence.
__attribute__((format(printf, 3, 4))) int reader_refuse(
	const struct reader *reader, const config_setting_t *setting, const char *format, ...);

// Fills the fields of `base` from `setting` (NULL: defaults only; `parent` then gives the line).
// `where` names the group in messages: "lcores", "ports[0]".
int group_read(const struct reader *reader, const config_setting_t *parent,
	const config_setting_t *setting, const struct key_group *group, const char *where,
	void *base);

// Refuses children of `parent` whose names are not in names[n].
int names_check(const struct reader *reader, const config_setting_t *parent, const char *where,
	const char *const *names, size_t n);

// Refuses a list that is not one, or holds more than `max` groups; NULL is an empty list.
int list_check(
	const struct reader *reader, const config_setting_t *list, const char *where, uint32_t max);

// One value by its key.
int value_read(const struct reader *reader, const config_setting_t *value, const struct key *key,
	const char *where, void *base);
