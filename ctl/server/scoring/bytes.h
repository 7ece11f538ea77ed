// SPDX-License-Identifier: BSD-3-Clause
// Bytes that grow as an answer is written. Where memory is out, or there are BYTES_MAX, `failed` is set and
// what follows is left out: who writes asks bytes_check() once, at the end. Owner: one thread.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BYTES_MAX ((size_t)288 << 20) // SCORING_VALUES_MAX numbers in JSON have less

struct bytes {
	char *at; // malloc'ed
	size_t size, capacity;
	bool failed, is_full;
};

void bytes_fini(struct bytes *bytes);
// 0, or the sentence why an answer is not whole: -ENOMEM; -E2BIG, beyond BYTES_MAX.
int bytes_check(const struct bytes *bytes, struct error *err);
// `size` more bytes, for the caller to write; NULL where memory is out.
void *bytes_grow(struct bytes *bytes, size_t size);
void bytes_add(struct bytes *bytes, const void *data, size_t size);
void bytes_add_text(struct bytes *bytes, const char *text);
void bytes_add_u64(struct bytes *bytes, uint64_t value);
// A finite float as JSON has it, with the digits that give the same float back.
void bytes_add_float(struct bytes *bytes, float value);
// A string of JSON, quotes and all. What is no UTF-8 in it becomes U+FFFD.
void bytes_add_string(struct bytes *bytes, const char *text, size_t size);
