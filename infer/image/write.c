// SPDX-License-Identifier: BSD-3-Clause
#include "base/drift.h"
#include "base/sha256.h"
#include "infer/graph/text.h"
#include "infer/image/equal.h"
#include "infer/image/format.h"
#include "infer/image/image.h"
#include "infer/image/meta.h"
#include "infer/infer.h"
#include "infer/ops/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// The graph is gone through twice: first to know how long each section is, `data` being NULL, then to
// write it where it stays.
struct section_buffer {
	uint8_t *data;
	size_t size;
};

struct writer {
	struct section_buffer sections[SECTION_COUNT];
	const uint32_t *first; // [n_tensors] the tensor that has put the bytes of each: equal.h
	uint64_t *put;         // [n_tensors] where
	bool failed;           // beyond IMAGE_BYTES_MAX: checked once, at the end
};

static void image_append(
	struct writer *writer, enum image_section section, const void *data, size_t bytes)
{
	struct section_buffer *buffer = &writer->sections[section];
	size_t needed;

	if (writer->failed || __builtin_add_overflow(buffer->size, bytes, &needed) ||
		needed > IMAGE_BYTES_MAX) {
		writer->failed = true;
		return;
	}
	if (buffer->data && data && bytes)
		memcpy(buffer->data + buffer->size, data, bytes);
	buffer->size = needed;
}

// All names enter an image here: characters that image_open() would refuse are replaced.
static uint32_t image_put_string(struct writer *writer, const char *text)
{
	const struct section_buffer *strings = &writer->sections[SECTION_STRINGS];
	uint32_t at = (uint32_t)strings->size;

	image_append(writer, SECTION_STRINGS, text, strlen(text) + 1);
	if (strings->data)
		text_clean((char *)strings->data + at);
	return at;
}

static uint64_t image_put_data(struct writer *writer, const void *data, size_t bytes)
{
	static const uint8_t zeros[IMAGE_ALIGN];
	uint64_t size = writer->sections[SECTION_DATA].size, at = image_aligned(size);

	image_append(writer, SECTION_DATA, zeros, at - size);
	image_append(writer, SECTION_DATA, data, bytes);
	return at;
}

// One value per feature; where the graph has none, `otherwise` for all.
static uint64_t image_put_features(
	struct writer *writer, const struct graph *graph, const float *values, float otherwise)
{
	uint64_t at;

	if (values)
		return image_put_data(writer, values, graph->n_features * sizeof(float));
	at = image_put_data(writer, &otherwise, sizeof(float));
	for (uint32_t f = 1; f < graph->n_features; f++)
		image_append(writer, SECTION_DATA, &otherwise, sizeof(float));
	return at;
}

static void image_put_meta(struct writer *writer, const struct graph *graph)
{
	struct image_meta meta = {
		.name = image_put_string(writer, graph->name),
		.source_kind = image_put_string(writer, graph->source_kind),
		.n_inputs = graph->n_inputs,
		.n_outputs = graph->n_outputs,
		.n_features = graph->n_features,
		.n_columns_out = graph->n_columns_out,
		.n_class_labels = graph->n_class_labels,
		.n_golden = graph->n_golden,
		.accepts_missing = graph->accepts_missing,
		.exact = graph->exact,
		.golden_mean = graph->golden_mean,
		.n_lineage = graph->n_lineage,
	};

	memcpy(meta.source_sha256, graph->source_sha256, sizeof(meta.source_sha256));
	meta.input_scale = image_put_features(writer, graph, graph->input_scale, 1.0f);
	meta.input_zero = image_put_features(writer, graph, graph->input_zero, 0.0f);
	meta.golden_rows = image_put_data(writer, graph->golden_rows,
		(size_t)graph->n_golden * graph->n_features * sizeof(float));
	meta.golden_outputs = image_put_data(writer, graph->golden_outputs,
		(size_t)graph->n_golden * graph->n_columns_out * sizeof(float));
	if (graph->golden_tolerance)
		meta.golden_tolerance = image_put_data(writer, graph->golden_tolerance,
			(size_t)graph->n_golden * graph->n_columns_out * sizeof(float));
	image_append(writer, SECTION_META, &meta, sizeof(meta));
}

