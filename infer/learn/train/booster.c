// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/train/booster.h"

#include "infer/import/import.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// --- The library --------------------------------------------------------------------------------

// The functions that are called, as xgboost/c_api.h declares them: 1.6 is the first that has them all.
#define LIBRARY_LIST(X)                                                                            \
	X(XGBGetLastError, const char *, (void))                                                   \
	X(XGDMatrixCreateFromMat_omp, int,                                                         \
		(const float *, uint64_t, uint64_t, float, void **, int))                          \
	X(XGDMatrixSetInfoFromInterface, int, (void *, const char *, const char *))                \
	X(XGDMatrixFree, int, (void *))                                                            \
	X(XGBoosterCreate, int, (void *const *, uint64_t, void **))                                \
	X(XGBoosterFree, int, (void *))                                                            \
	X(XGBoosterSetParam, int, (void *, const char *, const char *))                            \
	X(XGBoosterUpdateOneIter, int, (void *, int, void *))                                      \
	X(XGBoosterBoostOneIter, int, (void *, void *, float *, float *, uint64_t))                \
	X(XGBoosterEvalOneIter, int,                                                               \
		(void *, int, void **, const char **, uint64_t, const char **))                    \
	X(XGBoosterPredictFromDMatrix, int,                                                        \
		(void *, void *, const char *, const uint64_t **, uint64_t *, const float **))     \
	X(XGBoosterLoadModelFromBuffer, int, (void *, const void *, uint64_t))                     \
	X(XGBoosterSaveModelToBuffer, int, (void *, const char *, uint64_t *, const char **))

struct library {
#define X(name, result, arguments) result(*name) arguments;
	LIBRARY_LIST(X)
#undef X
};

static struct library library;
static const char *library_lacks; // a function; NULL: none
static bool library_there;

static void library_open(void)
{
	static const char *const NAMES[] = { "libxgboost.so.0", "libxgboost.so" };
	void *handle = NULL;

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES) && !handle; i++)
		handle = dlopen(NAMES[i], RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return;
	library_there = true;
	// POSIX has dlsym() give functions as pointers to data.
#define X(name, result, arguments)                                                                 \
	*(void **)&library.name = dlsym(handle, #name);                                            \
	if (!library.name)                                                                         \
		library_lacks = #name;
	LIBRARY_LIST(X)
#undef X
}

static int library_need(struct error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, library_open);
	if (!library_there)
		return error_set(err, -ENOENT,
			"boosted trees are grown by XGBoost's library, which is not installed: "
			"apt-get install libxgboost0 (libxgboost.so.0 or libxgboost.so is looked "
			"for)");
	if (library_lacks)
		return error_set(err, -ENOENT,
			"the XGBoost library here is too old, it has no %s: version 1.6 is the "
			"first that can be used",
			library_lacks);
	return 0;
}

// What the library says begins with time and place in its source, and goes on with a trace of calls.
static int library_refuse(struct error *err)
{
	const char *text = library.XGBGetLastError();
	const char *place = *text == '[' ? strstr(text, ": ") : NULL;
	size_t n;

	text = place ? place + 2 : text;
	n = strcspn(text, "\n");
	return error_set(err, -EINVAL, "XGBoost: %.*s", (int)(n < 400 ? n : 400), text);
}

// --- A booster -----------------------------------------------------------------------------------

struct booster {
	void *handle, *train, *validation; // the last NULL: no such rows
	uint32_t rounds;
	struct booster_options options;
};

// The address of an array, as the library takes it: NumPy's "array interface" of version 3, in JSON.
static int booster_set(void *matrix, const char *field, const float *data, size_t rows,
	uint32_t columns, struct error *err)
{
	char text[200];

	snprintf(text, sizeof(text),
		"{\"data\":[%" PRIuPTR
		",true],\"typestr\":\"<f4\",\"version\":3,"
		"\"shape\":[%zu,%" PRIu32 "]}",
		(uintptr_t)data, rows, columns);
	return library.XGDMatrixSetInfoFromInterface(matrix, field, text) == 0
		? 0
		: library_refuse(err);
}

static int booster_matrix(
	const struct booster_rows *rows, uint32_t threads, void **matrix, struct error *err)
{
	int rc = 0;

	if (library.XGDMatrixCreateFromMat_omp(
		    rows->values, rows->n, rows->n_features, NAN, matrix, (int)threads) != 0)
		return library_refuse(err);
	rc = booster_set(*matrix, "label", rows->targets, rows->n, rows->n_targets, err);
	if (rc == 0 && rows->weights)
		rc = booster_set(*matrix, "weight", rows->weights, rows->n, 1, err);
	return rc;
}

static int booster_text(struct booster *b, const char *name, const char *value, struct error *err)
{
	return library.XGBoosterSetParam(b->handle, name, value) == 0 ? 0 : library_refuse(err);
}

static int booster_number(struct booster *b, const char *name, double value, struct error *err)
{
	char text[40];

	snprintf(text, sizeof(text), "%.17g", value);
	return booster_text(b, name, text, err);
}

