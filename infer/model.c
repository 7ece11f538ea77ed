// SPDX-License-Identifier: BSD-3-Clause
// Images become models here: opened, planned, described, scored.
#include "base/align.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/rows_cell.h"
#include "base/trust/sealed.h"
#include "infer/graph/arena.h"
#include "infer/graph/text_maps.h"
#include "infer/image/format.h"
#include "infer/image/image.h"
#include "infer/infer.h"
#include "infer/kernels/elementwise/unpack.h"
#include "infer/model_internal.h"
#include "infer/ops/check.h"
#include "infer/plan/step.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define MODEL_ARENA_BYTES ((size_t)5 << 29) // the plan's weights and what describes the model

static const char *const *copy_names(struct arena *arena, const char *const *names, uint32_t count)
{
	const char **copy = arena_calloc(arena, count, sizeof(*copy));

	for (uint32_t i = 0; copy && i < count; i++) {
		copy[i] = arena_strdup(arena, names[i]);
		if (!copy[i])
			return NULL;
	}
	return copy;
}

static float *copy_features(
	struct arena *arena, const float *values, uint32_t count, float otherwise)
{
	float *copy = arena_calloc(arena, count, sizeof(*copy));

	for (uint32_t i = 0; copy && i < count; i++)
		copy[i] = values ? values[i] : otherwise;
	return copy;
}

static const struct model_texts *copy_texts(struct arena *arena, const struct graph *graph)
{
	struct model_texts *copy = arena_calloc(arena, graph->n_texts + 1ull, sizeof(*copy));

	for (uint32_t t = 0; copy && t < graph->n_texts; t++) {
		const struct model_texts *from = &graph->texts[t];

		copy[t] = *from;
		copy[t].texts = copy_names(arena, from->texts, from->n_texts);
		copy[t].order = arena_memdup(
			arena, from->order, ((size_t)from->n_texts + 1) * sizeof(*from->order));
		if (!copy[t].texts || !copy[t].order)
			return NULL;
	}
	return copy;
}

static const struct drift_reference *copy_reference(
	struct arena *arena, const struct drift_reference *from)
{
	struct drift_reference *copy = arena_memdup(arena, from, sizeof(*from));

	if (!copy)
		return NULL;
	copy->first =
		arena_memdup(arena, from->first, (from->n_columns + 1ull) * sizeof(*from->first));
	copy->edges = arena_memdup(arena, from->edges, drift_n_edges(from) * sizeof(*from->edges));
	copy->counts = arena_memdup(
		arena, from->counts, from->first[from->n_columns] * sizeof(*from->counts));
	return copy->first && copy->edges && copy->counts ? copy : NULL;
}

// What the image says beside the operators, in the model's own memory.
static int describe(struct model *model, const struct graph *graph, size_t image_bytes)
{
	struct arena *arena = model->arena;
	struct model_info *info = &model->info;
	size_t features = graph->n_features, outputs = graph->n_columns_out;

	*info = (struct model_info){
		.name = arena_strdup(arena, graph->name),
		.source_kind = arena_strdup(arena, graph->source_kind),
		.n_features = graph->n_features,
		.n_outputs = graph->n_columns_out,
		.n_class_labels = graph->n_class_labels,
		.n_lineage = graph->n_lineage,
		.accepts_missing = graph->accepts_missing,
		.n_golden = graph->n_golden,
		.feature_names = copy_names(arena, graph->feature_names, graph->n_features),
		.output_names = copy_names(arena, graph->output_names, graph->n_columns_out),
		.class_labels = copy_names(arena, graph->class_labels, graph->n_class_labels),
		.lineage = copy_names(arena, graph->lineage, graph->n_lineage),
		.texts = copy_texts(arena, graph),
		.n_texts = graph->n_texts,
		.input_scale = copy_features(arena, graph->input_scale, graph->n_features, 1.0f),
		.input_zero = copy_features(arena, graph->input_zero, graph->n_features, 0.0f),
		.golden_rows = arena_memdup(
			arena, graph->golden_rows, graph->n_golden * features * sizeof(float)),
		.golden_outputs = arena_memdup(
			arena, graph->golden_outputs, graph->n_golden * outputs * sizeof(float)),
		.golden_tolerance = graph->golden_tolerance
			? arena_memdup(arena, graph->golden_tolerance,
				  graph->n_golden * outputs * sizeof(float))
			: NULL,
		.golden_mean = graph->golden_mean,
		.reference = graph->reference ? copy_reference(arena, graph->reference) : NULL,
		.image_bytes = image_bytes,
	};
	memcpy(info->source_sha256, graph->source_sha256, sizeof(info->source_sha256));
	return info->name && info->source_kind && info->feature_names && info->output_names &&
			info->class_labels && info->lineage && info->texts && info->input_scale &&
			info->input_zero && info->golden_rows && info->golden_outputs &&
			(info->golden_tolerance || !graph->golden_tolerance) &&
			(info->reference || !graph->reference)
		? 0
		: -ENOMEM;
}

