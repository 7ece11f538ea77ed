// SPDX-License-Identifier: BSD-3-Clause
// One value of the configuration, read by its key: wrong types and values out of range are refused
// here and nowhere else, with "file:line: key: ..., ...". Private to config/; nothing is kept.
#pragma once

#include "config/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum key_type {
	KEY_U16,
	KEY_U32,
	KEY_U32_AUTO, // the same, or "auto", which is 0
	KEY_REAL,     // a number between `least` and `most`, stored as a double
	KEY_BOOL,
	KEY_STRING, // min to max bytes without the NUL; `field_bytes` is the size of the field
	KEY_NAME,   // the same, and a name (base/name.h)
	KEY_CHOICE, // one of `choices`; stored as its index in an enum
	KEY_CHOICES, // array of some of `choices`; stored as bits, each 1 << its index, in a uint32_t
	KEY_ISA,     // one of `choices`; stored as the string
	KEY_CPU,     // uint32_t
	KEY_CPUS,    // array of KEY_CPU; the count is stored at `count_offset`
	KEY_ADDRESSES, // array of struct config_address, likewise
	KEY_TEXTS,     // array of strings, each in `field_bytes`; likewise
	KEY_LISTEN,    // struct config_listen
	KEY_GROUP,     // a group, which config.c reads
	KEY_GROUPS,    // a list of groups, counted likewise; config.c reads it
	KEY_VLANS,     // array of CONFIG_VLAN(), counted likewise; none for "any"
};

struct key {
	const char *name;
	enum key_type type;
	size_t offset;       // of the field in the struct that the group fills
	size_t count_offset; // of the field that counts the elements of an array
	uint64_t min, max;   // of the value, its bytes or its elements
	double least, most, otherwise_real;
	size_t field_bytes;         // bytes of a field that holds a string
	const char *const *choices; // ends in NULL
	bool required;
	bool live;          // martletd takes another value over while it runs
	uint64_t otherwise; // default of numbers, booleans and choices
	const char *otherwise_text;
	const char *help; // what belongs here, for the operator; completes "... is missing: "
};

// Writes `value` into the field of `base` that `key` names. `where` names the group in messages:
// "lcores", "ports[0]". -EINVAL.
int value_read(const struct reader *reader, const config_setting_t *value, const struct key *key,
	const char *where, void *base);
