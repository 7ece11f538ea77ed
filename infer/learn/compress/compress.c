// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/compress/compress.h"

#include "base/clock.h"
#include "infer/compile/compile.h"
#include "infer/compile/load.h"
#include "infer/graph/arena.h"
#include "infer/graph/lineage.h"
#include "infer/learn/compress/compress_choose.h"
#include "infer/learn/compress/compress_files.h"
#include "infer/learn/compress/compress_steps.h"
#include "infer/learn/data/fill.h"
#include "infer/learn/judge/exam.h"
#include "infer/model_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIAL_SHARE  4    // of the time that is left: one trial may take a quarter
#define HALVINGS     2    // between a share that keeps to the loss and one that does not
#define HALVED_LEAST 0.02 // of which they are apart

struct compressing {
	const char *path;
	const struct compress_options *options;
	const struct learn_watch *watch; // the caller's
	struct learn_watch inner;        // the steps'
	struct compress_result *result;
	struct compress_files files;
	struct loaded_graph loaded; // what the search begins with
	uint8_t sha256[32];
	char name[MODEL_NAME_MAX + 1];
	struct model *model; // of it, which the exam stands on
	struct exam exam;
	uint64_t deadline_ns, trial_deadline_ns;
	bool trial_over;      // it had its share of the time
	uint32_t done, total; // trials
	struct compile_report *report;
	struct error *err;
};

// --- Time and interruption ------------------------------------------------------------------------

static bool compress_tell(struct compressing *c)
{
	const struct compress_result *r = c->result;
	const struct learn_progress progress = {
		.stage = "trials",
		.done = c->done,
		.total = c->total,
		.loss = NAN,
		.score = r->n_trials > 0 ? r->trials[r->n_trials - 1].figure : NAN,
		.score_name = r->figure,
	};

	if (!r->interrupted && c->watch && c->watch->step &&
		!c->watch->step(c->watch->context, &progress))
		c->result->interrupted = true;
	if (clock_ns() >= c->deadline_ns)
		c->result->out_of_time = true;
	return !r->interrupted && !r->out_of_time;
}

static bool compress_step_watch(void *context, const struct learn_progress *progress)
{
	struct compressing *c = context;

	(void)progress;
	c->trial_over |= clock_ns() >= c->trial_deadline_ns;
	return compress_tell(c) && !c->trial_over;
}

// --- Trials ---------------------------------------------------------------------------------------

// Measures an image as another trial. -ENOTSUP: it has other columns than the model that it is made of.
static int compress_measure(
	struct compressing *c, const void *image, size_t size, const char *steps)
{
	struct compress_trial *trial = &c->result->trials[c->result->n_trials];
	const struct model_options options = { 0 };
	struct model *model;
	int rc = model_open(image, size, &options, &model, c->err);

	if (rc != 0)
		return rc;
	*trial = (struct compress_trial){ .image_bytes = size };
	snprintf(trial->steps, sizeof(trial->steps), "%s", steps);
	trial->weights_bytes = model_info(model)->weights_bytes;
	if (model_info(model)->n_outputs != c->exam.n_outputs)
		rc = error_set(c->err, -ENOTSUP, "it has %u outputs, not %u",
			model_info(model)->n_outputs, c->exam.n_outputs);
	if (rc == 0)
		rc = exam_judge_model(&c->exam, model, &trial->figure, c->err);
	if (rc == 0)
		rc = exam_time(&c->exam, model, trial->ns_per_row, c->err);
	model_close(model);
	if (rc == 0)
		rc = compress_files_add(&c->files, image, size, c->err);
	if (rc != 0)
		return rc;
	c->result->n_trials++;
	trial->meets = compress_misses(c->options, c->result, trial) <= 0;
	// What is good enough is written, whatever comes, once the step at hand is done.
	if (trial->meets)
		learn_spare(c->watch, LEARN_UNTIL_DONE);
	return 0;
}

// What keeps a step from one trial often keeps it from all that follow that one.
static bool compress_has_said(const struct compile_report *report, const char *said)
{
	const size_t length = strlen(said);

	for (size_t i = 0; report && i < report->n_lines; i++) {
		const size_t bytes = strlen(report->lines[i]);

		if (bytes >= length && strcmp(report->lines[i] + bytes - length, said) == 0)
			return true;
	}
	return false;
}

