// SPDX-License-Identifier: BSD-3-Clause
#include "base/sha256.h"
#include "infer/graph/arena.h"
#include "infer/graph/text.h"
#include "infer/graph/text_maps.h"
#include "infer/image/format.h"
#include "infer/image/image.h"
#include "infer/image/meta.h"
#include "infer/image/reference.h"
#include "infer/infer.h"
#include "infer/ops/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct image_reader {
	const uint8_t *image;
	struct image_extent sections[SECTION_COUNT];
	struct graph *graph;
	struct image_meta meta;
	struct error *err;
};

static const size_t RECORD_BYTES[SECTION_COUNT] = {
	[SECTION_META] = sizeof(uint64_t), // see image_meta
	[SECTION_TENSORS] = sizeof(struct image_tensor),
	[SECTION_NODES] = sizeof(struct image_node),
	[SECTION_ATTRS] = sizeof(struct image_attr),
	[SECTION_INDICES] = sizeof(uint32_t),
	[SECTION_PORTS] = sizeof(struct image_port),
	[SECTION_NAMES] = sizeof(uint32_t),
	[SECTION_STRINGS] = 1,
	[SECTION_DATA] = 1,
	[SECTION_TEXT_MAPS] = sizeof(struct image_text_map),
	[SECTION_TEXTS] = sizeof(uint32_t),
	[SECTION_REFERENCE] = sizeof(uint64_t),
};

static const void *image_section_of(const struct image_reader *reader, enum image_section s)
{
	return reader->image + reader->sections[s].offset;
}

static uint64_t image_records(const struct image_reader *reader, enum image_section s)
{
	return reader->sections[s].bytes / RECORD_BYTES[s];
}

static bool image_all_zero(const uint8_t *bytes, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= bytes[i];
	return any == 0;
}

// What may be known before the hash: nothing behind the header is read.
static int image_check_header(const struct image_header *header, size_t size, struct error *err)
{
	if (memcmp(header->magic, IMAGE_MAGIC, sizeof(header->magic)) != 0)
		return error_set(
			err, -EINVAL, "not a model image: byte 0 does not start \"MARTLET\"");
	if (header->version != IMAGE_VERSION)
		return error_set(err, -ENOTSUP, "image version %" PRIu32 ", this build reads %d",
			header->version, IMAGE_VERSION);
	if (header->header_bytes != sizeof(*header) || header->reserved != 0)
		return error_set(err, -EINVAL, "damaged image: header fields at byte 12 or 60");
	if (header->total_bytes != size)
		return error_set(err, -EINVAL,
			"truncated or damaged image: it is %zu bytes long and byte 16 says "
			"%" PRIu64,
			size, header->total_bytes);
	if (header->key_id != 0 || !image_all_zero(header->signature, sizeof(header->signature)))
		return error_set(err, -EINVAL,
			"the image is signed or damaged at byte 56, and this build cannot verify "
			"signatures");
	return 0;
}

static int image_check_hash(const uint8_t *image, size_t size, struct error *err)
{
	const struct image_header *header = (const void *)image;
	uint8_t hash[SHA256_BYTES];

	sha256_of(hash, image + sizeof(*header), size - sizeof(*header));
	if (memcmp(hash, header->sha256, sizeof(hash)) != 0)
		return error_set(err, -EINVAL,
			"damaged image: the bytes from %zu do not have the SHA-256 that byte 24 "
			"says",
			sizeof(*header));
	return 0;
}

static int image_read_sections(struct image_reader *reader, size_t size)
{
	const struct image_extent *meta = &reader->sections[SECTION_META];
	uint64_t end = sizeof(struct image_header) + sizeof(reader->sections);

	memcpy(reader->sections, reader->image + sizeof(struct image_header),
		sizeof(reader->sections));
	for (int s = 0; s < SECTION_COUNT; s++) {
		const struct image_extent *extent = &reader->sections[s];

		if (s >= IMAGE_SECTIONS_FIRST && extent->offset == 0 && extent->bytes == 0)
			continue;
		if (extent->offset != image_aligned(end) || extent->offset > size ||
			extent->bytes > size - extent->offset ||
			extent->bytes % RECORD_BYTES[s] != 0)
			return error_set(reader->err, -EINVAL,
				"image section %d at byte %" PRIu64 " with %" PRIu64
				" bytes is out of place or cut",
				s, extent->offset, extent->bytes);
		end = extent->offset + extent->bytes;
	}
	if (end != size || meta->bytes < IMAGE_META_BYTES_MIN || meta->bytes > sizeof(reader->meta))
		return error_set(reader->err, -EINVAL,
			"image sections end at byte %" PRIu64
			" of %zu, or the description is not there",
			end, size);
	memcpy(&reader->meta, image_section_of(reader, SECTION_META), meta->bytes);
	return 0;
}

