// SPDX-License-Identifier: BSD-3-Clause
// What the trusted comment of an image's signature says of it, in minisign's own way: words NAME:VALUE between
// blanks or tabs. "timestamp:1764398000	file:lab.mlt	hashed	model:lab	version:7": the image is
// version 7 of model lab. Other words say nothing here. Any thread.
#pragma once

#include "base/error.h"
#include "base/name.h"

#include <stddef.h>
#include <stdint.h>

#define SIGNED_VERSION_MAX INT64_MAX

struct signed_comment {
	char model[NAME_BYTES_MAX + 1];
	uint64_t version; // from 1
};

// -EINVAL where the model or the version is missing, there twice, or no model's name and no number from 1 on.
int signed_comment_parse(const char *text, struct signed_comment *comment, struct error *err);
// `file` may be any text: what would read as another word in it becomes '_'. -ENAMETOOLONG.
int signed_comment_format(const struct signed_comment *comment, const char *file, int64_t timestamp,
	char *text, size_t size, struct error *err);
