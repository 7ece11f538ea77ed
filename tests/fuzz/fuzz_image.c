// SPDX-License-Identifier: BSD-3-Clause
// Images: the header's length and hash are made right so that the checks behind them are reached;
// what opens as a model must score any bits on every instruction set.
#include "tests/fuzz/score.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { .text = "" };
	void *image = fuzz_sealed_image(data, size);

	if (!image)
		return 0;
	if (!fuzz_score(image, size, data, size, &err) && !err.text[0])
		abort(); // refused without a sentence
	free(image);
	return 0;
}
