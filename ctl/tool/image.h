// SPDX-License-Identifier: BSD-3-Clause
// What the offline commands on models share: --isa and --exact, opening an image under them, and
// facts as JSON and text.
#pragma once

#include "base/options.h"
#include "infer/infer.h"

#include <jansson.h>
#include <stdint.h>

// The entries of --isa and --exact; `member` of the struct `type` is a struct model_options.
#define IMAGE_KERNELS(type, member)                                                                \
	{ "isa", 0, "ISA",                                                                         \
		"the most that kernels may use: scalar, avx2, avx512, avx512vnni, amx or native",  \
		OPTION_TO_OWN(type, member, image_parse_isa) },                                    \
	{                                                                                          \
		"exact", 0, NULL,                                                                  \
			"a row has the same bits in batches of any size, as martletd's "           \
			"infer.exact has it",                                                      \
			OPTION_TO_FLAG(type, member.exact)                                         \
	}
int image_parse_isa(void *field, const char *text, struct error *err);

// The entry of --key, for encrypted images; `member` of the struct `type` is a const struct image_keys *.
#define IMAGE_KEY(type, member)                                                                    \
	{                                                                                          \
		"key", 0, "FILE", "a file with the key that the image is encrypted with",          \
			OPTION_TO_OWN(type, member, image_parse_keys)                              \
	}
// Reads a file of keys into those that *field, a struct image_keys *, points to, which are made where it is NULL. They
// live as long as the process. What is wrong with the file is said.
int image_parse_keys(void *field, const char *text, struct error *err);

// Prints why an image could not be opened under these options; of one whose key was not given, what to do. TOOL_REFUSED.
int image_refuse(const struct model_options *options, const struct error *err);
// Opens the image. Returns NULL after printing why not.
struct model *image_load(const char *path, const struct model_options *options);
// Writes an image that was made here: under a temporary name first, from where it is opened as the appliance would
// and its golden rows are checked. Only then does it get its name. The image is freed in any case, as soon as it is
// written: to open a big one takes memory. The caller closes *opened. 0 or a negative errno.
int image_save(
	const char *path, void *image, size_t size, struct model **opened, struct error *err);
// The name of the highest instruction set that kernels may use: what was asked, as far as this CPU
// has it.
const char *image_isa_name(const struct model_options *options);
// Lower-case hexadecimal of a SHA-256.
void image_sha256_hex(const uint8_t digest[32], char hex[65]);
// Array of strings; bytes that are not UTF-8 become '?'.
json_t *image_strings(const char *const *strings, uint32_t n);
json_t *image_string(const char *string); // NULL: null
// Prints a line: what, how many, and their names.
void image_print_names(const char *what, const char *const *names, uint32_t n);
// Prints the lines of a report: what compiling, or a command that ends in it, did. They may hold a foreign file's
// bytes.
void image_print_report(const struct compile_report *report);
// Prints the features, outputs and classes of a model.
void image_print_info(const struct model_info *info);
