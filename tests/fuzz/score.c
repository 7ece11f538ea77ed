// SPDX-License-Identifier: BSD-3-Clause
#include "tests/fuzz/score.h"
#include "infer/image/format.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 3

static void score(const struct model *model, const uint8_t *data, size_t size)
{
	const struct model_info *info = model_info(model);
	size_t columns = (size_t)info->n_features * ROWS;
	size_t scratch_bytes = (model_scratch_bytes(model, ROWS) + 63) & ~(size_t)63;
	float *rows = malloc(columns * sizeof(float));
	float *outputs = malloc((size_t)info->n_outputs * ROWS * sizeof(float));
	void *scratch = aligned_alloc(64, scratch_bytes);

	for (size_t i = 0; rows && i < columns * sizeof(float); i++)
		((uint8_t *)rows)[i] = data[(i * 7 + 3) % size];
	if (rows && outputs && scratch)
		model_score(model, rows, outputs, ROWS, scratch, ROWS);
	free(rows);
	free(outputs);
	free(scratch);
}

bool fuzz_score(
	const void *image, size_t image_bytes, const uint8_t *data, size_t size, struct error *err)
{
	static const unsigned masks[] = { ISA_SCALAR, ISA_AVX2, ISA_AVX2 | ISA_AVX512, ~0u };

	for (size_t m = 0; m < sizeof(masks) / sizeof(*masks); m++) {
		const struct model_options options = {
			.isa_limited = true, .isa_mask = masks[m], .no_timing = true
		};
		struct model *model;

		if (model_open(image, image_bytes, &options, &model, err) != 0)
			return false;
		score(model, data, size);
		model_close(model);
	}
	return true;
}

void *fuzz_sealed_image(const uint8_t *data, size_t size)
{
	struct image_header header;
	uint8_t *image = aligned_alloc(64, (size + 64) & ~(size_t)63);

	if (!image)
		return NULL;
	memcpy(image, data, size);
	if (size > sizeof(header)) {
		memcpy(&header, image, sizeof(header));
		header.total_bytes = size;
		crypto_hash_sha256(header.sha256, image + sizeof(header), size - sizeof(header));
		memcpy(image, &header, sizeof(header));
	}
	return image;
}
