// SPDX-License-Identifier: BSD-3-Clause
// What the appliance knows of its models: stored versions, deployment, state. Control thread only.
#pragma once

#include "base/trust/minisign.h"
#include "ctl/server/store/record.h"
#include "infer/infer.h"

#define MODELS_MAX 1024

enum model_state { // Triton's names
	MODEL_STATE_UNAVAILABLE,
	MODEL_STATE_LOADING,
	MODEL_STATE_READY,
	MODEL_STATE_UNLOADING,
};
#define MODEL_STATES (MODEL_STATE_UNLOADING + 1)
const char *model_state_name(enum model_state state);

struct model_version {
	uint16_t version;
	size_t bytes;
	int64_t at;                 // when it was stored, in seconds since 1970; 0: not known
	struct model_source source; // kind "": not known
	char sha256[RECORD_SHA256_BYTES];
	// Who signed it, by the signature beside it in the store, and the signer's number; "" and 0: not known.
	char signed_by[MINISIGN_ID_TEXT];
	uint64_t signed_version;
	// The kernels that timing chose when this process first opened the version; NULL before.
	// The entry frees them.
	struct model_choices *choices;
};

// What deployment.json has to say, where it could not be made to: a refused change may be what a restart
// finds. recording.c's.
struct model_owed {
	bool is;
	void *text; // NULL: nothing, there is to be no such file
	size_t size;
	char why[ERROR_TEXT_BYTES];
};

// How many of its newest versions are kept; 0: all. Where it has none of its own, as the configuration says.
struct model_retention {
	bool is_own;
	uint32_t keep;
};

struct model_entry {
	char name[MODEL_NAME_MAX + 1];
	uint64_t serial;      // of all entries that there ever were: another model may get its name
	struct record record; // id 0: never deployed
	bool is_damaged; // there is a record that cannot be read, as `reason` says: `record` is empty
	bool is_later; // ... since a later martletd wrote it: it stays as it is, and so nothing is changed
	enum model_state state;
	char reason[ERROR_TEXT_BYTES]; // why not READY; "" otherwise
	struct model_owed owed;
	struct model_retention retention;
	struct model_version *versions; // [n_versions], rising
	uint32_t n_versions;
};

struct models {
	struct model_entry **entries; // [n], in order of name
	uint32_t n;
	uint64_t n_ever;
};

void models_fini(struct models *models);
struct model_entry *models_find(const struct models *models, const char *name);
struct model_entry *models_find_id(const struct models *models, uint16_t id);
// The name most like one that is not there; NULL: none is alike.
const char *models_nearest(const struct models *models, const char *name);
// The model's entry, made where there is none. NULL without memory, or where MODELS_MAX are there.
struct model_entry *models_get(struct models *models, const char *name);
// Removes an entry that holds nothing any more: no version, no deployment, nothing owed.
void models_drop_empty(struct models *models, struct model_entry *entry);

// What clients are told of its state: why it is not READY, or what is owed to the store; "" otherwise.
const char *model_entry_reason(const struct model_entry *entry);
// NULL where the model has no such version.
struct model_version *model_entry_version(const struct model_entry *entry, uint16_t version);
// Adds a version that is not there yet, in its order. -ENOMEM.
int model_entry_add(struct model_entry *entry, const struct model_version *version);
void model_entry_remove(struct model_entry *entry, uint16_t version);
