// SPDX-License-Identifier: BSD-3-Clause
// Rows sent to an appliance, and their scores: over REST, or over UDP. One thread.
#pragma once

#include "ctl/tool/command.h"
#include "ctl/tool/score_sink.h"

#include <jansson.h>

struct score_model {
	struct command_target target;
	json_t *json; // of the appliance; NULL: it was not asked, and only `id` is known
	uint32_t id;  // on the wire
	uint32_t n_features, n_outputs;             // 0: not known
	const char **feature_names, **output_names; // of json; NULL: not known
	bool has_texts;                             // its rows are cells of text
};

// A piece of the rows: values [n][n_columns], or, where the model has texts, cells [n][n_columns].
struct score_rows {
	const float *values;
	const char *const *cells;
	uint32_t n, n_columns;
};

// Asks for each row of the piece, and puts what comes into the sink, in order. Rows that the appliance refuses
// fail by themselves; what concerns all of them is refused. 0 or a negative errno with a sentence; a sentence
// that was said already is empty.
int score_ask_rest(const struct score_model *model, const struct score_rows *rows,
	struct score_sink *sink, struct error *err);

struct score_udp;
struct score_udp_options {
	const char *where; // HOST:PORT, [ADDRESS]:PORT
	uint32_t mtu, timeout_ms, tries;
	const char *key; // file of keys (base/trust/keys.h); NULL: not authenticated
	uint32_t key_id; // 0: the file's only one
};
int score_udp_open(
	const struct score_udp_options *options, struct score_udp **out, struct error *err);
void score_udp_close(struct score_udp *udp); // NULL is fine
// As score_ask_rest(). Sets model->n_outputs where that was not known.
int score_ask_udp(struct score_udp *udp, struct score_model *model, const struct score_rows *rows,
	struct score_sink *sink, struct error *err);
