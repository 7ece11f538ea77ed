// SPDX-License-Identifier: BSD-3-Clause
// The model that the fuzzers of REST and gRPC ask: three features, of which one may be a text, and two classes, one
// with a name that JSON has to escape.
#pragma once

#include "infer/infer.h"

// A model's description by two bits of the input, `texts` and `missing`: whether it takes them.
static inline struct model_info text_model(bool texts, bool missing)
{
	static const char *const FEATURES[] = { "duration", "proto", "flag" };
	static const char *const LABELS[] = { "benign", "at\"tack" };
	static const char *const OUTPUTS[] = { "p[benign]", "p[attack]" };
	static const char *const PROTOS[] = { "tcp", "udp", "80" };
	static const uint32_t ORDER[] = { 2, 0, 1 };
	static const struct model_texts TEXTS = {
		.feature = 1, .n_texts = 3, .texts = PROTOS, .order = ORDER
	};

	return (struct model_info){ .name = "lab",
		.n_features = 3,
		.n_outputs = 2,
		.feature_names = FEATURES,
		.output_names = OUTPUTS,
		.class_labels = LABELS,
		.n_class_labels = 2,
		.texts = &TEXTS,
		.n_texts = texts,
		.accepts_missing = missing };
}
