// SPDX-License-Identifier: BSD-3-Clause
// Training: from a file of rows to an image.
#pragma once

#include "infer/learn/dataset.h"
#include "infer/learn/watch.h"

struct train_options {
	const char *kind; // "dense", "autoencoder", ...
};
