// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/image.h"

#include "base/trust/image_keys.h"
#include "ctl/tool/output.h"
#include "ctl/tool/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int image_parse_isa(void *field, const char *text, struct error *err)
{
	struct model_options *options = field;

	options->isa_limited = true;
	return isa_parse(text, &options->isa_mask, err);
}

int image_parse_keys(void *field, const char *text, struct error *err)
{
	struct image_keys **keys = field;
	int rc;

	if (!tool_has_sodium())
		return error_set(err, -ENOSYS, "--key");
	if (!*keys)
		*keys = image_keys_create();
	rc = *keys ? image_keys_read(*keys, text, err)
		   : error_set(err, -ENOMEM, "no memory for keys");
	if (rc != 0) // of the file, not of the command line: command_parse() shows no usage then
		tool_refuse("%s", err->text);
	return rc;
}

int image_refuse(const struct model_options *options, const struct error *err)
{
	if (err->code == -ENOKEY && !options->keys)
		return tool_refuse(
			"%s: give its file where the command takes it, or decrypt the image first "
			"(martletctl model decrypt)",
			err->text);
	return tool_refuse("%s", err->text);
}

struct model *image_load(const char *path, const struct model_options *options)
{
	struct model *model;
	struct error err;

	if (!model_open_file(path, options, &model, &err))
		return model;
	image_refuse(options, &err);
	return NULL;
}

const char *image_isa_name(const struct model_options *options)
{
	const unsigned detected = isa_detected();

	return isa_name(options->isa_limited ? detected & options->isa_mask : detected);
}

void image_sha256_hex(const uint8_t digest[32], char hex[65])
{
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

json_t *image_string(const char *string)
{
	json_t *value = string ? json_string(string) : json_null();
	char *copy;

	if (value || !string || !(copy = strdup(string)))
		return value;
	for (unsigned char *c = (unsigned char *)copy; *c; c++)
		if (*c >= 0x80)
			*c = '?';
	value = json_string(copy);
	free(copy);
	return value;
}

json_t *image_strings(const char *const *strings, uint32_t n)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(array, image_string(strings[i]));
	return array;
}

void image_print_names(const char *what, const char *const *names, uint32_t n)
{
	char text[256];

	printf("%-10s %u", what, n);
	for (uint32_t i = 0; i < n; i++) {
		tool_copy_clean(text, sizeof(text), names[i]);
		printf("%s%s", i ? ", " : ": ", text);
	}
	printf("\n");
}

void image_print_report(const struct compile_report *report)
{
	for (size_t i = 0; i < report->n_lines; i++) {
		tool_clean(report->lines[i]);
		printf("%s\n", report->lines[i]);
	}
}

void image_print_info(const struct model_info *info)
{
	image_print_names("features", info->feature_names, info->n_features);
	image_print_names("outputs", info->output_names, info->n_outputs);
	if (info->n_class_labels > 0)
		image_print_names("classes", info->class_labels, info->n_class_labels);
}

int image_save(const char *path, void *image, size_t size, struct model **opened, struct error *err)
{
	// Which kernels are the fastest is not asked here, and to find out would take longer than all
	// the rest.
	const struct model_options options = { .no_timing = true };
	struct output output;
	int rc = output_open(&output, path, err);

	if (rc != 0) {
		free(image);
		return rc;
	}
	fwrite(image, 1, size, output.file); // a short write shows in output_finish()
	rc = output_finish(&output, err);
	free(image);
	if (rc != 0)
		return rc;
	rc = model_open_file(output.temporary, &options, opened, err);
	if (rc == 0)
		rc = model_check_golden(*opened, err);
	if (rc != 0) {
		error_prefix(
			err, "the image made does not pass its own check, %s is not written", path);
		output_abort(&output);
	} else {
		rc = output_commit(&output, err);
	}
	return rc;
}
