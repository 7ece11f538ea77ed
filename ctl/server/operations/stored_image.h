// SPDX-License-Identifier: BSD-3-Clause
// From the bytes of an image, as they were sent, lie in the store or in a file of the configuration, to a model:
// the one way there is, so that whatever is asked of such bytes is asked everywhere, and in the same order. They
// are read into memory once, and what was looked at is what is opened. Any thread, in an operation's turn: the
// configuration in force stays then.
#pragma once

#include "base/error.h"
#include "infer/infer.h"

struct server;

// Opens the model in them: model_open()'s errors.
int stored_image_open(const struct server *server, const void *bytes, size_t size,
	const struct model_options *options, struct model **model, struct error *err);
// What it was compiled from: model_source()'s errors.
int stored_image_source(const struct server *server, const void *bytes, size_t size,
	struct model_source *source, struct error *err);
