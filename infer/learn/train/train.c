// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/train/train.h"

#include "base/nearest.h"
#include "base/sha256.h"
#include "infer/compile/compile.h"
#include "infer/compile/names.h"
#include "infer/export/onnx/write.h"
#include "infer/graph/lineage.h"
#include "infer/import/xgboost/xgboost.h"
#include "infer/learn/data/dataset_part.h"
#include "infer/learn/data/fill.h"
#include "infer/learn/data/one_hot.h"
#include "infer/learn/train/autoencoder.h"
#include "infer/learn/train/boosted.h"
#include "infer/learn/train/dense.h"
#include "infer/learn/train/isolation_forest.h"
#include "infer/learn/train/kind.h"
#include "infer/learn/train/kitsune.h"
#include "infer/learn/train/sequence.h"
#include "infer/learn/train/taught_scores.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Rows that the image's histograms and golden rows are made with, at most, spread over all that are learnt from.
#define TRAIN_TAUGHT_MAX ((size_t)1 << 18)

struct kind {
	const char *name;
	train_function *run;
	bool scores;           // an anomaly score: rows need no label
	bool takes_missing;    // NaN
	bool resumes;          // keeps checkpoints
	bool partial;          // what an interruption leaves is a model, too
	bool multiplies;       // features: categories are columns of 0 and 1
	uint32_t most_classes; // 0: as many as a model has outputs
};

static const struct kind KINDS[] = {
	{ "dense", dense_train, .resumes = true, .multiplies = true },
	{ "gru", gru_train, .resumes = true },
	{ "lstm", lstm_train, .resumes = true },
	{ "autoencoder", autoencoder_train, .scores = true, .resumes = true, .multiplies = true },
	{ "kitsune", kitsune_train, .scores = true, .resumes = true, .multiplies = true },
	{ "isolation-forest", isolation_forest_train, .scores = true, .takes_missing = true,
		.partial = true },
	{ "boosted", train_boosted, .takes_missing = true, .resumes = true, .partial = true,
		.most_classes = XGBOOST_TARGETS_MAX },
};
#define N_KINDS (sizeof(KINDS) / sizeof(*KINDS))

const char *train_kind(size_t index)
{
	return index < N_KINDS ? KINDS[index].name : NULL;
}

static const struct kind *kind_find(const char *name, struct error *err)
{
	struct nearest nearest = { .wanted = name };
	char known[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < N_KINDS; i++) {
		if (strcmp(KINDS[i].name, name) == 0)
			return &KINDS[i];
		nearest_try(&nearest, KINDS[i].name);
		used += (size_t)snprintf(
			known + used, sizeof(known) - used, "%s%s", i ? ", " : "", KINDS[i].name);
	}
	if (nearest.found)
		error_set(err, -EINVAL, "kind '%s' is not known: did you mean %s?", name,
			nearest.found);
	else
		error_set(err, -EINVAL, "kind '%s' is not known: there are %s", name, known);
	return NULL;
}

struct training {
	const struct train_request *request;
	const struct kind *kind;
	struct dataset rows, validation;
	float *fill;                          // for missing values; NULL: there are none
	struct fill_places missing;           // in `rows`, where they were filled
	struct one_hot wide, wide_validation; // the same, as the kind takes them
	struct train_job job;
	struct compile_report *report;
	struct error *err;
};

static void training_fini(struct training *t)
{
	graph_destroy(t->job.graph);
	dataset_part_fini(&t->job.train);
	dataset_part_fini(&t->job.validation);
	free(t->fill);
	fill_places_fini(&t->missing);
	one_hot_fini(&t->wide);
	one_hot_fini(&t->wide_validation);
	dataset_fini(&t->rows);
	dataset_fini(&t->validation);
}

// --- Rows ----------------------------------------------------------------------------------------

