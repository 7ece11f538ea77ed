// SPDX-License-Identifier: BSD-3-Clause
// The files of an audit log in its folder: each is named by its first line, as "000000000001.jsonl", and they follow
// one another as their lines do. Blocks; any thread.
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define CHAIN_ENDING     ".jsonl"
#define CHAIN_NAME_BYTES 32 // of a file's name, with its NUL

struct chain_files {
	uint64_t *first; // ascending
	size_t n;
};

void chain_file_name(uint64_t first, char name[CHAIN_NAME_BYTES]);
// Those in the open folder `folder`; what has another name is none. `path` is what sentences call the folder.
int chain_files_list(int folder, const char *path, struct chain_files *out, struct error *err);
void chain_files_free(struct chain_files *files); // {NULL, 0} is fine
// Reads one from `offset` on, up to `most` bytes or its end, and gives the bytes on in pieces. take() returns 0 or a
// code that ends it, with a sentence. What it returned, or what opening or reading the file said.
int chain_file_read(int folder, const char *path, uint64_t first, uint64_t offset, uint64_t most,
	int (*take)(void *arg, const char *bytes, size_t size, struct error *err), void *arg,
	struct error *err);
// The same of a file by itself, wherever it is.
int chain_file_read_alone(const char *path,
	int (*take)(void *arg, const char *bytes, size_t size, struct error *err), void *arg,
	struct error *err);