// A step's refusal, once, without the paths of files in between, which are nobody's business: in their place what they are.
static void compress_note(struct compressing *c, const char *steps, const char *path)
{
	const char *const paths[] = { path, c->files.rows },
			  *const words[] = { "the model", "the rows" };
	char said[sizeof(c->err->text)];
	size_t used = 0;

	for (const char *at = c->err->text; *at && used + 16 < sizeof(said);) {
		size_t length = 0;

		for (int i = 0; i < 2 && length == 0; i++) {
			if (!paths[i][0] || strncmp(at, paths[i], strlen(paths[i])) != 0)
				continue;
			length = strlen(paths[i]);
			used += (size_t)snprintf(said + used, sizeof(said) - used, "%s", words[i]);
		}
		if (length == 0)
			said[used++] = *at;
		at += length > 0 ? length : 1;
	}
	said[used] = '\0';
	if (!compress_has_said(c->report, said))
		report_add(c->report, "%s: %s", steps, said);
}

// The steps of trial `from` and another one; *of* the step, so much is gone altogether.
static void compress_name(const struct compressing *c, uint32_t from,
	const struct compress_step *step, double gone, char steps[COMPRESS_TEXT])
{
	const char *before = c->result->trials[from].steps;

	if (gone > 0 && from > 0) // the same step goes on
		snprintf(steps, COMPRESS_TEXT, "%.120s -%.3g %%", before, 100 * gone);
	else if (gone > 0)
		snprintf(steps, COMPRESS_TEXT, "%s -%.3g %%", step->text, 100 * gone);
	else
		snprintf(steps, COMPRESS_TEXT, "%.120s%s%s", from ? before : "", from ? ", " : "",
			step->text);
}

static bool compress_keeps(const struct compressing *c, uint32_t trial)
{
	const struct compress_trial *trials = c->result->trials;

	return trials[trial].figure >= trials[0].figure - c->options->max_loss;
}

static bool compress_goes_on(struct compressing *c)
{
	return compress_tell(c) && c->result->n_trials < COMPRESS_TRIALS_MAX;
}

// One step from trial `from`, as trial *to; 0: there is none. What does not suit the model is told, and passed over.
static int compress_try(struct compressing *c, uint32_t from, const struct compress_step *step,
	const char *steps, uint32_t *to)
{
	const struct compress_job job = { .options = c->options,
		.name = c->name,
		.rows = c->files.rows,
		.read = &c->files.read,
		.watch = &c->inner };
	const uint64_t now_ns = clock_ns();
	char path[PATH_MAX];
	void *image = NULL;
	size_t size = 0;
	int rc;

	*to = 0;
	c->trial_over = false;
	c->trial_deadline_ns =
		now_ns + (c->deadline_ns > now_ns ? (c->deadline_ns - now_ns) / TRIAL_SHARE : 0);
	compress_files_path(&c->files, from, path);
	rc = step->run(&job, step, path, &image, &size, c->err);
	if (rc == 0)
		rc = compress_measure(c, image, size, steps);
	free(image);
	c->done++;
	if (rc == 0)
		*to = c->result->n_trials - 1;
	if (rc == 0 || rc == -ENOMEM || rc == -EIO)
		return rc;
	if (rc != -ECANCELED)
		compress_note(c, steps, path);
	else if (!c->result->interrupted && !c->result->out_of_time)
		report_add(
			c->report, "%s: took more than a quarter of the time that was left", steps);
	return 0;
}

// A step that is tried once, and what there is in its place where it costs too much.
static int compress_once(
	struct compressing *c, uint32_t from, const struct compress_step *step, uint32_t *to)
{
	char steps[COMPRESS_TEXT];
	uint32_t instead;
	int rc;

	compress_name(c, from, step, 0, steps);
	rc = compress_try(c, from, step, steps, to);
	if (rc != 0 || *to == 0 || !step->instead || compress_keeps(c, *to) || !compress_goes_on(c))
		return rc;
	c->total++;
	compress_name(c, from, step->instead, 0, steps);
	return compress_try(c, from, step->instead, steps, &instead);
}

// What may follow after a trial that keeps to the loss.
static int compress_follow(struct compressing *c, uint32_t from)
{
	int rc = 0;

	for (uint32_t s = 0; s < compress_n_steps() && rc == 0 && compress_keeps(c, from); s++) {
		uint32_t to;

		if (!compress_step(s)->last || !compress_goes_on(c))
			continue;
		c->total++;
		rc = compress_once(c, from, compress_step(s), &to);
	}
	return rc;
}

// From trial *from, of whose first `gone` is gone, until `share` is. *from is the new one where it keeps to the loss;
// *went says whether it does.
static int compress_link(struct compressing *c, const struct compress_step *step, double gone,
	double share, uint32_t *from, bool *went)
{
	struct compress_step link = *step;
	char steps[COMPRESS_TEXT];
	uint32_t to;
	int rc;

	*went = false;
	link.amount = 1 - (1 - share) / (1 - gone);
	compress_name(c, *from, step, share, steps);
	rc = compress_try(c, *from, &link, steps, &to);
	if (rc != 0 || to == 0 || !compress_keeps(c, to))
		return rc;
	*went = true;
	*from = to;
	return compress_goes_on(c) ? compress_follow(c, to) : 0;
}