// What no image could hold is said before anything is learnt.
static int training_check_size(const struct training *t)
{
	const struct dataset *set = &t->rows;
	const uint32_t most = t->kind->most_classes > 0 ? t->kind->most_classes : MODEL_OUTPUTS_MAX;

	if (set->n_features > MODEL_FEATURES_MAX)
		return error_set(t->err, -EINVAL, "%s: %u features, a model has at most %d",
			set->path, set->n_features, MODEL_FEATURES_MAX);
	if (set->n_classes > most)
		return error_set(t->err, -EINVAL,
			"%s: %u classes, kind %s tells at most %u apart; --group makes one class "
			"of many labels, --regression learns numbers",
			set->path, set->n_classes, t->kind->name, most);
	return 0;
}

static int training_read(struct training *t)
{
	const struct train_request *request = t->request;
	struct dataset_options options = request->rows;
	struct model_info info;
	int rc;

	options.target = t->kind->scores ? (request->normal ? DATASET_CLASSES : DATASET_NONE)
		: request->numbers       ? DATASET_NUMBERS
					 : DATASET_CLASSES;
	options.allow_one_class = t->kind->scores; // all rows may be normal
	options.keep_missing = t->kind->takes_missing || request->fill != FILL_NONE;
	// What the rows in service bring that these do not is no reason to refuse them, unless that is wanted.
	options.take_unknown = !request->refuse_unknown;
	rc = dataset_read(request->rows_path, &options, &t->rows, t->err);
	for (uint32_t i = 0; rc == 0 && i < t->rows.n_notes; i++)
		report_add(t->report, "%s", t->rows.notes[i]);
	if (rc == 0)
		rc = training_check_size(t);
	if (rc != 0 || !request->validation_path)
		return rc;
	info = (struct model_info){ .n_features = t->rows.n_features,
		.feature_names = t->rows.feature_names,
		.class_labels = t->rows.class_labels,
		.n_class_labels = t->rows.n_classes,
		.texts = t->rows.texts,
		.n_texts = t->rows.n_texts,
		.accepts_missing = options.keep_missing };
	options.model = &info;
	return dataset_read(request->validation_path, &options, &t->validation, t->err);
}

static int training_divide(struct training *t)
{
	const struct train_request *request = t->request;
	int rc;

	if (request->validation_share > 0 && !request->validation_path)
		return dataset_split(&t->rows, request->validation_share, request->options.seed,
			&t->job.train, &t->job.validation, t->err);
	rc = dataset_all(&t->rows, &t->job.train, t->err);
	if (rc == 0 && request->validation_path)
		rc = dataset_all(&t->validation, &t->job.validation, t->err);
	return rc;
}

// Leaves only the rows of the class that is normal.
static int training_keep_normal(struct training *t, struct dataset_part *part)
{
	const struct dataset *set = part->set;
	struct nearest nearest = { .wanted = t->request->normal };
	int32_t normal = -1;
	size_t n = 0;

	for (uint32_t c = 0; c < set->n_classes; c++) {
		nearest_try(&nearest, set->class_labels[c]);
		if (strcmp(set->class_labels[c], t->request->normal) == 0)
			normal = (int32_t)c;
	}
	if (normal < 0)
		return error_set(t->err, -EINVAL, "%s: no row is of class '%s'%s%s%s", set->path,
			t->request->normal, nearest.found ? ": did you mean " : "",
			nearest.found ? nearest.found : "", nearest.found ? "?" : "");
	for (size_t i = 0; i < part->n; i++) {
		if (set->classes[part->index[i]] == normal)
			part->index[n++] = part->index[i];
	}
	part->n = n;
	return n > 0
		? 0
		: error_set(t->err, -EINVAL, "%s: no row to learn or to judge by is of class '%s'",
			  set->path, t->request->normal);
}

static int training_filter(struct training *t)
{
	int rc;

	if (!t->kind->scores || !t->request->normal)
		return 0;
	rc = training_keep_normal(t, &t->job.train);
	return rc != 0 || t->job.validation.n == 0 ? rc
						   : training_keep_normal(t, &t->job.validation);
}

