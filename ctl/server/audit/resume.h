// SPDX-License-Identifier: BSD-3-Clause
// The log as the last martletd left it: where it goes on. Blocks; at start only.
#pragma once

#include "base/error.h"
#include "base/trust/chain.h"

#include <stdbool.h>

struct audit;

struct audit_resumed {
	// What the first lines have to say. RECOVERED: a crash left `torn` bytes of a line; DAMAGED: lines that were
	// there, signed, are missing or were changed; CHAIN_KIND_COUNT: neither.
	enum chain_kind kind;
	uint64_t torn;
	char torn_hash[CHAIN_HEX_BYTES];
	char why[ERROR_TEXT_BYTES + 128];
	char note[256]; // what is to be known beside it; "": nothing
	bool begins_file;
};

// Sets what the audit knows of its last file and of its last line. Only the files from the last one on whose first line
// can be read are looked at; where nothing in them is signed, those before say whose the log is.
int audit_resume(struct audit *audit, struct audit_resumed *resumed, struct error *err);
