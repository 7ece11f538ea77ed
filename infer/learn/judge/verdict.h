// SPDX-License-Identifier: BSD-3-Clause
// What an evaluation is asked, and what it found. evaluate.h says how models are judged.
#pragma once

#include "infer/learn/data/dataset.h"
#include "infer/learn/judge/figures.h"
#include "infer/learn/judge/metrics.h"
#include "infer/learn/judge/ranking.h"
#include "infer/learn/watch.h"

enum evaluate_as {
	EVALUATE_AUTO,
	EVALUATE_CLASSES, // a column a class
	EVALUATE_SCORE,   // one column: of the second of two classes
	EVALUATE_ANOMALY, // one column: 1 is the threshold
	EVALUATE_LABEL,   // one column: the class's number
	EVALUATE_NUMBER,  // one column: regression
};

struct evaluate_options {
	const char *rows_path;
	struct dataset_options data;    // model and target are the verdict's
	struct compile_options compile; // of files that are no images
	struct model_options model;
	enum evaluate_as as;
	const char *classes;  // comma-separated, of a model without class labels; NULL: 0, 1, ...
	const char *positive; // the class that is told from the rest; NULL: as above
	const char *normal;   // or the one that all the others are told from
	// Which decides about that: a threshold, or how it is found on these rows. NaN: not said.
	double threshold, fpr, cost_fp, cost_fn;
	uint32_t n_samples; // of the bootstrap; 0: no intervals
	uint64_t seed;
	double confidence; // of the intervals, 0.95
	bool no_timing;    // no row is timed, and kernels are chosen by rule
};

#define EVALUATE_NOTES_MAX     12
#define EVALUATE_CHOICES_MAX   8
#define EVALUATE_PAIRS_MAX     1000
#define EVALUATE_CONFUSION_MAX 256 // classes; of more there is no confusion matrix

// A threshold, what it is there for, and what it decides.
struct evaluate_choice {
	const char *why; // "in use", "best F1", ...
	struct ranking_point point;
};

// Of the rows that bear one label, as the file has it.
struct evaluate_group {
	char *label;
	double weight, found; // of them by weight, and of these decided to be positive
};

struct evaluate_pair {
	float truth, foreseen;
};

struct verdict {
	const char *path; // the caller's
	char *model;      // its name
	enum evaluate_as as;
	char *notes[EVALUATE_NOTES_MAX]; // how it was judged: sentences
	uint32_t n_notes;
	size_t n_rows, n_unlabelled; // judged, and left out
	bool weighted, probabilities;
	uint8_t rows_sha256[32];

	double figures[FIGURES];
	double *samples;                    // [n_samples][FIGURES]
	double low[FIGURES], high[FIGURES]; // NaN without samples

	// Of classes; decisions among them are the model's own, but for two, which a threshold decides.
	uint32_t n_classes; // 0: numbers
	char **class_labels;
	struct metrics_class *classes;
	double *class_roc_auc, *class_pr_auc; // NULL: two classes, or no score for each
	double *confusion; // [truth][decided]; NULL: more than EVALUATE_CONFUSION_MAX

	// Of one class against the rest: `positive` NULL: there is none.
	char *positive;
	double threshold; // in use; NaN: the largest score decides
	double eer_threshold;
	struct evaluate_choice choices[EVALUATE_CHOICES_MAX];
	uint32_t n_choices;
	struct evaluate_group *groups; // of labels that are more than two
	uint32_t n_groups;

	// For plots: points of the curve, of which near ones are left out, the first and the last never. Of more classes than two
	// and no positive one, of all columns against whether the row is of their class, pooled; n_points 0: too many.
	struct ranking_point *points;
	size_t n_points;
	struct metrics_bin bins_10[10], bins_15[15]; // of probabilities
	struct evaluate_pair *pairs;                 // of numbers, every so many rows
	uint32_t n_pairs;

	uint64_t image_bytes, weights_bytes;
	struct bench_result bench[MODEL_BATCH_CLASSES]; // 0 without timing
};

void verdict_fini(struct verdict *verdict); // a zeroed one is fine
// Adds a sentence that says how the model is judged. Without memory, or beyond EVALUATE_NOTES_MAX, it is lost.
__attribute__((format(printf, 2, 3))) void verdict_note(
	struct verdict *verdict, const char *format, ...);
// How the figures of `other` differ from those of `first` on the same samples of the same rows: what they have in common
// cancels out. Both were judged with these options. Fills low, high [FIGURES]. -ENOMEM.
int verdict_compare(const struct verdict *first, const struct verdict *other,
	const struct evaluate_options *options, double *low, double *high, struct error *err);
