// SPDX-License-Identifier: BSD-3-Clause
// Work on bytes of somebody who is not trusted, in a child process that can do nothing else: it has no files but those
// that it is given, no network, runs no program, and only so much memory and CPU time. Whatever becomes of it, this
// process goes on. What it hands back is as hostile as what it was given: it is to be checked as such.
//
// The bytes lie in this process's memory already, which the child shares until one of the two writes to it.
#pragma once

#include "base/error.h"
#include "base/sandbox/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SANDBOX_NAME_MAX 1024 // bytes of the name of a file that the child asks for, with the NUL

struct sandbox_child; // the child's end

struct sandbox {
	const char *doing; // what is done, for sentences: "reading net.onnx"
	struct sandbox_limits limits;
	// That all of it may take, by the clock: a child that waits takes no CPU time. 0: four times the CPU time, and a
	// minute.
	uint32_t seconds;
	// In the child: 0, or -errno with a sentence, which come back as they are.
	int (*work)(void *arg, struct sandbox_child *child, struct error *err);
	// In this process, for sandbox_ask(): a descriptor that is open for reading and that the child may have, or
	// -errno with a sentence. NULL: it may have none.
	int (*open)(void *arg, const char *name, struct error *err);
	void *arg;
	int keep[SANDBOX_KEEP_MAX]; // descriptors that the child may read; all others are closed there
	unsigned int n_keep;
};

// Does the work. *result is malloc'ed, at an address that is a multiple of 64, and holds what the child put there. 0,
// what the work said, or: -ENOMEM, -ETIME where it took more than the limits; -EFAULT where it crashed; -EPERM where it
// tried what is forbidden, or told this process what makes no sense; -ENOSYS, -EINVAL where the kernel cannot confine
// it: then nothing was done.
int sandbox_run(const struct sandbox *sandbox, void **result, size_t *size, struct error *err);

// The child's: adds to the result. -errno with a sentence.
int sandbox_put(struct sandbox_child *child, const void *bytes, size_t size, struct error *err);
// The child's: has a file opened for reading. The descriptor, or -errno with a sentence.
int sandbox_ask(struct sandbox_child *child, const char *name, struct error *err);
