// SPDX-License-Identifier: BSD-3-Clause
// martletctl model compile: a foreign model file to an image.
#include "ctl/tool/args.h"
#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/output.h"
#include "ctl/tool/tool.h"

#include <stdlib.h>
#include <string.h>

// Writes the image under a temporary name, opens it from there as the appliance would and checks
// its golden rows; only then it gets its name. *opened is for model_close().
static int write_checked(
	const char *path, const void *image, size_t size, struct model **opened, struct error *err)
{
	struct output output;
	int rc = output_open(&output, path, err);

	if (rc)
		return rc;
	fwrite(image, 1, size, output.file); // a short write shows in output_finish()
	rc = output_finish(&output, err);
	if (rc)
		return rc;
	rc = model_open_file(output.temporary, NULL, opened, err);
	if (!rc)
		rc = model_check_golden(*opened, err);
	if (rc) {
		error_prefix(
			err, "the image made does not pass its own check, %s is not written", path);
		output_abort(&output);
	} else {
		rc = output_commit(&output, err);
	}
	return rc;
}

static int print_json(
	const char *path, const struct compile_report *report, const struct model_info *info)
{
	return tool_print_json(json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:i}", "image",
		image_string(path), "report",
		image_strings((const char *const *)report->lines, (uint32_t)report->n_lines),
		"features", image_strings(info->feature_names, info->n_features), "outputs",
		image_strings(info->output_names, info->n_outputs), "class_labels",
		image_strings(info->class_labels, info->n_class_labels), "image_bytes",
		(json_int_t)report->image_bytes, "weights_bytes", (json_int_t)report->weights_bytes,
		"scratch_bytes", (json_int_t)report->scratch_bytes, "golden_rows",
		(int)info->n_golden));
}

static int print_text(
	const char *path, const struct compile_report *report, const struct model_info *info)
{
	for (size_t i = 0; i < report->n_lines; i++) {
		tool_clean(report->lines[i]);
		printf("%s\n", report->lines[i]);
	}
	image_print_names("features", info->feature_names, info->n_features);
	image_print_names("outputs", info->output_names, info->n_outputs);
	if (info->n_class_labels > 0)
		image_print_names("classes", info->class_labels, info->n_class_labels);
	printf("%s: %s (weights %s, scratch for one row %s), opened again, golden rows that agree: "
	       "%u\n",
		path, format_bytes(report->image_bytes).s, format_bytes(report->weights_bytes).s,
		format_bytes(report->scratch_bytes).s, info->n_golden);
	return TOOL_DONE;
}

static int compile(const char *source, const char *path, const struct compile_options *options)
{
	struct compile_report report = { 0 };
	struct model *model = NULL;
	struct error err;
	void *image = NULL;
	size_t size = 0;
	int code;

	if (model_compile(source, options, &image, &size, &report, &err))
		code = tool_refuse("%s", err.text);
	else if (write_checked(path, image, size, &model, &err))
		code = tool_refuse("%s", err.text);
	else
		code = (tool.json ? print_json : print_text)(path, &report, model_info(model));
	model_close(model);
	compile_report_fini(&report);
	free(image);
	return code;
}

int model_compile_command(int argc, char **argv)
{
	struct compile_options compile_options = { 0 };
	const char *out = NULL, *weights = "f32";
	const struct args_option options[] = {
		{ .name = "output", .letter = 'o', .value = &out },
		{ .name = "name", .value = &compile_options.name },
		{ .name = "rows", .value = &compile_options.rows_path },
		{ .name = "classes", .value = &compile_options.class_labels },
		{ .name = "features", .value = &compile_options.feature_names },
		{ .name = "outputs", .value = &compile_options.outputs },
		{ .name = "weights", .value = &weights },
		{ 0 },
	};
	struct args args = { .options = options, .n_min = 1, .n_max = 1 };

	if (!args_parse(&args, argc, argv))
		return args.exit;
	if (!out)
		return tool_misused("model compile wants -o IMAGE: where to write the image");
	if (compile_options.name && !args_model_name(compile_options.name))
		return TOOL_USAGE;
	if (strcmp(weights, "bf16") == 0)
		compile_options.weights = WEIGHTS_BF16;
	else if (strcmp(weights, "f32") != 0)
		return tool_misused("--weights is '%s', should be f32 or bf16", weights);
	return compile(args.word[0], out, &compile_options);
}
