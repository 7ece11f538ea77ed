// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_compress.h"

#include "base/caches.h"
#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/output.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"
#include "ctl/tool/watched.h"
#include "infer/learn/compress/compress.h"
#include "infer/learn/compress/compress_report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum compress_fits { FITS_ANY, FITS_L1, FITS_L2 };

struct compress {
	const char *model, *rows, *image, *report;
	struct dataset_options data;
	struct compress_options options;
	uint32_t fits;
};

static const struct option_entry COMPRESS[] = {
	{ NULL, 0, "MODEL", "the model: an image, or a file that model compile reads",
		OPTION_TO_TEXT(struct compress, model), .required = true },
	{ "rows", 0, "FILE", "rows with labels to train and to judge by: .csv, .npy or .f32",
		OPTION_TO_TEXT(struct compress, rows), .required = true },
	{ "output", 'o', "IMAGE", "where to write the image",
		OPTION_TO_TEXT(struct compress, image), .required = true },
	{ "max-ns", 0, "NS", "a row may take so many nanoseconds",
		OPTION_TO_DOUBLE(struct compress, options.max_ns, 0.001, 1e12) },
	{ "batch", 0, "1|16|64|256", "where so many are scored together (64)",
		OPTION_TO_CHOICE(struct compress, options.batch) },
	{ "max-bytes", 0, "N", "the image may have so many bytes",
		OPTION_TO_U64(struct compress, options.max_bytes, 1, OPTION_U64_MAX) },
	{ "fits", 0, "any|l1|l2", "the cache of this CPU that the weights must fit into (any)",
		OPTION_TO_CHOICE(struct compress, fits) },
	{ "max-f1-loss", 0, "X", "F1 may fall by so much on the rows held back (0.01)",
		OPTION_TO_DOUBLE(struct compress, options.max_loss, -1, 1) },
	{ "report", 0, "OUT", "draw all trials as SVG, for a browser",
		OPTION_TO_TEXT(struct compress, report) },
	{ "seconds", 0, "S", "the search ends after so many (120)",
		OPTION_TO_DOUBLE(struct compress, options.seconds, 0.1, 1e7) },
	{ "validation", 0, "SHARE", "of the rows that is held back to judge by (0.25)",
		OPTION_TO_DOUBLE(struct compress, options.held, 0.001, 0.999) },
	{ "seed", 0, "S", "of what is drawn (1)",
		OPTION_TO_U64(struct compress, options.seed, 0, OPTION_U64_MAX) },
	{ "threads", 0, "N", "of training (as many as there are CPUs)",
		OPTION_TO_U32(struct compress, options.threads, 1, 1024) },
	{ "name", 0, "N", "the image's name for the model (the same)",
		OPTION_TO_OWN(struct compress, options.name, command_parse_model) },
	DATASET_OPTIONS(struct compress, data),
	{ 0 },
};

// --- What was found --------------------------------------------------------------------------------

static const char *compress_mark(const struct compress_result *r, uint32_t i)
{
	if (i == r->chosen)
		return "chosen";
	if (r->trials[i].front)
		return r->trials[i].meets ? "front" : "front, over";
	return r->trials[i].meets ? "" : "over";
}

static void compress_print_table(const struct compress *compress, const struct compress_result *r)
{
	struct table table;

	TABLE_INIT(&table, "TRIAL", *r->figure == 'R' ? ">R2" : ">F1", ">NS/ROW", ">IMAGE",
		">WEIGHTS", "IS");
	for (uint32_t i = 0; i < r->n_trials; i++) {
		const struct compress_trial *trial = &r->trials[i];

		table_add(&table, "%s", trial->steps);
		table_add(&table, "%.4f", trial->figure);
		table_add(&table, "%.1f", trial->ns_per_row[compress->options.batch]);
		table_add(&table, "%s", format_bytes(trial->image_bytes).s);
		table_add(&table, "%s", format_bytes(trial->weights_bytes).s);
		table_add(&table, "%s", compress_mark(r, i));
	}
	table_print(&table, stdout, 0);
}

static int compress_print_text(const struct compress *compress, struct compile_report *report,
	const struct compress_result *r)
{
	const struct compress_trial *before = &r->trials[0], *after = &r->trials[r->chosen];
	const uint32_t batch = compress->options.batch;

	image_print_report(report);
	printf("%u trials at batch %u; steps had %s rows, %s were held back from them\n",
		r->n_trials, MODEL_BATCH_CLASS[batch], format_count(r->n_taught).s,
		format_count(r->n_held).s);
	compress_print_table(compress, r);
	if (r->interrupted || r->out_of_time)
		printf("%s: not all was tried\n", r->interrupted ? "interrupted" : "out of time");
	printf("%s: %s; %.3g x as fast, %.3g x as small\n", compress->image, after->steps,
		before->ns_per_row[batch] / after->ns_per_row[batch],
		(double)before->image_bytes / (double)after->image_bytes);
	printf("next: martletctl model push %s\n", compress->image);
	return TOOL_DONE;
}

