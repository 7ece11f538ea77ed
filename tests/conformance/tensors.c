// SPDX-License-Identifier: BSD-3-Clause
#include "tests/conformance/tensors.h"

#include "infer/import/onnx/tensor.h"

#include <stdlib.h>
#include <string.h>

#define TENSORS_MAX    256
#define FILE_BYTES_MAX ((size_t)1 << 28)

void *read_whole(const char *path, size_t *size)
{
	FILE *file = fopen(path, "re");
	long end = -1;
	void *bytes = NULL;

	if (!file)
		return NULL;
	if (fseek(file, 0, SEEK_END) == 0)
		end = ftell(file);
	if (end > 0 && (size_t)end <= FILE_BYTES_MAX && fseek(file, 0, SEEK_SET) == 0)
		bytes = malloc((size_t)end);
	if (bytes && fread(bytes, 1, (size_t)end, file) != (size_t)end) {
		free(bytes);
		bytes = NULL;
	}
	fclose(file);
	*size = bytes ? (size_t)end : 0;
	return bytes;
}

// Values go through the importer's own reader, which checks dims against data.
static int read_one(struct tensors *tensors, const void *bytes, size_t size, const char *name,
	struct error *err)
{
	struct onnx onnx = { .graph = tensors->graph, .err = err };
	Onnx__TensorProto *proto = onnx__tensor_proto__unpack(NULL, size, bytes);
	int rc;

	if (!proto)
		return error_set(err, -EINVAL, "%s is no TensorProto", name);
	rc = onnx_tensor(&onnx, proto, name, "file", &tensors->at[tensors->n]);
	onnx__tensor_proto__free_unpacked(proto, NULL);
	if (rc == 0)
		tensors->n++;
	return rc;
}

int tensors_read(const char *folder, const char *stem, struct tensors *tensors, struct error *err)
{
	char name[64], path[4096];
	int rc = 0;

	memset(tensors, 0, sizeof(*tensors));
	tensors->graph = graph_create();
	tensors->at = calloc(TENSORS_MAX, sizeof(*tensors->at));
	if (!tensors->graph || !tensors->at)
		return error_set(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; rc == 0 && i < TENSORS_MAX; i++) {
		size_t size;
		void *bytes;

		snprintf(name, sizeof(name), "%s_%u.pb", stem, i);
		snprintf(path, sizeof(path), "%s/%s", folder, name);
		bytes = read_whole(path, &size);
		if (!bytes)
			break;
		rc = read_one(tensors, bytes, size, name, err);
		free(bytes);
	}
	return rc;
}

void tensors_fini(struct tensors *tensors)
{
	graph_destroy(tensors->graph);
	free(tensors->at);
}

const struct tensor *tensors_get(const struct tensors *tensors, uint32_t i)
{
	return &tensors->graph->tensors[tensors->at[i]];
}
