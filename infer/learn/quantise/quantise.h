// SPDX-License-Identifier: BSD-3-Clause
// Quantisation: from a float model and rows to an image in fewer bits, with what it costs, layer by layer.
#pragma once

#include "infer/learn/quantise/quantise_options.h"

// The image is malloc'ed; `report` is added to. -EINVAL: among others no layer can be in 8 bits within max_loss;
// -ENOTSUP: the model has no layer of weights, or is quantised already; -ECANCELED: the watch ended it; what
// graph_load(), dataset_read() and compile_graph() say. quantise_result_fini() in any case.
int model_quantise(const struct quantise_request *request, void **image, size_t *size,
	struct quantise_result *result, struct compile_report *report, struct error *err);
void quantise_result_fini(struct quantise_result *result);
