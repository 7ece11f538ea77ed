// SPDX-License-Identifier: BSD-3-Clause
// What the doctor knows of this machine, and what it found. The checks only read, below a root so
// that tests can feed a tree of their own, and need no daemon.
#pragma once

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

#define DOCTOR_FINDINGS_MAX 96

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor_finding {
	const char *area; // "memory", "cpu", "nic", "trust", "configuration"
	const char *name; // "hugepages"
	enum doctor_level level;
	char text[256]; // what was found
	char fix[256];  // a command line; "" where nothing is to be done
};

struct doctor {
	const char *root;            // "" for this machine
	const struct config *config; // NULL: none given
	unsigned isa;                // what this CPU has, bits of enum isa
	bool is_root;                // runs with uid 0
	uint64_t memlock_bytes;      // RLIMIT_MEMLOCK; UINT64_MAX: unlimited
	struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
	uint32_t n_findings;
};

// Notes a finding; what is more than DOCTOR_FINDINGS_MAX is dropped. `fix` NULL: nothing to be done.
__attribute__((format(printf, 6, 7))) void doctor_find(struct doctor *doctor, const char *area,
	const char *name, enum doctor_level level, const char *fix, const char *format, ...);
// How many there are of a level.
uint32_t doctor_count(const struct doctor *doctor, enum doctor_level level);
const char *doctor_level_name(enum doctor_level level); // "ok", "warn", "fail"
