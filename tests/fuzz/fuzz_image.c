// SPDX-License-Identifier: BSD-3-Clause
// Images: the header's length and hash are made right so that the checks behind them are reached;
// what opens as a model must score any bits on every instruction set.
#include "infer/image/format.h"
#include "tests/fuzz/score.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { .text = "" };
	struct image_header header;
	uint8_t *image = aligned_alloc(64, (size + 64) & ~(size_t)63);

	if (!image)
		return 0;
	memcpy(image, data, size);
	if (size > sizeof(header)) {
		memcpy(&header, image, sizeof(header));
		header.total_bytes = size;
		crypto_hash_sha256(header.sha256, image + sizeof(header), size - sizeof(header));
		memcpy(image, &header, sizeof(header));
	}
	if (!fuzz_score(image, size, data, size, &err) && !err.text[0])
		abort(); // refused without a sentence
	free(image);
	return 0;
}