static void image_put_names(struct writer *writer, const char *const *names, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = image_put_string(writer, names[i]);

		image_append(writer, SECTION_NAMES, &at, sizeof(at));
	}
}

static void image_put_ports(struct writer *writer, const struct graph_port *ports, uint32_t count)
{
	for (uint32_t p = 0; p < count; p++) {
		struct image_port port = { ports[p].tensor, ports[p].first_column };

		image_append(writer, SECTION_PORTS, &port, sizeof(port));
	}
}

static void image_put_tensor(struct writer *writer, const struct graph *graph, uint32_t t)
{
	const struct tensor *tensor = &graph->tensors[t];
	struct image_tensor record = {
		.name = image_put_string(writer, tensor->name),
		.dtype = tensor->dtype,
		.rank = tensor->rank,
		.constant = tensor->data != NULL,
	};

	for (uint32_t d = 0; d < tensor->rank; d++)
		record.dims[d] = tensor->dims[d];
	if (tensor->data && writer->first[t] == t)
		writer->put[t] = image_put_data(writer, tensor->data, tensor_bytes(tensor));
	if (tensor->data)
		record.data = writer->put[writer->first[t]];
	image_append(writer, SECTION_TENSORS, &record, sizeof(record));
}

static void image_put_attr(struct writer *writer, const struct attr *attr)
{
	struct image_attr record = { .key = attr->key, .kind = attr->kind, .count = attr->count };

	switch (attr->kind) {
	case ATTR_KIND_INT:
		record.value = (uint64_t)attr->i;
		break;
	case ATTR_KIND_FLOAT:
		memcpy(&record.value, &attr->f, sizeof(attr->f));
		break;
	case ATTR_KIND_INTS:
		record.value = image_put_data(writer, attr->ints, attr->count * sizeof(int64_t));
		break;
	case ATTR_KIND_FLOATS:
		record.value = image_put_data(writer, attr->floats, attr->count * sizeof(float));
		break;
	}
	image_append(writer, SECTION_ATTRS, &record, sizeof(record));
}

static void image_put_node(struct writer *writer, const struct node *node)
{
	struct image_node record = {
		.op = node->op,
		.name = image_put_string(writer, node->name),
		.n_inputs = node->n_inputs,
		.n_outputs = node->n_outputs,
		.n_attrs = node->n_attrs,
	};

	image_append(writer, SECTION_NODES, &record, sizeof(record));
	image_append(writer, SECTION_INDICES, node->inputs, node->n_inputs * sizeof(uint32_t));
	image_append(writer, SECTION_INDICES, node->outputs, node->n_outputs * sizeof(uint32_t));
	for (uint32_t a = 0; a < node->n_attrs; a++)
		image_put_attr(writer, &node->attrs[a]);
}

static void image_put_text_map(struct writer *writer, const struct model_texts *map)
{
	const struct image_text_map record = {
		.feature = map->feature,
		.n_texts = map->n_texts,
		.takes_unknown = map->takes_unknown,
		.is_category = map->is_category,
	};

	image_append(writer, SECTION_TEXT_MAPS, &record, sizeof(record));
	for (uint32_t t = 0; t < map->n_texts; t++) {
		uint32_t at = image_put_string(writer, map->texts[t]);

		image_append(writer, SECTION_TEXTS, &at, sizeof(at));
	}
}

static void image_put_reference(struct writer *writer, const struct drift_reference *reference)
{
	const struct image_reference head = { reference->n_rows, reference->n_columns, 0 };
	const uint32_t n_edges = drift_n_edges(reference), none = 0;

	image_append(writer, SECTION_REFERENCE, &head, sizeof(head));
	for (uint32_t c = 0; c < reference->n_columns; c++) {
		const uint32_t n = drift_n_counts(reference, c);

		image_append(writer, SECTION_REFERENCE, &n, sizeof(n));
	}
	if (reference->n_columns % 2)
		image_append(writer, SECTION_REFERENCE, &none, sizeof(none));
	image_append(writer, SECTION_REFERENCE, reference->counts,
		reference->first[reference->n_columns] * sizeof(uint64_t));
	image_append(writer, SECTION_REFERENCE, reference->edges, n_edges * sizeof(float));
	if (n_edges % 2)
		image_append(writer, SECTION_REFERENCE, &none, sizeof(none));
}