// Between a share that keeps to the loss and one that is over it: halfway, with more training, until that makes the same
// image, since units go by tiles.
static int compress_halve(struct compressing *c, const struct compress_step *step, double gone,
	double over, uint32_t from)
{
	struct compress_step patient = *step;
	const struct compress_result *r = c->result;
	size_t bytes = r->trials[r->n_trials - 1].image_bytes;
	int rc = 0;

	patient.training = 3;
	for (int h = 0; h < HALVINGS && over - gone > HALVED_LEAST && rc == 0; h++) {
		const double share = (gone + over) / 2;
		const uint32_t before = r->n_trials;
		bool went;

		if (!compress_goes_on(c))
			return 0;
		c->total++;
		rc = compress_link(c, &patient, gone, share, &from, &went);
		if (rc != 0 || r->n_trials == before ||
			(!went && r->trials[before].image_bytes == bytes))
			return rc;
		bytes = r->trials[before].image_bytes;
		*(went ? &gone : &over) = share;
	}
	return rc;
}

// More and more goes, each time from what has learnt to do with less, until it costs too much.
static int compress_chain(struct compressing *c, const struct compress_step *step)
{
	double gone = 0, over = 0;
	uint32_t from = 0;
	bool went = true;
	int rc = 0;

	for (uint32_t i = 0; i < COMPRESS_SHARES && step->shares[i] > 0 && went && rc == 0; i++) {
		const uint32_t before = c->result->n_trials;

		if (!compress_goes_on(c))
			return 0;
		c->total += i > 0;
		rc = compress_link(c, step, gone, step->shares[i], &from, &went);
		if (c->result->n_trials == before)
			return rc; // nothing is left to go
		if (went)
			gone = step->shares[i];
		else
			over = step->shares[i];
	}
	return over > 0 && rc == 0 ? compress_halve(c, step, gone, over, from) : rc;
}

// All steps from the model itself, each with what may follow it, so that some of everything is tried when the time
// ends.
static int compress_search(struct compressing *c)
{
	const uint32_t n = compress_n_steps();
	int rc = 0;

	c->total = n;
	for (uint32_t s = 0; s < n && rc == 0 && compress_goes_on(c); s++) {
		const struct compress_step *step = compress_step(s);
		uint32_t to = 0;

		if (step->shares[0] > 0) {
			rc = compress_chain(c, step);
			continue;
		}
		rc = compress_once(c, 0, step, &to);
		if (rc == 0 && !step->last && to > 0)
			rc = compress_follow(c, to);
	}
	return rc;
}

// --- The image ------------------------------------------------------------------------------------

static int compress_sign(struct compressing *c, struct graph *graph)
{
	const struct compress_options *o = c->options;
	const struct compress_trial *before = &c->result->trials[0],
				    *after = &c->result->trials[c->result->chosen];
	char options[400], figures[300];
	const struct lineage_step line = {
		.step = "compress",
		.from = c->path,
		.from_sha256 = c->sha256,
		.options = options,
		.rows = c->exam.set.path,
		.n_rows = c->exam.set.n_rows,
		.rows_sha256 = c->exam.set.sha256,
		.figures = figures,
	};
	int used = snprintf(options, sizeof(options), "--max-f1-loss %g --batch %u", o->max_loss,
		MODEL_BATCH_CLASS[o->batch]);

	if (o->max_ns > 0)
		used += snprintf(
			options + used, sizeof(options) - (size_t)used, " --max-ns %g", o->max_ns);
	if (o->max_bytes > 0)
		used += snprintf(options + used, sizeof(options) - (size_t)used,
			" --max-bytes %" PRIu64, o->max_bytes);
	if (o->fits)
		used += snprintf(
			options + used, sizeof(options) - (size_t)used, " --fits %s", o->fits);
	snprintf(options + used, sizeof(options) - (size_t)used, " --seed %" PRIu64, o->seed);
	snprintf(figures, sizeof(figures),
		"of %u trials \"%s\", %s %.4f to %.4f on %zu rows held back, %.1f to %.1f ns a row "
		"at "
		"batch %u, %zu to %zu bytes",
		c->result->n_trials, after->steps, c->result->figure, before->figure, after->figure,
		c->result->n_held, before->ns_per_row[o->batch], after->ns_per_row[o->batch],
		MODEL_BATCH_CLASS[o->batch], before->image_bytes, after->image_bytes);
	return lineage_add(graph, &line, c->err);
}