static int training_fill(struct training *t)
{
	const enum fill how = t->request->fill;
	struct fill_places beside = { 0 };
	int rc;

	if (how == FILL_NONE)
		return 0;
	rc = fill_learn(&t->job.train, how, &t->fill, t->err);
	if (rc == 0)
		rc = fill_rows(&t->rows, t->fill, &t->missing, t->err);
	if (rc == 0 && t->validation.n_features > 0)
		rc = fill_rows(&t->validation, t->fill, &beside, t->err);
	if (rc == 0)
		report_add(t->report,
			"%zu missing values of %u features were filled by the %s of the rows that "
			"are "
			"learnt from",
			t->missing.n + beside.n,
			t->missing.n_features > beside.n_features ? t->missing.n_features
								  : beside.n_features,
			FILL_NAMES[how]);
	fill_places_fini(&beside);
	return rc;
}

// --- The model -----------------------------------------------------------------------------------

static void training_identify(struct training *t)
{
	const struct train_request *request = t->request;
	const struct train_network *network = &request->options.network;
	struct sha256 sha;
	char text[256];

	snprintf(text, sizeof(text), "%s %.17g %.60s %d %d%s%s", t->kind->name,
		request->validation_path ? 0 : request->validation_share,
		request->normal ? request->normal : "", network->loss, network->balanced,
		request->fill ? " " : "", request->fill ? FILL_NAMES[request->fill] : "");
	sha256_begin(&sha);
	sha256_add(&sha, text, strlen(text));
	sha256_add(&sha, t->rows.sha256, 32);
	sha256_add(&sha, t->validation.sha256, 32);
	sha256_end(&sha, t->job.identity);
}

// Rows as the kind takes them, in the place of those that were read. The parts' rows stay the same.
static int training_widen(struct training *t)
{
	const uint32_t memory_mib = t->request->rows.memory_mib;
	int rc;

	if (!t->kind->multiplies || t->rows.n_texts == 0)
		return 0;
	rc = one_hot_make(&t->wide, &t->rows, memory_mib, t->err);
	if (rc == 0 && t->validation.n_features > 0)
		rc = one_hot_make(&t->wide_validation, &t->validation, memory_mib, t->err);
	if (rc != 0)
		return rc;
	t->job.validation.set =
		t->job.validation.set == &t->validation ? &t->wide_validation.set : &t->wide.set;
	t->job.train.set = &t->wide.set;
	report_add(t->report, "%u features are categories, which became %u columns of 0 and 1",
		t->rows.n_texts, t->wide.set.n_one_hot);
	return 0;
}

static int training_learn(struct training *t)
{
	int rc;

	t->job.options = &t->request->options;
	t->job.report = t->report;
	training_identify(t);
	report_add(t->report, "%zu rows of %u features of %s to learn from, %zu to judge by",
		t->job.train.n, t->rows.n_features, t->request->rows_path, t->job.validation.n);
	rc = training_widen(t);
	if (rc == 0)
		rc = t->kind->run(&t->job, t->err);
	if (rc == 0 && t->wide.set.n_features > 0)
		rc = one_hot_graph(t->job.graph, &t->rows, t->err);
	return rc == 0 && t->fill ? fill_graph(t->job.graph, t->fill, t->err) : rc;
}

// Rows of those that were learnt from, evenly spread; the caller frees them.
static int training_gather(struct training *t, struct compile_rows *taught)
{
	const struct dataset_part *part = &t->job.train;
	const size_t width = t->rows.n_features;
	const size_t n = part->n < TRAIN_TAUGHT_MAX ? part->n : TRAIN_TAUGHT_MAX;
	float *values = malloc(n * width * sizeof(*values));

	if (!values)
		return error_set(t->err, -ENOMEM, "out of memory for %zu rows", n);
	// As they come in service, too.
	fill_undo(&t->rows, &t->missing);
	for (size_t i = 0; i < n; i++)
		memcpy(values + i * width, t->rows.values + part->index[i * part->n / n] * width,
			width * sizeof(*values));
	*taught = (struct compile_rows){ .values = values, .n_rows = n };
	return 0;
}