// NULL with the sentence written: out of the section, not ended, or not plain UTF-8.
static const char *image_read_string(const struct image_reader *reader, uint32_t offset)
{
	uint64_t bytes = reader->sections[SECTION_STRINGS].bytes;
	const char *text = (const char *)image_section_of(reader, SECTION_STRINGS) + offset;
	size_t step;

	if (offset >= bytes || !memchr(text, 0, bytes - offset)) {
		error_set(reader->err, -EINVAL,
			"image string at %" PRIu32 " of %" PRIu64 " is not ended", offset, bytes);
		return NULL;
	}
	for (const char *at = text; *at; at += step) {
		step = text_character(at);
		if (step == 0) {
			error_set(reader->err, -EINVAL,
				"image string at %" PRIu32
				" holds a control character or is not UTF-8",
				offset);
			return NULL;
		}
	}
	return text;
}

static const void *image_read_data(
	const struct image_reader *reader, uint64_t offset, uint64_t bytes)
{
	uint64_t size = reader->sections[SECTION_DATA].bytes;

	if (offset % IMAGE_ALIGN != 0 || offset > size || bytes > size - offset) {
		error_set(reader->err, -EINVAL,
			"image data at %" PRIu64 " with %" PRIu64
			" bytes is unaligned or beyond the section's %" PRIu64,
			offset, bytes, size);
		return NULL;
	}
	return (const uint8_t *)image_section_of(reader, SECTION_DATA) + offset;
}

static int image_read_tensors(struct image_reader *reader)
{
	const struct image_tensor *record = image_section_of(reader, SECTION_TENSORS);
	struct graph *graph = reader->graph;

	for (uint64_t t = 0; t < graph->n_tensors; t++, record++) {
		struct tensor *tensor = &graph->tensors[t];

		tensor->name = image_read_string(reader, record->name);
		if (!tensor->name)
			return -EINVAL;
		tensor->dtype = (enum dtype)record->dtype;
		tensor->rank = record->rank;
		memcpy(tensor->dims, record->dims, sizeof(tensor->dims));
		if (tensor_check_shape(tensor, reader->err) != 0)
			return error_prefix(reader->err, "tensor \"%s\"", tensor->name);
		if (record->constant > 1)
			return error_set(
				reader->err, -EINVAL, "tensor \"%s\" is damaged", tensor->name);
		if (!record->constant)
			continue;
		tensor->data = image_read_data(reader, record->data, tensor_bytes(tensor));
		if (!tensor->data)
			return error_prefix(reader->err, "tensor \"%s\"", tensor->name);
	}
	return 0;
}

static int image_read_attr(
	struct image_reader *reader, const struct image_attr *record, struct attr *attr)
{
	*attr = (struct attr){ .key = (enum attr_key)record->key,
		.kind = (enum attr_kind)record->kind,
		.count = record->count };
	switch (record->kind) {
	case ATTR_KIND_INT:
		attr->i = (int64_t)record->value;
		return record->count == 1 ? 0 : error_set(reader->err, -EINVAL, "attribute count");
	case ATTR_KIND_FLOAT:
		memcpy(&attr->f, &record->value, sizeof(attr->f));
		return record->count == 1 ? 0 : error_set(reader->err, -EINVAL, "attribute count");
	case ATTR_KIND_INTS:
		attr->ints =
			image_read_data(reader, record->value, record->count * sizeof(int64_t));
		return attr->ints ? 0 : -EINVAL;
	case ATTR_KIND_FLOATS:
		attr->floats =
			image_read_data(reader, record->value, record->count * sizeof(float));
		return attr->floats ? 0 : -EINVAL;
	default:
		return error_set(reader->err, -EINVAL, "attribute kind %" PRIu32 " is unknown",
			record->kind);
	}
}

static int image_read_node(
	struct image_reader *reader, struct node *node, uint64_t *next_index, uint64_t *next_attr)
{
	const struct image_attr *attrs = image_section_of(reader, SECTION_ATTRS);
	const uint32_t *indices = image_section_of(reader, SECTION_INDICES);
	struct arena *arena = reader->graph->arena;

