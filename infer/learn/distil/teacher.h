// SPDX-License-Identifier: BSD-3-Clause
// A model that teaches another: what it makes of rows, and rows where it changes its mind.
//
// Owner: the caller, one thread.
#pragma once

#include "base/error.h"
#include "infer/infer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A feature's thresholds cut the numbers into cells, in each of which an ensemble of trees gives the same. A value of
// each, ascending; n 0: no tree asks for the feature.
struct teacher_cells {
	float *values; // [n], in the middle between two thresholds
	float *upper;  // [n - 1] the thresholds
	uint32_t n;
	bool members; // values are members of sets and single ones, between which nothing lies
};

struct teacher {
	struct model *model;
	const struct model_info *info;
	size_t bytes;       // of its image
	uint8_t sha256[32]; // of the file
	uint32_t
		trees; // that ask for features as the rows have them, or scaled; 0: none, or not so
	struct teacher_cells *cells; // [n_features]; NULL without trees
	float *fill; // [n_features] what it puts for missing values (fill_of_graph()); NULL: it has no such thing
	void *scratch;
};

// Opens an image, or compiles a foreign model first, with `options`, which may be NULL. 0, or what image_open() or
// model_compile() says.
int teacher_open(const char *path, const struct compile_options *options, struct teacher *teacher,
	struct error *err);
// A model that only scores, of an image in memory. As model_open().
int teacher_open_image(const void *image, size_t size, struct teacher *teacher, struct error *err);
void teacher_close(struct teacher *teacher); // a zeroed one is fine

// rows [n][n_features], scores [n][n_outputs].
void teacher_score(const struct teacher *teacher, const float *rows, size_t n, float *scores);

// Makes a row near `row`, [n_features], on the other side of some of the trees' thresholds: about a quarter of
// the features that are asked for move into a cell nearby, or now and then any. The same `state` draws the same.
// Idea: D. Cohen et al., "Universal approximation of functions of decision tree ensembles", SIGIR 2018, whose rows
// are drawn from midpoints alone.
void teacher_draw(const struct teacher *teacher, const float *row, uint64_t *state, float *drawn);
