// SPDX-License-Identifier: BSD-3-Clause
// What the offline model commands share: opening an image under --isa, and facts as JSON.
#pragma once

#include "infer/infer.h"

#include <jansson.h>

// Opens `path` under the cap `isa` (NULL: native). NULL after saying why not; *exit is then the
// command's exit code.
struct model *image_load(const char *path, const char *isa, int *exit);
// The kernels' cap as it came out: what was asked, as far as this CPU has it.
const char *image_isa(const char *isa);
// Lower-case hexadecimal of a SHA-256.
void image_sha256_hex(const uint8_t digest[32], char hex[65]);
// Array of strings; bytes that are not UTF-8 become '?'.
json_t *image_strings(const char *const *strings, uint32_t n);
json_t *image_string(const char *string);
// A line of text: what, how many, and their names.
void image_print_names(const char *what, const char *const *names, uint32_t n);
