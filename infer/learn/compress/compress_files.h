// SPDX-License-Identifier: BSD-3-Clause
// Files of a search: images between two steps, and the rows that teach, which are the only ones that steps see.
//
// Owner: the caller, one thread.
#pragma once

#include "base/leftovers.h"
#include "infer/learn/judge/exam.h"

#include <limits.h>

struct compress_files {
	char folder[PATH_MAX]; // below TMPDIR; "": there is none
	char rows[PATH_MAX], labels[PATH_MAX];
	char stem[NAME_MAX + 1]; // what images are called
	char weight[16];
	struct dataset_options read; // of the rows that teach
	uint32_t n;                  // images
	struct leftover leftover;    // all of them
};

// Makes a folder of our own, which a signal that ends the process takes away. `model` names the images; `files` is zeroed,
// and stays where it is. A negative errno.
int compress_files_begin(struct compress_files *files, const char *model, struct error *err);
// Writes the rows that teach, and fills files->read.
int compress_files_teach(struct compress_files *files, const struct exam *exam, struct error *err);
// Writes an image, the next one; its number is the place of its trial.
int compress_files_add(
	struct compress_files *files, const void *image, size_t size, struct error *err);
// The path of image number `n`, in path[PATH_MAX].
void compress_files_path(const struct compress_files *files, uint32_t n, char *path);
// All files and the folder go. A zeroed one is fine.
void compress_files_end(struct compress_files *files);
