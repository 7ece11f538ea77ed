// SPDX-License-Identifier: BSD-3-Clause
// The peers of the tree bench, one thread: XGBoost's C API (XGBoosterPredictFromDense, in place)
// and the same trees compiled to nested ifs, loaded from a shared object (see make_trees.py).
// Prints
// {"NAME":{"ifs":…,"xgboost":{"1":ns_per_row,"16":…},"difference":largest},…}
// What has no FOLDER/NAME.json is not XGBoost's: only the nested ifs are timed.
// usage: bench_trees ROWS.f32 COLUMNS FOLDER NAME...      FOLDER/NAME.json, FOLDER/NAME.so
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <xgboost/c_api.h>

#define PASSES    9
#define PASS_NS   20e6
#define ROWS_MAX  16384
#define N_BATCHES 4
static const size_t BATCHES[N_BATCHES] = { 1, 16, 64, 256 };

typedef float score_function(const float *x);

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void must(int bad, const char *what)
{
	if (!bad)
		return;
	fprintf(stderr, "bench_trees: %s: %s\n", what, XGBGetLastError());
	exit(1);
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

// Scores of `batch` rows; they live until the next call.
static const float *predict(BoosterHandle booster, const float *rows, size_t batch, size_t columns)
{
	static const char CONFIG[] =
		"{\"type\":0,\"iteration_begin\":0,\"iteration_end\":0,"
		"\"strict_shape\":false,\"missing\":NaN,\"cache_id\":0}";
	char array[160];
	const bst_ulong *shape;
	bst_ulong rank;
	const float *scores;

	snprintf(array, sizeof(array),
		"{\"data\":[%llu,true],\"shape\":[%zu,%zu],\"typestr\":\"<f4\",\"version\":3}",
		(unsigned long long)(uintptr_t)rows, batch, columns);
	must(XGBoosterPredictFromDense(booster, array, CONFIG, NULL, &shape, &rank, &scores),
		"XGBoosterPredictFromDense");
	return scores;
}

// Median ns a row of passes over different rows.
static double time_xgboost(
	BoosterHandle booster, const float *rows, size_t n, size_t columns, size_t batch)
{
	double ns[PASSES];
	size_t at = 0;

	for (int p = 0; p < PASSES; p++) {
		const double begin = now_ns();
		size_t done = 0;

		do {
			predict(booster, rows + at * columns, batch, columns);
			at = at + 2 * batch <= n ? at + batch : 0;
			done += batch;
		} while (now_ns() - begin < PASS_NS);
		ns[p] = (now_ns() - begin) / (double)done;
	}
	qsort(ns, PASSES, sizeof(*ns), compare);
	return ns[PASSES / 2];
}

static double time_ifs(score_function *score, const float *rows, size_t n, size_t columns)
{
	volatile float kept;
	double ns[PASSES];
	size_t at = 0;

	for (int p = 0; p < PASSES; p++) {
		const double begin = now_ns();
		size_t done = 0;

		do {
			for (size_t r = 0; r < 256; r++) {
				kept = score(rows + at * columns);
				at = at + 1 < n ? at + 1 : 0;
			}
			done += 256;
		} while (now_ns() - begin < PASS_NS);
		ns[p] = (now_ns() - begin) / (double)done;
	}
	(void)kept;
	qsort(ns, PASSES, sizeof(*ns), compare);
	return ns[PASSES / 2];
}

static void bench_xgboost(
	const char *model, score_function *score, const float *rows, size_t n, size_t columns)
{
	BoosterHandle booster;
	double difference = 0;

	must(XGBoosterCreate(NULL, 0, &booster), "XGBoosterCreate");
	must(XGBoosterLoadModel(booster, model), model);
	must(XGBoosterSetParam(booster, "nthread", "1"), "nthread");
	for (size_t r = 0; r < n; r++)
		difference = fmax(difference,
			fabs((double)score(rows + r * columns) -
				(double)*predict(booster, rows + r * columns, 1, columns)));
	printf(", \"xgboost\": {");
	for (int b = 0; b < N_BATCHES; b++)
		printf("%s\"%zu\": %.1f", b ? ", " : "", BATCHES[b],
			time_xgboost(booster, rows, n, columns, BATCHES[b]));
	printf("}, \"difference\": %.3g", difference);
	XGBoosterFree(booster);
}

static void bench(
	const char *folder, const char *name, const float *rows, size_t n, size_t columns, int more)
{
	score_function *score;
	char path[512];
	void *object;

	snprintf(path, sizeof(path), "%s/%s.so", folder, name);
	object = dlopen(path, RTLD_NOW);
	score = object ? (score_function *)dlsym(object, "score") : NULL;
	if (!score) {
		fprintf(stderr, "bench_trees: %s: %s\n", path, dlerror());
		exit(1);
	}
	printf("%s\"%s\": {\"ifs\": %.1f", more ? ", " : "", name,
		time_ifs(score, rows, n, columns));
	snprintf(path, sizeof(path), "%s/%s.json", folder, name);
	if (access(path, F_OK) == 0)
		bench_xgboost(path, score, rows, n, columns);
	printf("}");
	dlclose(object);
}

int main(int argc, char **argv)
{
	FILE *file = argc > 4 ? fopen(argv[1], "re") : NULL;
	const size_t columns = argc > 4 ? strtoul(argv[2], NULL, 10) : 0;
	float *rows;
	size_t n;

	if (!file || columns == 0 || columns > 65536) {
		fprintf(stderr, "usage: bench_trees ROWS.f32 COLUMNS FOLDER NAME...\n");
		return 2;
	}
	rows = malloc(ROWS_MAX * columns * sizeof(float));
	n = rows ? fread(rows, columns * sizeof(float), ROWS_MAX, file) : 0;
	fclose(file);
	if (n < 256) {
		fprintf(stderr, "bench_trees: %s: fewer than 256 rows\n", argv[1]);
		free(rows);
		return 1;
	}
	printf("{");
	for (int i = 4; i < argc; i++)
		bench(argv[3], argv[i], rows, n, columns, i > 4);
	printf("}\n");
	free(rows);
	return 0;
}