	if ((uint64_t)node->n_inputs + node->n_outputs >
			image_records(reader, SECTION_INDICES) - *next_index ||
		node->n_attrs > image_records(reader, SECTION_ATTRS) - *next_attr ||
		node->n_attrs > ATTR_KEY_COUNT)
		return error_set(reader->err, -EINVAL,
			"more inputs, outputs or attributes than the image holds");
	node->inputs =
		arena_memdup(arena, indices + *next_index, node->n_inputs * sizeof(*indices));
	*next_index += node->n_inputs;
	node->outputs =
		arena_memdup(arena, indices + *next_index, node->n_outputs * sizeof(*indices));
	*next_index += node->n_outputs;
	node->attrs = arena_calloc(arena, node->n_attrs, sizeof(*node->attrs));
	if (!node->inputs || !node->outputs || !node->attrs)
		return error_set(reader->err, -ENOMEM, "no memory");
	for (uint32_t a = 0; a < node->n_attrs; a++) {
		if (image_read_attr(reader, &attrs[(*next_attr)++], &node->attrs[a]) != 0)
			return -EINVAL;
	}
	return 0;
}

static int image_read_nodes(struct image_reader *reader)
{
	const struct image_node *record = image_section_of(reader, SECTION_NODES);
	struct graph *graph = reader->graph;
	uint64_t next_index = 0, next_attr = 0;

	for (uint64_t n = 0; n < graph->n_nodes; n++, record++) {
		struct node *node = &graph->nodes[n];
		int rc;

		node->op = (enum op)record->op;
		node->n_inputs = record->n_inputs;
		node->n_outputs = record->n_outputs;
		node->n_attrs = record->n_attrs;
		node->name = image_read_string(reader, record->name);
		if (!node->name)
			return -EINVAL;
		rc = image_read_node(reader, node, &next_index, &next_attr);
		if (rc != 0)
			return error_prefix(reader->err, "image node \"%s\"", node->name);
	}
	return 0;
}

static const struct graph_port *image_read_ports(struct image_reader *reader)
{
	const struct image_port *record = image_section_of(reader, SECTION_PORTS);
	uint64_t count = image_records(reader, SECTION_PORTS);
	struct graph_port *ports = arena_calloc(reader->graph->arena, count, sizeof(*ports));

	if (!ports || (uint64_t)reader->meta.n_inputs + reader->meta.n_outputs != count) {
		error_set(reader->err, -EINVAL,
			"image holds %" PRIu64 " inputs and outputs, not %" PRIu32 " and %" PRIu32,
			count, reader->meta.n_inputs, reader->meta.n_outputs);
		return NULL;
	}
	for (uint64_t p = 0; p < count; p++)
		ports[p] = (struct graph_port){ record[p].tensor, record[p].first_column };
	reader->graph->inputs = ports;
	reader->graph->outputs = ports + reader->meta.n_inputs;
	return ports;
}

static int image_read_names(struct image_reader *reader)
{
	const uint32_t *offsets = image_section_of(reader, SECTION_NAMES);
	const struct image_meta *meta = &reader->meta;
	struct graph *graph = reader->graph;
	uint64_t count = image_records(reader, SECTION_NAMES);
	const char **names;

	if ((uint64_t)meta->n_features + meta->n_columns_out + meta->n_class_labels +
			meta->n_lineage !=
		count)
		return error_set(reader->err, -EINVAL,
			"image holds %" PRIu64 " names for %" PRIu32 " features, %" PRIu32
			" outputs, %" PRIu32 " labels, %" PRIu32 " steps of lineage",
			count, meta->n_features, meta->n_columns_out, meta->n_class_labels,
			meta->n_lineage);
	names = arena_calloc(graph->arena, count, sizeof(*names));
	if (!names)
		return error_set(reader->err, -ENOMEM, "no memory for %" PRIu64 " names", count);
	for (uint64_t i = 0; i < count; i++) {
		names[i] = image_read_string(reader, offsets[i]);
		if (!names[i])
			return -EINVAL;
	}
	graph->feature_names = names;
	graph->output_names = names + meta->n_features;
	graph->class_labels = names + meta->n_features + meta->n_columns_out;
	graph->lineage = graph->class_labels + meta->n_class_labels;
	return 0;
}