// The exact greedy algorithm of "approx" and "exact" is slower for the same trees; "hist" is what XGBoost itself
// takes from 2.0 on.
static int booster_configure(struct booster *b, const struct booster_options *o, struct error *err)
{
	const struct {
		const char *name;
		double value;
	} numbers[] = { { "max_depth", o->depth }, { "eta", o->learning_rate },
		{ "subsample", o->subsample }, { "colsample_bytree", o->colsample },
		{ "lambda", o->lambda }, { "min_child_weight", o->min_child_weight },
		{ "seed", (double)(o->seed & INT32_MAX) }, { "nthread", o->threads },
		{ "verbosity", 0 } };
	int rc = booster_text(b, "tree_method", "hist", err);

	if (rc == 0)
		rc = booster_text(b, "objective", o->objective, err);
	if (rc == 0 && o->n_classes > 0)
		rc = booster_number(b, "num_class", o->n_classes, err);
	if (rc == 0 && !isnan(o->base_score))
		rc = booster_number(b, "base_score", o->base_score, err);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers) && rc == 0; i++)
		rc = booster_number(b, numbers[i].name, numbers[i].value, err);
	return rc;
}

int booster_create(const struct booster_options *options, const struct booster_rows *train,
	const struct booster_rows *validation, struct booster **booster, struct error *err)
{
	struct booster *b;
	int rc = library_need(err);

	*booster = NULL;
	if (rc != 0)
		return rc;
	b = calloc(1, sizeof(*b));
	if (!b)
		return error_set(err, -ENOMEM, "out of memory");
	b->options = *options;
	rc = booster_matrix(train, options->threads, &b->train, err);
	if (rc == 0 && validation->n > 0)
		rc = booster_matrix(validation, options->threads, &b->validation, err);
	if (rc == 0) {
		void *const rows[2] = { b->train, b->validation };

		if (library.XGBoosterCreate(rows, b->validation ? 2 : 1, &b->handle) != 0)
			rc = library_refuse(err);
	}
	if (rc == 0)
		rc = booster_configure(b, options, err);
	if (rc != 0)
		booster_destroy(b);
	else
		*booster = b;
	return rc;
}

void booster_destroy(struct booster *b)
{
	if (!b)
		return;
	if (b->handle)
		library.XGBoosterFree(b->handle);
	if (b->validation)
		library.XGDMatrixFree(b->validation);
	if (b->train)
		library.XGDMatrixFree(b->train);
	free(b);
}

// --- Growing --------------------------------------------------------------------------------------

int booster_grow(struct booster *b, struct error *err)
{
	if (library.XGBoosterUpdateOneIter(b->handle, (int)b->rounds, b->train) != 0)
		return library_refuse(err);
	b->rounds++;
	return 0;
}

int booster_grow_by(struct booster *b, float *first, float *second, size_t n, struct error *err)
{
	if (library.XGBoosterBoostOneIter(b->handle, b->train, first, second, n) != 0)
		return library_refuse(err);
	b->rounds++;
	return 0;
}

int booster_margins(
	struct booster *b, bool validation, const float **margins, size_t *n, struct error *err)
{
	const uint64_t *shape;
	uint64_t rank;

	if (library.XGBoosterPredictFromDMatrix(b->handle, validation ? b->validation : b->train,
		    "{\"type\":1,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,"
		    "\"strict_shape\":false}",
		    &shape, &rank, margins) != 0)
		return library_refuse(err);
	*n = 1;
	for (uint64_t d = 0; d < rank; d++)
		*n *= (size_t)shape[d];
	return 0;
}

// "[0]\ttrain-logloss:0.5\tvalidation-logloss:0.6": the number behind the name of the rows.
static double booster_find_loss(const char *text, const char *rows)
{
	const char *at = strstr(text, rows);

	at = at ? strchr(at, ':') : NULL;
	return at ? strtod(at + 1, NULL) : NAN;
}

int booster_loss(struct booster *b, double *train, double *validation, struct error *err)
{
	void *rows[2] = { b->train, b->validation };
	const char *names[2] = { "train", "validation" };
	const char *text;

	if (library.XGBoosterEvalOneIter(
		    b->handle, (int)b->rounds - 1, rows, names, b->validation ? 2 : 1, &text) != 0)
		return library_refuse(err);
	*train = booster_find_loss(text, "train-");
	*validation = b->validation ? booster_find_loss(text, "validation-") : NAN;
	return 0;
}

int booster_save(struct booster *b, const char **bytes, size_t *size, struct error *err)
{
	uint64_t n = 0;

	if (library.XGBoosterSaveModelToBuffer(b->handle, "{\"format\":\"ubj\"}", &n, bytes) != 0)
		return library_refuse(err);
	*size = n;
	return 0;
}

int booster_restore(
	struct booster *b, const void *bytes, size_t size, uint32_t rounds, struct error *err)
{
	void *const rows[2] = { b->train, b->validation };

	// A new one: the library's own may keep predictions of what it was before.
	library.XGBoosterFree(b->handle);
	b->handle = NULL;
	if (library.XGBoosterCreate(rows, b->validation ? 2 : 1, &b->handle) != 0 ||
		library.XGBoosterLoadModelFromBuffer(b->handle, bytes, size) != 0)
		return library_refuse(err);
	b->rounds = rounds;
	return booster_configure(b, &b->options, err);
}

int booster_graph(struct booster *b, uint32_t rounds, struct graph **graph,
	struct compile_report *report, struct error *err)
{
	const struct import_options import = { .rounds = rounds == 0 ? ROUNDS_ALL : rounds };
	const char *bytes = NULL;
	size_t size = 0;
	int rc = booster_save(b, &bytes, &size, err);

	*graph = NULL;
	return rc != 0 ? rc : import_model(bytes, size, &import, graph, report, err);
}
