// SPDX-License-Identifier: BSD-3-Clause
// What is another in one configuration than in another, key by key, and what of it martletd can take over
// while it runs. Groups of a list are told apart by what names them (a port or model by its name, a listener
// by its address), wherever they stand. Any thread.
#pragma once

#include "config/settings.h"

#include <stdbool.h>
#include <stddef.h>

struct config_change {    // its texts are of use while it is visited
	const char *key;  // "control.idle_seconds", "control.http[127.0.0.1:7798].serves"
	const char *now;  // as it is written in a file; "-": there is none
	const char *then; // likewise
	bool is_live;     // can be taken over
	const char *why;  // not; "" where it can
};
typedef void config_visit(void *arg, const struct config_change *change);

// Visits each key that has another value in `then` than in `now`. Returns how many there are.
size_t config_changes(
	const struct config *now, const struct config *then, config_visit *visit, void *arg);
// The same of all keys.
size_t config_keys(const struct config *now, config_visit *visit, void *arg);

// Takes what can be taken over from `from`. Models are added, never taken away.
void config_take_live(struct config *to, const struct config *from);
// Whether `config` has a model of that name.
bool config_has_model(const struct config *config, const char *name);
