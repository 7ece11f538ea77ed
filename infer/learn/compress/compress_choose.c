// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/compress/compress_choose.h"

#include "infer/infer.h"

#include <errno.h>
#include <math.h>

double compress_misses(const struct compress_options *o, const struct compress_result *result,
	const struct compress_trial *trial)
{
	const double loss = result->trials[0].figure - trial->figure;
	const double ns = trial->ns_per_row[o->batch];
	double misses = 0;

	// A share of the loss allowed would make a tiny bound worth everything: it is of the figure itself.
	if (loss > o->max_loss)
		misses += loss - o->max_loss;
	if (o->max_ns > 0 && ns > o->max_ns)
		misses += ns / o->max_ns - 1;
	if (o->max_bytes > 0 && trial->image_bytes > o->max_bytes)
		misses += (double)trial->image_bytes / (double)o->max_bytes - 1;
	if (o->fits_bytes > 0 && trial->weights_bytes > o->fits_bytes)
		misses += (double)trial->weights_bytes / (double)o->fits_bytes - 1;
	return misses;
}

static bool compress_beats(
	const struct compress_trial *a, const struct compress_trial *b, uint32_t batch)
{
	const bool as_good = a->figure >= b->figure &&
		a->ns_per_row[batch] <= b->ns_per_row[batch] && a->image_bytes <= b->image_bytes;

	return as_good &&
		(a->figure > b->figure || a->ns_per_row[batch] < b->ns_per_row[batch] ||
			a->image_bytes < b->image_bytes);
}

void compress_choose(const struct compress_options *o, struct compress_result *r)
{
	const uint32_t batch = o->batch;
	double least = INFINITY;

	r->chosen = r->n_trials;
	for (uint32_t i = 0; i < r->n_trials; i++) {
		struct compress_trial *trial = &r->trials[i];
		const double misses = compress_misses(o, r, trial);

		trial->front = true;
		for (uint32_t other = 0; other < r->n_trials; other++)
			trial->front &= !compress_beats(&r->trials[other], trial, batch);
		if (trial->meets &&
			(r->chosen == r->n_trials ||
				trial->ns_per_row[batch] < r->trials[r->chosen].ns_per_row[batch]))
			r->chosen = i;
		if (misses < least) {
			least = misses;
			r->nearest = i;
		}
	}
}

int compress_refuse(
	const struct compress_options *o, const struct compress_result *r, struct error *err)
{
	const struct compress_trial *near = &r->trials[r->nearest];
	const uint32_t batch = o->batch;

	if (r->interrupted)
		return error_set(err, -ECANCELED,
			"interrupted before a trial met the bounds: no image is written");
	return error_set(err, -EDOM,
		"none of %u trials meets the bounds%s; the nearest is \"%s\": %s %.4f (%.4f as it "
		"is), "
		"%.1f ns a row at batch %u, an image of %zu bytes, weights of %zu",
		r->n_trials, r->out_of_time ? " within the time that --seconds gives" : "",
		near->steps, r->figure, near->figure, r->trials[0].figure, near->ns_per_row[batch],
		MODEL_BATCH_CLASS[batch], near->image_bytes, near->weights_bytes);
}
