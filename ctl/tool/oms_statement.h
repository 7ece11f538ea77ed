// SPDX-License-Identifier: BSD-3-Clause
// What an OMS bundle (oms.h) says once its signature is right: which files the model has, with which hashes. A model of
// one file is named by its name alone, others by their path below the model's folder. Any thread.
#pragma once

#include "ctl/tool/oms.h"

enum oms_hash { OMS_SHA256, OMS_BLAKE2B };

struct oms_resource {
	const char *name; // of the file, or of a part of it: <name>:<start>:<end>
	uint8_t digest[64];
	uint64_t start, end; // of the part, where the statement is of parts
	size_t name_bytes;   // of the file's name
	bool is_checked;
};

struct oms_statement {
	json_t *json;
	const char *name;      // of the model, for people
	const json_t *ignored; // array of paths, part of `json`; NULL: there is none
	enum oms_hash hash;
	size_t digest_bytes;
	uint64_t shard_size;            // bytes of a part; 0: files as a whole
	struct oms_resource *resources; // [n], by name, then start
	size_t n;
};

// -EINVAL; -ENOTSUP for a hash or a predicate that is not read here.
int oms_statement_parse(const struct oms *oms, struct oms_statement *statement, struct error *err);
void oms_statement_fini(struct oms_statement *statement);

// Whether the file at `path` is one of the model's, unchanged: its resources are marked. Its name is what `path` ends with.
// -ENOENT: it is none; -EBADMSG: it is another; what reading it said.
int oms_statement_check_file(struct oms_statement *statement, const char *path, struct error *err);
// The same of an open file whose path below the model's folder is just `name`.
int oms_statement_check_open(
	struct oms_statement *statement, const char *name, int fd, struct error *err);
// Whether a path below the model's folder is, with all that is below it, no part of the model: what the statement says
// (ignore_paths), and git's own, which its reference implementation never signs.
bool oms_statement_ignores(const struct oms_statement *statement, const char *name);
// Whether all of the model's files were checked. -ENOENT names the first that was not.
int oms_statement_check_all(const struct oms_statement *statement, struct error *err);