// Is what is none of the texts a cell of a booster's categories that is read as in other columns?
static bool model_is_own_number(const struct model_texts *map, const char *text)
{
	float value;

	if (!map->is_category)
		return false;
	switch (rows_cell_read(text, &value)) {
	case ROWS_CELL_MISSING:
		return true;
	case ROWS_CELL_NUMBER:
		return !map->has_numbers;
	default:
		return false;
	}
}

int model_text_code(
	const void *codes, uint32_t feature, const char *text, float *value, struct error *err)
{
	const struct model_info *info = codes;
	const struct model_texts *map = text_maps_find(info->texts, info->n_texts, feature);
	struct nearest nearest = { .wanted = text };
	uint32_t number;

	if (!map)
		return 0;
	number = text_maps_number(map, text);
	if (number == map->n_texts && model_is_own_number(map, text))
		return 0;
	if (number == map->n_texts && !map->takes_unknown && info->accepts_missing &&
		rows_cell_read(text, value) == ROWS_CELL_MISSING)
		return 0;
	if (number == map->n_texts && !map->takes_unknown) {
		for (uint32_t t = 0; t < map->n_texts; t++)
			nearest_try(&nearest, map->texts[t]);
		return error_set(err, -EINVAL,
			"'%.40s' is none of the %u texts that the model knows%s%.40s%s", text,
			map->n_texts, nearest.found ? "; did you mean '" : "",
			nearest.found ? nearest.found : "", nearest.found ? "'?" : "");
	}
	*value = (float)number;
	return 1;
}

static int build(struct model *model, const struct graph *graph, size_t image_bytes,
	const struct model_options *options, struct error *err)
{
	unsigned mask = isa_detected();
	int rc;

	if (options->isa_limited || options->isa_mask)
		mask &= options->isa_mask;
	model->rounds = graph_rounds(graph);
	if (describe(model, graph, image_bytes) != 0)
		return error_set(err, -ENOMEM, "no memory for the model");
	rc = plan_build(&model->plan, graph, model->arena, mask, options, err);
	if (rc == 0 && !options->no_timing)
		rc = plan_time_steps(&model->plan, options->choices, err);
	if (rc != 0)
		return rc;
	model->info.weights_bytes = model->plan.weights_bytes;
	model->info.macs_per_row = model->plan.macs;
	model->unpack = unpack_pick(mask);
	model->unpack_params = (struct unpack){ .scale = model->info.input_scale,
		.zero = model->info.input_zero,
		.columns = model->info.n_features };
	return 0;
}

static struct model *model_create(enum secrecy secrecy, struct error *err)
{
	struct model *model = calloc(1, sizeof(*model));

	if (model)
		model->arena = arena_create_secret(MODEL_ARENA_BYTES, secrecy);
	if (model && model->arena)
		return model;
	free(model);
	error_set(err, -ENOMEM, "no memory for the model");
	return NULL;
}

// To more memory than that a process may lock there is no way around.
static int model_cannot_lock(struct error *err)
{
	struct rlimit limit = { 0 };

	getrlimit(RLIMIT_MEMLOCK, &limit);
	return error_set(err, -ENOMEM,
		"it is encrypted, and what is decrypted must be locked in memory, of which this "
		"process "
		"may lock %llu KiB: raise the limit (LimitMEMLOCK=infinity in its unit, ulimit -l)",
		(unsigned long long)limit.rlim_cur / 1024);
}

static int model_build_as(const struct graph *graph, size_t image_bytes, enum secrecy secrecy,
	const struct model_options *options, struct model **out, struct error *err)
{
	struct model *model = model_create(secrecy, err);
	int rc;

	*out = NULL;
	if (!model)
		return err ? err->code : -ENOMEM;
	rc = build(model, graph, image_bytes, options, err);
	if (rc != 0 && arena_lacks_locked(model->arena))
		rc = model_cannot_lock(err);
	if (rc != 0)
		model_close(model);
	else
		*out = model;
	return rc;
}

int model_build(const struct graph *graph, size_t image_bytes, const struct model_options *options,
	struct model **out, struct error *err)
{
	return model_build_as(graph, image_bytes, SECRECY_NONE, options, out, err);
}

// `image` at a 64-byte aligned address; `bytes` of it are in the file.
static int model_open_plain(const void *image, size_t size, size_t bytes, enum secrecy secrecy,
	const struct model_options *options, struct model **out, struct error *err)
{
	struct graph *graph;
	int rc = image_open(image, size, &graph, err);

	if (rc == 0) {
		rc = model_build_as(graph, bytes, secrecy, options, out, err);
		graph_destroy(graph);
	}
	return rc;
}