static int compress_print_json(const struct compress *compress, struct compile_report *report,
	const struct compress_result *r)
{
	json_t *trials = json_array();

	for (uint32_t i = 0; i < r->n_trials; i++) {
		const struct compress_trial *trial = &r->trials[i];

		json_array_append_new(trials,
			json_pack("{s:o, s:f, s:f, s:I, s:I, s:b, s:b, s:b}", "steps",
				image_string(trial->steps), "figure", trial->figure, "ns_per_row",
				trial->ns_per_row[compress->options.batch], "image_bytes",
				(json_int_t)trial->image_bytes, "weights_bytes",
				(json_int_t)trial->weights_bytes, "front", (int)trial->front,
				"meets", (int)trial->meets, "chosen", (int)(i == r->chosen)));
	}
	return tool_print_json(json_pack("{s:o, s:s, s:i, s:I, s:I, s:b, s:b, s:o, s:o}", "image",
		image_string(compress->image), "figure", r->figure, "batch",
		(int)MODEL_BATCH_CLASS[compress->options.batch], "rows_taught",
		(json_int_t)r->n_taught, "rows_held_back", (json_int_t)r->n_held, "interrupted",
		(int)r->interrupted, "out_of_time", (int)r->out_of_time, "trials", trials, "report",
		image_strings((const char *const *)report->lines, (uint32_t)report->n_lines)));
}

static int compress_write_report(
	const struct compress *compress, const struct compress_result *result, struct error *err)
{
	struct output output;
	int rc;

	if (!compress->report)
		return 0;
	rc = output_open(&output, compress->report, err);
	if (rc != 0)
		return rc;
	compress_draw(output.file, compress->model, &compress->options, result);
	return output_commit(&output, err);
}

// --- The command -----------------------------------------------------------------------------------

// The bytes of the cache that --fits names.
static int compress_find_cache(struct compress *compress, struct error *err)
{
	struct caches caches;

	if (compress->fits == FITS_ANY)
		return 0;
	caches_read(NULL, &caches);
	compress->options.fits = compress->fits == FITS_L1 ? "l1" : "l2";
	compress->options.fits_bytes = caches.bytes[compress->fits - 1];
	if (compress->options.fits_bytes == 0)
		return error_set(err, -ENOENT,
			"--fits %s: the kernel does not say how big that cache is; --max-bytes is "
			"a bound "
			"of your own",
			compress->options.fits);
	return 0;
}

static int compress_search(struct compress *compress, struct compress_result *result)
{
	struct compile_report report = { 0 };
	struct watched watched;
	struct model *model = NULL;
	struct error err = { .text = "" };
	bool interrupted;
	void *image = NULL;
	size_t size = 0;
	int exit, rc = compress_find_cache(compress, &err);

	if (rc != 0)
		return tool_refuse("%s", err.text);
	watched_begin(&watched, "model compress", compress->image, NULL);
	rc = model_compress(compress->model, compress->rows, &compress->data, &compress->options,
		&watched.watch, &image, &size, result, &report, &err);
	if (rc == 0 || rc == -EDOM) {
		struct error drawing;

		if (result->n_trials > 0 && compress_write_report(compress, result, &drawing) != 0)
			tool_refuse("%s", drawing.text);
	}
	if (rc == 0)
		rc = image_save(compress->image, image, size, &model, &err);
	interrupted = watched_interrupted();
	watched_end(&watched);
	model_close(model);
	if (rc == 0) {
		exit = (tool.json ? compress_print_json : compress_print_text)(
			compress, &report, result);
		exit = exit == TOOL_DONE && interrupted ? TOOL_INTERRUPTED : exit;
	} else {
		if (rc == -EDOM && result->n_trials > 0 && !tool.json) {
			image_print_report(&report);
			compress_print_table(compress, result);
		}
		exit = tool_refuse("%s", err.text);
	}
	compile_report_fini(&report);
	return exit;
}

static int compress_check_outputs(const struct compress *compress, struct error *err)
{
	const struct output_other others[] = {
		{ "the model", compress->model },
		{ "the rows", compress->rows },
		{ "the labels", compress->data.labels_path },
		{ "the image", compress->image },
	};
	const int rc = output_check(compress->image, others, 3, err);

	return rc != 0 ? rc : output_check(compress->report, others, 4, err);
}

static int compress_run(const struct command *command, char **argv)
{
	struct compress compress = { .options = COMPRESS_DEFAULTS };
	struct compress_result *result;
	struct error err;
	int exit;

	if (!command_parse(command, argv, &compress, &exit))
		return exit;
	if (compress_check_outputs(&compress, &err) != 0)
		return tool_refuse("%s", err.text);
	result = calloc(1, sizeof(*result));
	if (!result)
		return tool_refuse("out of memory");
	exit = compress_search(&compress, result);
	free(result);
	return exit;
}

const struct command model_compress_command = {
	.words = "model compress",
	.summary = "search for the fastest way to decide as a model does, measured on this CPU",
	.entries = COMPRESS,
	.run = compress_run,
};
