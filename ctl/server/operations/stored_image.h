// SPDX-License-Identifier: BSD-3-Clause
// From the bytes of an image, as they were sent, lie in the store or in a file of the configuration, to a model:
// the one way there is, so that whatever is asked of such bytes is asked everywhere, and in the same order. They
// are read into memory once, and what was looked at is what is opened. Any thread, in an operation's turn: the
// configuration in force stays then.
//
//  1. stored_image_admit(): may they be believed? Nothing behind the image's header was looked at by then.
//  2. stored_image_open(), or stored_image_source().
#pragma once

#include "base/error.h"
#include "ctl/server/operations/accepted.h"
#include "ctl/server/operations/signature.h"
#include "infer/infer.h"

struct server;

struct stored_image {
	const void *bytes;
	size_t size;
	// The text of its signature, over these very bytes; NULL: there is none.
	const char *signature;
	size_t signature_size;
	// Which version of the model it is, or is to be, 0: not known yet; and the SHA-256 of the bytes.
	uint16_t version;
	const char *sha256;
	bool is_stored; // it came before, and lies in the store
};

// An image as a file, and the signature beside it: "<path>.minisig".
struct stored_image_file {
	void *bytes; // malloc'ed, 64-byte aligned
	size_t size;
	char *signature; // malloc'ed; NULL: there is none
	size_t signature_size;
};
// What reading them said; on an error both are NULL.
int stored_image_read_file(const char *path, struct stored_image_file *file, struct error *err);
void stored_image_file_fini(struct stored_image_file *file);

// Reads <version>.mlt.minisig into *text, malloc'ed and terminated; NULL: there is none. What reading it said, but for
// -ENOENT. Blocks, as store_read().
int stored_image_signature(const struct server *server, const char *model, uint16_t version,
	char **text, size_t *size, struct error *err);

// Whether the bytes may be used as an image of `model`, and who says so: the signature is what `trust` asks
// for, and not of an older version than was accepted before. Errors as signature_check()'s and accepted_check()'s.
// `accepted` (NULL: it is of no use) becomes what the store knows of the model; accepted_fini() it in any case.
int stored_image_admit(const struct server *server, const struct config_trust *trust,
	const char *model, const struct stored_image *image, struct signature_claim *claim,
	struct accepted *accepted, struct error *err);
// HTTP's status of what stored_image_admit() and model_open() refuse: 403 what is not trusted, else 422 or 5xx.
int stored_image_status(const struct error *err);

// Opens the model in them, which `trust` may want encrypted: model_open()'s errors.
int stored_image_open(const struct server *server, const struct config_trust *trust,
	const void *bytes, size_t size, const struct model_options *options, struct model **model,
	struct error *err);
// What it was compiled from: model_source()'s errors.
int stored_image_source(const struct server *server, const void *bytes, size_t size,
	struct model_source *source, struct error *err);
