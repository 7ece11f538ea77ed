// SPDX-License-Identifier: BSD-3-Clause
// What a client wants of a model's deployment, and the record that this makes of the one before. Nothing is
// done here.
#pragma once

#include "base/error.h"
#include "ctl/server/models.h"

#include <stdbool.h>
#include <stdint.h>

#define WISH_KEY_BYTES 128

// What is not given stays as it is; version 0 ends a role.
struct wish {
	uint16_t id;   // 0: the one that the model has
	uint16_t live; // 0: as it is
	bool has_canary, has_shadow, has_pinned, has_permille, has_key, has_bounds;
	uint16_t canary, shadow, pinned[RECORD_PINNED_MAX];
	uint32_t n_pinned;
	uint16_t permille;
	char key[WISH_KEY_BYTES]; // a feature's name or index; "": the request's id
	struct bounds bounds;     // of the canary, those that are given
	bool force;               // a live version with another interface, too
};

// Fills `record` from the model's own and the wish. A canary or shadow that becomes live ends as such; live
// that changes by `wish` keeps the others. 0, or the HTTP status of what is wrong with it, and a sentence.
int wish_record(const struct models *models, const struct model_entry *entry,
	const struct wish *wish, struct record *record, struct error *err);

// A wish for what was live before: `to` as version, 0: the deployment before this one. Canary and shadow end.
int wish_back(const struct model_entry *entry, uint16_t to, struct wish *wish, struct error *err);

// Sets the key of the canary's share from a feature's name or index, once the model is known.
int wish_key(const struct wish *wish, const struct model_info *info, struct record *record,
	struct error *err);

// Says in `after` what it changes of `before`, as "live 2 to 3, canary ended".
void wish_say_change(const struct record *before, struct record *after);