static void image_put_graph(struct writer *writer, const struct graph *graph)
{
	image_put_meta(writer, graph);
	image_put_ports(writer, graph->inputs, graph->n_inputs);
	image_put_ports(writer, graph->outputs, graph->n_outputs);
	image_put_names(writer, graph->feature_names, graph->n_features);
	image_put_names(writer, graph->output_names, graph->n_columns_out);
	image_put_names(writer, graph->class_labels, graph->n_class_labels);
	image_put_names(writer, graph->lineage, graph->n_lineage);
	for (uint32_t t = 0; t < graph->n_texts; t++)
		image_put_text_map(writer, &graph->texts[t]);
	for (uint32_t t = 0; t < graph->n_tensors; t++)
		image_put_tensor(writer, graph, t);
	for (uint32_t n = 0; n < graph->n_nodes; n++)
		image_put_node(writer, &graph->nodes[n]);
	if (graph->reference)
		image_put_reference(writer, graph->reference);
}

// Where each section will be. Returns the image's size.
static uint64_t image_lay_out(
	const struct writer *writer, struct image_extent extents[SECTION_COUNT])
{
	uint64_t end = sizeof(struct image_header) + SECTION_COUNT * sizeof(*extents);

	for (int s = 0; s < SECTION_COUNT; s++) {
		extents[s] = (struct image_extent){ 0 };
		if (s >= IMAGE_SECTIONS_FIRST && writer->sections[s].size == 0)
			continue;
		extents[s].offset = image_aligned(end);
		extents[s].bytes = writer->sections[s].size;
		end = extents[s].offset + extents[s].bytes;
	}
	return end;
}

static int image_assemble(struct writer *writer, const struct graph *graph, void **image,
	size_t *size, struct error *err)
{
	struct image_extent extents[SECTION_COUNT];
	struct image_header header = { .version = IMAGE_VERSION, .header_bytes = sizeof(header) };
	uint64_t end;
	uint8_t *bytes;

	image_put_graph(writer, graph);
	end = image_lay_out(writer, extents);
	if (writer->failed || end > IMAGE_BYTES_MAX)
		return error_set(err, -ENOMEM,
			"no memory for the image, or it is bigger than the %zu bytes supported",
			IMAGE_BYTES_MAX);
	bytes = aligned_alloc(IMAGE_ALIGN, image_aligned(end));
	if (!bytes)
		return error_set(err, -ENOMEM, "no memory for an image of %" PRIu64 " bytes", end);
	memset(bytes, 0, image_aligned(end));
	for (int s = 0; s < SECTION_COUNT; s++)
		writer->sections[s] = (struct section_buffer){ bytes + extents[s].offset, 0 };
	image_put_graph(writer, graph);
	memcpy(bytes + sizeof(header), extents, sizeof(extents));
	memcpy(header.magic, IMAGE_MAGIC, sizeof(header.magic));
	header.total_bytes = end;
	sha256_of(header.sha256, bytes + sizeof(header), end - sizeof(header));
	memcpy(bytes, &header, sizeof(header));
	*image = bytes;
	*size = end;
	return 0;
}

int image_write(const struct graph *graph, void **image, size_t *size, struct error *err)
{
	uint32_t *first = NULL;
	struct writer writer = { 0 };
	int rc = graph_check(graph, err);

	if (rc == 0)
		rc = image_check_meta(graph, err);
	if (rc == 0 && graph->n_golden && (!graph->golden_rows || !graph->golden_outputs))
		rc = error_set(err, -EINVAL, "the model's golden rows have no values");
	if (rc != 0)
		return rc;
	first = calloc((size_t)graph->n_tensors + 1, sizeof(*first));
	writer.put = calloc((size_t)graph->n_tensors + 1, sizeof(*writer.put));
	writer.first = first;
	if (first && writer.put)
		rc = image_find_equal(graph, first, err);
	else
		rc = error_set(err, -ENOMEM, "no memory for the image");
	if (rc == 0)
		rc = image_assemble(&writer, graph, image, size, err);
	free(first);
	free(writer.put);
	return rc;
}