static int training_describe(struct training *t)
{
	const struct train_options *options = &t->request->options;
	struct graph *graph = t->job.graph;
	char how[200], filled[100];
	const struct lineage_step step = { .step = "train",
		.options = how,
		.rows = t->request->rows_path,
		.n_rows = t->job.train.n,
		.rows_sha256 = t->rows.sha256,
		.figures = t->fill ? filled : NULL };
	int rc = names_of_model(graph, t->request->name, t->request->stem, t->err);

	graph->source_kind = "martlet";
	memcpy(graph->source_sha256, t->rows.sha256, sizeof(graph->source_sha256));
	snprintf(filled, sizeof(filled), "%zu missing values of %u features filled by the %s",
		t->missing.n, t->missing.n_features, FILL_NAMES[t->request->fill]);
	snprintf(how, sizeof(how), "--kind %s --seed %" PRIu64 "%s%s%s%.80s", t->kind->name,
		options->seed, t->fill ? " --missing " : "",
		t->fill ? FILL_NAMES[t->request->fill] : "",
		options->network.layers ? " --layers " : "",
		options->network.layers ? options->network.layers : "");
	return rc != 0 ? rc : lineage_add(graph, &step, t->err);
}

static int training_make(struct training *t, struct train_made *made)
{
	struct compile_rows taught = { 0 };
	struct graph *graph;
	int rc = training_describe(t);

	if (rc == 0 && t->request->onnx) {
		rc = onnx_write(t->job.graph, &made->onnx, &made->onnx_size, t->err);
		if (rc != 0)
			error_prefix(t->err, "the model cannot be written as ONNX");
	}
	if (rc == 0)
		rc = training_gather(t, &taught);
	if (rc == 0) {
		graph = t->job.graph;
		t->job.graph = NULL; // compile_graph() destroys it
		rc = compile_graph(
			graph, &taught, NULL, &made->image, &made->image_size, t->report, t->err);
	}
	if (rc == 0)
		rc = taught_scores_check(
			made->image, made->image_size, &taught, t->rows.path, t->report, t->err);
	free((void *)taught.values);
	return rc;
}

int train_model(const struct train_request *request, const struct learn_watch *watch,
	struct train_made *made, struct compile_report *report, struct error *err)
{
	struct training t = { .request = request, .report = report, .err = err };
	int rc;

	*made = (struct train_made){ 0 };
	t.kind = kind_find(request->options.kind, err);
	if (!t.kind)
		return err->code;
	if (request->options.checkpoint.write && !t.kind->resumes)
		return error_set(err, -EINVAL, "%s keeps no checkpoints: it is trained in one go",
			t.kind->name);
	if (request->normal && !t.kind->scores)
		return error_set(err, -EINVAL,
			"a normal class is for anomaly scores, %s tells all classes apart",
			t.kind->name);
	if (request->fill != FILL_NONE && t.kind->takes_missing)
		return error_set(err, -EINVAL,
			"%s has branches for missing values: nothing is to be filled",
			t.kind->name);
	t.job.watch = watch;
	rc = training_read(&t);
	if (rc == 0)
		rc = training_divide(&t);
	if (rc == 0)
		rc = training_filter(&t);
	if (rc == 0)
		rc = training_fill(&t);
	if (rc == 0)
		rc = training_learn(&t);
	if (rc == 0) {
		rc = training_make(&t, made);
	} else if (rc == -ECANCELED && t.job.graph && t.kind->partial) {
		const int made_rc = training_make(&t, made);

		rc = made_rc != 0 ? made_rc : rc;
	}
	made->n_rows = t.job.train.n;
	made->n_validation = t.job.validation.n;
	training_fini(&t);
	if (rc != 0 && rc != -ECANCELED)
		train_made_fini(made);
	return rc;
}

void train_made_fini(struct train_made *made)
{
	free(made->image);
	free(made->onnx);
	*made = (struct train_made){ 0 };
}