static int model_open_sealed(const void *file, size_t size, const struct model_options *options,
	struct model **out, struct error *err)
{
	const enum secrecy secrecy = options->must_lock ? SECRECY_LOCKED : SECRECY_TRIED;
	size_t plain_size;
	void *plain;
	int rc = sealed_open(
		file, size, options->keys, IMAGE_BYTES_MAX, secrecy, &plain, &plain_size, err);

	if (rc == -EPERM)
		return model_cannot_lock(err);
	if (rc != 0)
		return rc;
	rc = model_open_plain(plain, plain_size, size, secrecy, options, out, err);
	secret_free(plain, plain_size);
	return rc;
}

int model_open(const void *image, size_t size, const struct model_options *options,
	struct model **out, struct error *err)
{
	static const struct model_options DEFAULTS;
	void *copy = NULL;
	int rc;

	*out = NULL;
	options = options ? options : &DEFAULTS;
	if (sealed_is(image, size))
		return model_open_sealed(image, size, options, out, err);
	if (options->only_encrypted)
		return error_set(err, -EPERM,
			"it is not encrypted, and only encrypted images are taken here: make one "
			"of it with martletctl model encrypt");
	if (size > IMAGE_BYTES_MAX)
		return error_set(err, -EINVAL, "an image of %zu bytes, at most %zu are supported",
			size, IMAGE_BYTES_MAX);
	if ((uintptr_t)image % 64 != 0) { // as image_open() wants it
		copy = aligned_alloc(64, align_up(size + 1, 64));
		if (!copy)
			return error_set(err, -ENOMEM, "no memory for the model");
		image = memcpy(copy, image, size);
	}
	rc = model_open_plain(image, size, size, SECRECY_NONE, options, out, err);
	free(copy);
	return rc;
}

int model_open_file(const char *path, const struct model_options *options, struct model **out,
	struct error *err)
{
	void *image;
	size_t size;
	int rc;

	*out = NULL;
	rc = file_read(path, IMAGE_BYTES_MAX, &image, &size, err);
	if (rc != 0)
		return rc;
	rc = model_open(image, size, options, out, err);
	if (rc != 0)
		error_prefix(err, "%s", path);
	free(image);
	return rc;
}

void model_close(struct model *model)
{
	if (!model)
		return;
	arena_destroy(model->arena);
	free(model);
}

struct model_choices *model_choices(const struct model *model)
{
	return model->plan.timed ? plan_choices(&model->plan) : NULL;
}

const struct model_info *model_info(const struct model *model)
{
	return &model->info;
}

size_t model_scratch_bytes(const struct model *model, uint32_t rows)
{
	uint32_t tile = rows < model->plan.tile_rows ? rows : model->plan.tile_rows;

	return model->plan.row_bytes * tile + 64; // never 0, so that it can be allocated
}

void model_score(const struct model *model, const float *rows, float *outputs, uint32_t n,
	void *scratch, uint32_t scratch_rows)
{
	plan_run(&model->plan, rows, outputs, n, scratch, scratch_rows);
}

size_t row_dtype_bytes(unsigned dtype)
{
	static const size_t bytes[ROW_DTYPE_COUNT] = { 4, 2, 2, 1, 1 };

	return dtype < ROW_DTYPE_COUNT ? bytes[dtype] : 0;
}

bool model_unpack_rows(
	const struct model *model, float *dst, const void *src, uint32_t n_rows, unsigned dtype)
{
	if (dtype >= ROW_DTYPE_COUNT)
		return false;
	return model->unpack->run(&model->unpack_params, (enum row_dtype)dtype, n_rows, src, dst);
}

uint32_t model_n_steps(const struct model *model)
{
	return model->plan.n_steps;
}

void model_step_info(const struct model *model, uint32_t index, struct plan_step_info *info)
{
	const struct step *step = &model->plan.steps[index];

	*info = (struct plan_step_info){
		.op = step->op, .node = step->node, .bytes_touched = step->bytes_touched
	};
	memcpy(info->shape, step->shape, sizeof(info->shape));
	memcpy(info->kernel, step->kernel, sizeof(info->kernel));
	memcpy(info->ns_per_row, step->ns_per_row, sizeof(info->ns_per_row));
}

bool model_is_image(const void *bytes, size_t size)
{
	return size >= sizeof(IMAGE_MAGIC) && memcmp(bytes, IMAGE_MAGIC, sizeof(IMAGE_MAGIC)) == 0;
}

int model_source(const void *image, size_t size, const struct image_keys *keys,
	struct model_source *source, struct error *err)
{
	void *plain = NULL;
	int rc = 0;

	if (sealed_is(image, size)) {
		rc = sealed_open(
			image, size, keys, IMAGE_BYTES_MAX, SECRECY_TRIED, &plain, &size, err);
		image = plain;
	}
	if (rc == 0)
		rc = image_source(
			image, size, source->kind, sizeof(source->kind), source->sha256, err);
	secret_free(plain, size);
	return rc;
}