// The chosen trial's image once more, with its lineage and golden rows.
static int compress_finish(struct compressing *c, void **image, size_t *size)
{
	const struct compile_options options = { .golden_closest = true };
	const struct compile_rows rows = { c->exam.set.values, c->exam.set.n_rows };
	struct loaded_graph chosen;
	struct graph *graph;
	char path[PATH_MAX];
	int rc;

	compress_files_path(&c->files, c->result->chosen, path);
	rc = graph_load(path, NULL, &chosen, NULL, c->err);
	if (rc != 0)
		return rc;
	rc = compress_sign(c, chosen.graph);
	if (rc == 0) {
		graph = chosen.graph;
		chosen.graph = NULL;
		graph->name = arena_strdup(graph->arena, c->name);
		rc = compile_graph(graph, &rows, &options, image, size, NULL, c->err);
	}
	graph_unload(&chosen);
	return rc;
}

// --- All of it ------------------------------------------------------------------------------------

// The model as it is, as the first trial. Bytes of an image are what it is; a foreign model is compiled.
static int compress_begin(struct compressing *c)
{
	const struct compile_rows rows = { c->exam.set.values, c->exam.set.n_rows };
	const struct compile_options options = { 0 };
	struct graph *graph = c->loaded.graph;
	void *image;
	size_t size;
	int rc;

	c->loaded.graph = NULL; // compile_graph() destroys it
	rc = compile_graph(graph, &rows, &options, &image, &size, NULL, c->err);
	if (rc != 0)
		return rc;
	rc = compress_measure(c, image, size, "as it is");
	free(image);
	return rc;
}

static int compress_open(
	struct compressing *c, const char *rows, const struct dataset_options *read)
{
	struct exam_options options = {
		.data = *read, .share = c->options->held, .seed = c->options->seed
	};
	const struct model_options quick = { .no_timing = true };
	int rc = graph_load(c->path, NULL, &c->loaded, c->report, c->err);

	if (rc != 0)
		return rc;
	memcpy(c->sha256, c->loaded.sha256, sizeof(c->sha256));
	snprintf(c->name, sizeof(c->name), "%s",
		c->options->name ? c->options->name : c->loaded.graph->name);
	rc = model_build(c->loaded.graph, 0, &quick, &c->model, c->err);
	if (rc == 0) {
		options.fill = fill_of_graph(c->loaded.graph);
		rc = exam_read(rows, &options, c->model, &c->exam, c->report, c->err);
	}
	if (rc != 0)
		return rc;
	c->result->figure = exam_figure(&c->exam);
	c->result->n_taught = c->exam.train.n;
	c->result->n_held = c->exam.held.n;
	rc = compress_files_begin(&c->files, c->path, c->err);
	if (rc == 0)
		rc = compress_files_teach(&c->files, &c->exam, c->err);
	return rc == 0 ? compress_begin(c) : rc;
}

// Trial `i` with its lineage: so much larger.
static void compress_grow(struct compressing *c, uint32_t i, size_t before, size_t after)
{
	struct compress_trial *trial = &c->result->trials[i];

	trial->image_bytes = trial->image_bytes + after - before;
	trial->meets = compress_misses(c->options, c->result, trial) <= 0;
}

// The image of the best trial that keeps to the bounds with its lineage, too, which says how large it is. All trials would
// have nearly the same line, but for the model as it is, which has none before it is chosen.
static int compress_settle(struct compressing *c, void **image, size_t *size)
{
	const struct compress_result *r = c->result;

	for (bool first = true;; first = false) {
		size_t before;
		int rc;

		compress_choose(c->options, c->result);
		if (r->chosen == r->n_trials)
			return compress_refuse(c->options, c->result, c->err);
		before = r->trials[r->chosen].image_bytes;
		rc = compress_finish(c, image, size);
		if (rc != 0 || *size == before)
			return rc;
		free(*image);
		*image = NULL;
		for (uint32_t i = 0; i < r->n_trials; i++)
			if (i == r->chosen || (first && i > 0))
				compress_grow(c, i, before, *size);
	}
}

static int compress_run(struct compressing *c, void **image, size_t *size)
{
	const int rc = compress_search(c);

	return rc == 0 ? compress_settle(c, image, size) : rc;
}

int model_compress(const char *model, const char *rows, const struct dataset_options *read,
	const struct compress_options *options, const struct learn_watch *watch, void **image,
	size_t *size, struct compress_result *result, struct compile_report *report,
	struct error *err)
{
	struct compressing c = { .path = model,
		.options = options,
		.watch = watch,
		.result = result,
		.report = report,
		.err = err,
		.deadline_ns = clock_ns() + (uint64_t)(options->seconds * 1e9) };
	int rc;

	*image = NULL;
	*size = 0;
	*result = (struct compress_result){ 0 };
	c.inner = (struct learn_watch){ .step = compress_step_watch, .context = &c };
	rc = compress_open(&c, rows, read);
	if (rc == 0)
		rc = compress_run(&c, image, size);
	compress_files_end(&c.files);
	exam_fini(&c.exam);
	model_close(c.model);
	graph_unload(&c.loaded);
	return rc;
}