// The texts of a map, from *next on.
static int image_read_text_map(struct image_reader *reader, const struct image_text_map *record,
	uint64_t *next, struct model_texts *map)
{
	const uint32_t *offsets = image_section_of(reader, SECTION_TEXTS);
	const char **texts;

	if (record->takes_unknown > 1 || record->is_category > 1 ||
		record->feature >= reader->meta.n_features ||
		record->n_texts > image_records(reader, SECTION_TEXTS) - *next)
		return error_set(reader->err, -EINVAL,
			"image text map of feature %" PRIu32 " with %" PRIu32 " texts is damaged",
			record->feature, record->n_texts);
	texts = arena_calloc(reader->graph->arena, (size_t)record->n_texts + 1, sizeof(*texts));
	if (!texts)
		return error_set(reader->err, -ENOMEM, "no memory for texts");
	for (uint32_t t = 0; t < record->n_texts; t++) {
		texts[t] = image_read_string(reader, offsets[(*next)++]);
		if (!texts[t])
			return -EINVAL;
	}
	*map = (struct model_texts){
		.feature = record->feature,
		.n_texts = record->n_texts,
		.takes_unknown = record->takes_unknown == 1,
		.is_category = record->is_category == 1,
		.texts = texts,
	};
	return 0;
}

static int image_read_text_maps(struct image_reader *reader)
{
	const struct image_text_map *records = image_section_of(reader, SECTION_TEXT_MAPS);
	const uint64_t n = image_records(reader, SECTION_TEXT_MAPS);
	const uint64_t n_texts = image_records(reader, SECTION_TEXTS);
	struct graph *graph = reader->graph;
	struct model_texts *maps;
	uint64_t next = 0;

	if (n > graph->n_features || n_texts > MODEL_TEXTS_MAX)
		return error_set(reader->err, -EINVAL,
			"the image holds %" PRIu64 " text maps of %" PRIu64 " texts; %" PRIu32
			" and %d are possible",
			n, n_texts, graph->n_features, MODEL_TEXTS_MAX);
	maps = arena_calloc(graph->arena, n + 1, sizeof(*maps));
	if (!maps)
		return error_set(reader->err, -ENOMEM, "no memory for text maps");
	for (uint64_t m = 0; m < n; m++) {
		int rc = image_read_text_map(reader, &records[m], &next, &maps[m]);

		if (rc != 0)
			return rc;
		if (m > 0 && maps[m].feature <= maps[m - 1].feature)
			return error_set(reader->err, -EINVAL,
				"image text maps are not in the order of their features");
	}
	if (next != n_texts)
		return error_set(reader->err, -EINVAL,
			"image holds %" PRIu64 " texts, its maps have %" PRIu64, n_texts, next);
	graph->texts = maps;
	graph->n_texts = (uint32_t)n;
	return text_maps_order(maps, graph->n_texts, graph->arena, reader->err);
}

static int image_read_meta(struct image_reader *reader)
{
	const struct image_meta *meta = &reader->meta;
	struct graph *graph = reader->graph;
	int rc;

	graph->n_inputs = meta->n_inputs;
	graph->n_outputs = meta->n_outputs;
	graph->n_features = meta->n_features;
	graph->n_columns_out = meta->n_columns_out;
	graph->n_class_labels = meta->n_class_labels;
	graph->n_lineage = meta->n_lineage;
	graph->n_golden = meta->n_golden;
	graph->accepts_missing = meta->accepts_missing == 1;
	graph->exact = meta->exact == 1;
	graph->golden_mean = meta->golden_mean;
	if (!(meta->golden_mean >= 0))
		return error_set(reader->err, -EINVAL,
			"the image's golden rows must be near by %g in the mean",
			(double)meta->golden_mean);
	memcpy(graph->source_sha256, meta->source_sha256, sizeof(graph->source_sha256));
	graph->name = image_read_string(reader, meta->name);
	graph->source_kind = graph->name ? image_read_string(reader, meta->source_kind) : NULL;
	if (!graph->source_kind || !image_read_ports(reader) || image_read_names(reader) != 0 ||
		image_check_meta(graph, reader->err) != 0)
		return -EINVAL;
	rc = image_read_text_maps(reader);
	if (rc == 0)
		rc = image_read_reference(image_section_of(reader, SECTION_REFERENCE),
			reader->sections[SECTION_REFERENCE].bytes, graph, reader->err);
	if (rc != 0)
		return rc;
	graph->input_scale =
		image_read_data(reader, meta->input_scale, graph->n_features * sizeof(float));
	graph->input_zero =
		image_read_data(reader, meta->input_zero, graph->n_features * sizeof(float));
	graph->golden_rows = image_read_data(reader, meta->golden_rows,
		(uint64_t)graph->n_golden * graph->n_features * sizeof(float));
	graph->golden_outputs = image_read_data(reader, meta->golden_outputs,
		(uint64_t)graph->n_golden * graph->n_columns_out * sizeof(float));
	if (!graph->input_scale || !graph->input_zero || !graph->golden_rows ||
		!graph->golden_outputs)
		return -EINVAL;
	if (meta->golden_tolerance == 0)
		return 0;
	graph->golden_tolerance = image_read_data(reader, meta->golden_tolerance,
		(uint64_t)graph->n_golden * graph->n_columns_out * sizeof(float));
	return graph->golden_tolerance ? 0 : -EINVAL;
}

