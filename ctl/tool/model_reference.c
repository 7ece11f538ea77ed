// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_reference.h"

#include "base/file.h"
#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/model_rows.h"
#include "ctl/tool/output.h"
#include "ctl/tool/tool.h"

#include <stdio.h>
#include <stdlib.h>

#define IMAGE_BYTES_MAX ((size_t)1 << 31)

struct reference {
	const char *image, *rows, *output;
	struct rows_options how;
	uint32_t n_bins;
};

static int reference_write(const char *path, const void *image, size_t size, struct error *err)
{
	struct output output;
	int rc = output_open(&output, path, err);

	if (rc != 0)
		return rc;
	fwrite(image, 1, size, output.file); // a short write shows in output_commit()
	return output_commit(&output, err);
}

// The image of `reference` with the rows' histograms, written.
static int reference_make(
	const struct reference *reference, const struct rows *rows, struct error *err)
{
	const struct model_reference_rows values = {
		.values = rows->values, .n_rows = rows->n_rows, .n_bins = reference->n_bins
	};
	void *image = NULL, *made = NULL;
	size_t size, made_size;
	int rc = file_read(reference->image, IMAGE_BYTES_MAX, &image, &size, err);

	if (rc == 0)
		rc = model_refer(image, size, &values, &made, &made_size, err);
	free(image);
	if (rc == 0)
		rc = reference_write(reference->output, made, made_size, err);
	free(made);
	return rc;
}

static int reference_report(
	const struct reference *reference, const struct model_info *info, const struct rows *rows)
{
	if (tool.json)
		return tool_print_json(json_pack("{s:o, s:o, s:I, s:o}", "model",
			image_string(info->name), "rows_file", image_string(reference->rows),
			"rows", (json_int_t)rows->n_rows, "image",
			image_string(reference->output)));
	printf("%s: %s with %s rows of %s as its reference\n", reference->output, info->name,
		format_count(rows->n_rows).s, reference->rows);
	return TOOL_DONE;
}

static const struct option_entry REFERENCE[] = {
	COMMAND_IMAGE(struct reference),
	{ NULL, 0, "ROWS", "rows as the model was trained with: .csv, .npy or .f32",
		OPTION_TO_TEXT(struct reference, rows), .required = true },
	{ "output", 'o', "OUT", "where to write the image with the rows' histograms",
		OPTION_TO_TEXT(struct reference, output), .required = true },
	{ "bins", 0, "N", "quantiles of a column of numbers (10)",
		OPTION_TO_U32(struct reference, n_bins, 2, MODEL_REFERENCE_BINS_MAX) },
	ROWS_OPTIONS(struct reference, how),
	{ 0 },
};

static int reference_run(const struct command *command, char **argv)
{
	static const struct model_options options = { .no_timing = true };
	struct reference reference = { 0 };
	struct rows rows = { 0 };
	struct model *model;
	struct error err;
	int exit, rc;

	if (!command_parse(command, argv, &reference, &exit))
		return exit;
	model = image_load(reference.image, &options);
	if (!model)
		return TOOL_REFUSED;
	rc = model_rows_read(model_info(model), reference.rows, &reference.how, &rows, &err);
	if (rc == 0)
		rc = reference_make(&reference, &rows, &err);
	exit = rc != 0 ? tool_refuse("%s", err.text)
		       : reference_report(&reference, model_info(model), &rows);
	rows_fini(&rows);
	model_close(model);
	return exit;
}

const struct command model_reference_command = {
	.words = "model reference",
	.summary = "give an image the rows that those in service are compared with",
	.entries = REFERENCE,
	.run = reference_run,
};
