// SPDX-License-Identifier: BSD-3-Clause
// Reading /proc and /sys, below the doctor's root.
#pragma once

#include "ctl/tool/doctor_findings.h"

#include <stddef.h>

#define DOCTOR_NAME_BYTES 64 // of a file's name, its NUL included

// The first bytes of a file, without the newlines and blanks at the end. False where it cannot be
// read; text is "" then.
bool doctor_read(const struct doctor *doctor, char *text, size_t size, const char *path);
// A file that holds a number. False where it cannot be read or holds none.
bool doctor_read_number(const struct doctor *doctor, const char *path, uint64_t *n);
bool doctor_exists(const struct doctor *doctor, const char *path);
// Names in a folder that do not begin with '.', sorted; at most `max`. Returns how many.
uint32_t doctor_list(const struct doctor *doctor, const char *path, char names[][DOCTOR_NAME_BYTES],
	uint32_t max);
// The last part of what a symbolic link points to. False where there is no such link.
bool doctor_link(const struct doctor *doctor, const char *path, char *name, size_t size);
