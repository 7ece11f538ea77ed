// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/keep.h"

#include "ctl/server/operations/operation.h"
#include "ctl/server/store/store.h"

#include <string.h>

// --- Taken back ----------------------------------------------------------------------------------

static void keep_taken_back(struct operation *op)
{
	const struct error removal = op->err;

	op->err = op->keeping.failed;
	if (removal.code)
		error_set(&op->err, op->keeping.failed.code,
			"%.400s; nor can what there is of it be removed: a restart may find it",
			op->keeping.failed.text);
	op->keeping.then(op);
}

static void keep_remove_signature(struct operation *op)
{
	char file[STORE_FILE_MAX];

	store_signature_file(file, op->version);
	if (op->err.code || store_written_at(op->server->store, op->model, file) == 0)
		keep_taken_back(op);
	else
		operation_remove(op, file, keep_taken_back);
}

// It may be there under its name: what is refused is not to come back. An image that was there before keeps
// whichever of the two signatures it has now.
static void keep_failed(struct operation *op, bool has_begun_image)
{
	char file[STORE_FILE_MAX];

	op->keeping.failed = op->err;
	if (!op->keeping.is_image) {
		error_set(&op->err, op->keeping.failed.code,
			"%.400s; which signature a restart finds is not known",
			op->keeping.failed.text);
		op->keeping.then(op);
		return;
	}
	memset(&op->err, 0, sizeof(op->err));
	store_image_file(file, op->version);
	if (has_begun_image)
		operation_remove(op, file, keep_remove_signature);
	else
		keep_remove_signature(op);
}

// --- Written -------------------------------------------------------------------------------------

static void keep_image_written(struct operation *op)
{
	if (op->err.code)
		keep_failed(op, true);
	else
		op->keeping.then(op);
}

static void keep_accepted_written(struct operation *op)
{
	char file[STORE_FILE_MAX];

	if (op->err.code) {
		keep_failed(op, false);
	} else if (op->keeping.is_image) {
		store_image_file(file, op->version);
		operation_write(op, file, keep_image_written);
	} else {
		op->keeping.then(op);
	}
}

static void keep_signature_written(struct operation *op)
{
	if (op->err.code)
		keep_failed(op, false);
	else if (op->keeping.accepted)
		operation_write_bytes(op, STORE_ACCEPTED, op->keeping.accepted,
			strlen(op->keeping.accepted), keep_accepted_written);
	else
		keep_accepted_written(op);
}

// What STORE_ACCEPTED is to say. False without memory.
static bool keep_make_accepted(struct operation *op)
{
	const struct model_entry *entry = models_find(&op->server->models, op->model);
	struct accepted_version version = { .version = op->version, .number = op->claim.version };

	if (!op->claim.is_good)
		return true;
	memcpy(version.sha256, op->stored.sha256, sizeof(version.sha256));
	if (accepted_add(&op->accepted, &version, entry) == 0)
		op->keeping.accepted = accepted_format(&op->accepted);
	return op->keeping.accepted;
}

static void keep_begin(struct operation *op)
{
	char file[STORE_FILE_MAX];

	store_signature_file(file, op->version);
	memset(&op->err, 0, sizeof(op->err));
	if (!keep_make_accepted(op)) {
		error_set(&op->err, -ENOMEM, "no memory to write " STORE_ACCEPTED);
		op->keeping.then(op);
	} else if (op->signature) {
		operation_write_bytes(
			op, file, op->signature, op->signature_size, keep_signature_written);
	} else if (store_written_at(op->server->store, op->model, file)) {
		// Another image's of that number, which could not be removed with it.
		operation_remove(op, file, keep_signature_written);
	} else {
		keep_signature_written(op);
	}
}

void keep_image(struct operation *op, void (*then)(struct operation *op))
{
	op->keeping = (struct keeping){ .then = then, .is_image = true };
	keep_begin(op);
}

void keep_signature(struct operation *op, void (*then)(struct operation *op))
{
	op->keeping = (struct keeping){ .then = then };
	keep_begin(op);
}
