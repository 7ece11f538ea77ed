// SPDX-License-Identifier: BSD-3-Clause
// Findings about this machine. The checks read /proc and /sys below a root, so that tests can feed
// a tree of their own; nothing is changed and no daemon is needed.
#pragma once

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

#define DOCTOR_FINDINGS_MAX 96

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };
const char *doctor_level_name(enum doctor_level level); // "ok", "warn", "fail"

struct doctor_finding {
	const char *area; // "memory", "cpu", "nic", "configuration"
	const char *name; // "hugepages"
	enum doctor_level level;
	char text[256]; // what was found
	char fix[256];  // command line; "" where nothing is to be done
};

struct doctor {
	const char *root;            // "" for this machine
	const struct config *config; // NULL: none given
	unsigned isa;                // isa_detected()
	const char *isa_name;
	bool is_root;           // runs with uid 0
	uint64_t memlock_bytes; // RLIMIT_MEMLOCK, UINT64_MAX unlimited
	struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
	uint32_t n_findings;
};

void doctor_check_memory(struct doctor *doctor);
void doctor_check_cpu(struct doctor *doctor);
void doctor_check_nics(struct doctor *doctor);
void doctor_check_config(struct doctor *doctor); // needs doctor->config

// --- For the checks ------------------------------------------------------------------------------

// `fix` NULL: nothing to be done.
__attribute__((format(printf, 6, 7))) void doctor_find(struct doctor *doctor, const char *area,
	const char *name, enum doctor_level level, const char *fix, const char *format, ...);
// First bytes of a file below the root, newline at the end cut. False where it cannot be read;
// text is "" then.
bool doctor_read(const struct doctor *doctor, char *text, size_t size, const char *path);
bool doctor_read_number(const struct doctor *doctor, const char *path, uint64_t *n);
bool doctor_exists(const struct doctor *doctor, const char *path);
// Entries of a folder below the root that do not begin with '.', in order of name; at most `max`.
uint32_t doctor_list(const struct doctor *doctor, const char *path, char names[][64], uint32_t max);
// Last part of what a symbolic link points to.
bool doctor_link(const struct doctor *doctor, const char *path, char *name, size_t size);
// A CPU list ("0-3,8") holds `cpu`.
bool doctor_cpu_in(const char *list, uint32_t cpu);