static int image_read_graph(struct image_reader *reader)
{
	struct graph *graph = reader->graph;
	uint64_t n_tensors = image_records(reader, SECTION_TENSORS),
		 n_nodes = image_records(reader, SECTION_NODES);
	int rc;

	if (n_tensors > GRAPH_TENSORS_MAX || n_nodes > GRAPH_NODES_MAX)
		return error_set(reader->err, -EINVAL,
			"the image holds %" PRIu64 " tensors and %" PRIu64
			" nodes, at most %u and %u are supported",
			n_tensors, n_nodes, GRAPH_TENSORS_MAX, GRAPH_NODES_MAX);
	graph->tensors = arena_calloc(
		graph->arena, graph_capacity((uint32_t)n_tensors), sizeof(*graph->tensors));
	graph->nodes = arena_calloc(
		graph->arena, graph_capacity((uint32_t)n_nodes), sizeof(*graph->nodes));
	if (!graph->tensors || !graph->nodes)
		return error_set(reader->err, -ENOMEM, "no memory for the graph");
	graph->n_tensors = (uint32_t)n_tensors;
	graph->n_nodes = (uint32_t)n_nodes;
	rc = image_read_meta(reader);
	if (rc == 0)
		rc = image_read_tensors(reader);
	if (rc == 0)
		rc = image_read_nodes(reader);
	return rc != 0 ? rc : graph_check(graph, reader->err);
}

// What stands in front of the sections.
static int image_check_start(const void *image, size_t size, struct error *err)
{
	const size_t least =
		sizeof(struct image_header) + SECTION_COUNT * sizeof(struct image_extent);

	if ((uintptr_t)image % IMAGE_ALIGN != 0)
		return error_set(err, -EINVAL, "the image is not at a 64-byte aligned address");
	if (size < least || size > IMAGE_BYTES_MAX)
		return error_set(err, -EINVAL, "not a model image: %zu bytes, should be %zu to %zu",
			size, least, IMAGE_BYTES_MAX);
	return image_check_header(image, size, err);
}

int image_source(const void *image, size_t size, char *kind, size_t kind_bytes, uint8_t sha256[32],
	struct error *err)
{
	struct image_reader reader = { .image = image, .err = err };
	int rc = image_check_start(image, size, err);
	const char *text;

	if (rc == 0)
		rc = image_read_sections(&reader, size);
	if (rc != 0)
		return rc;
	text = image_read_string(&reader, reader.meta.source_kind);
	if (!text)
		return err->code;
	snprintf(kind, kind_bytes, "%s", text);
	memcpy(sha256, reader.meta.source_sha256, sizeof(reader.meta.source_sha256));
	return 0;
}

int image_open(const void *image, size_t size, struct graph **graph, struct error *err)
{
	struct image_reader reader = { .image = image, .err = err };
	int rc = image_check_start(image, size, err);

	if (rc == 0)
		rc = image_check_hash(image, size, err);
	if (rc == 0)
		rc = image_read_sections(&reader, size);
	if (rc != 0)
		return rc;
	reader.graph = graph_create();
	if (!reader.graph)
		return error_set(err, -ENOMEM, "no memory for the graph");
	rc = image_read_graph(&reader);
	if (rc != 0) {
		graph_destroy(reader.graph);
		return rc;
	}
	*graph = reader.graph;
	return 0;
}
