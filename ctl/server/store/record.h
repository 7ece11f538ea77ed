// SPDX-License-Identifier: BSD-3-Clause
// deployment.json: what of a model is in service, and what was before.
//     {"id": 7, "live": 3, "previous": [2, 1], "loaded": true}
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_PREVIOUS_MAX 16

struct record {
	uint16_t id;                            // on the wire; 0: never deployed
	uint16_t live;                          // the version in service
	uint16_t previous[RECORD_PREVIOUS_MAX]; // newest first
	uint32_t n_previous;
	bool loaded; // false: unloaded by the operator, and to stay so after a restart
};

// -EINVAL for anything but an object of these four, each number from 1 to 65535.
int record_parse(const void *text, size_t size, struct record *record, struct error *err);
// malloc'ed text, NULL without memory.
char *record_format(const struct record *record);

// Makes `version` live; what was live becomes the first of the previous ones.
void record_promote(struct record *record, uint16_t version);
// Forgets `version` among the previous ones; true if it was there.
bool record_forget(struct record *record, uint16_t version);
