// SPDX-License-Identifier: BSD-3-Clause
// Whether an audit log is whole: its chain, the signatures of its checkpoints and of its head.
#pragma once

#include "base/error.h"

struct audit_verify {
	const char *path;   // a folder, or a file
	const char *key;    // of the public key; NULL: audit.pub in the folder
	const char *expect; // the hash of a line that must be there; NULL: none
};

// Prints what was found. A negative errno with a sentence where the log is not whole, or cannot be read.
int audit_verify(const struct audit_verify *request, struct error *err);
