// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/train/boosted.h"

#include "base/clock.h"
#include "infer/compile/missing.h"
#include "infer/import/build.h"
#include "infer/learn/describe.h"
#include "infer/learn/train/boosted_state.h"
#include "infer/learn/train/booster.h"
#include "infer/ops/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BOOSTED_EVERY_NS (5 * CLOCK_SECOND_NS) // between two checkpoints

// --- Rows ---------------------------------------------------------------------------------------

struct boosted_rows { // the rows of a part that bear a target
	float *values, *targets, *weights;
	size_t n;
};

static void boosted_rows_fini(struct boosted_rows *rows)
{
	free(rows->values);
	free(rows->targets);
	free(rows->weights);
	*rows = (struct boosted_rows){ 0 };
}

static bool boosted_has_target(const struct dataset *set, uint32_t row)
{
	return set->target == DATASET_CLASSES ? set->classes[row] >= 0
					      : isfinite(set->numbers[row]);
}

// XGBoost refuses infinite values without saying where they are.
static int boosted_check_row(const struct dataset *set, uint32_t row, struct error *err)
{
	const float *x = set->values + (size_t)row * set->n_features;

	for (uint32_t f = 0; f < set->n_features; f++)
		if (isinf(x[f]))
			return error_set(err, -EDOM,
				"%s: row %" PRIu32
				": %s is infinite, should be a number or missing",
				set->path, row + 1, set->feature_names[f]);
	return 0;
}

static int boosted_fill(
	const struct dataset_part *part, struct boosted_rows *rows, struct error *err)
{
	const struct dataset *set = part->set;
	const size_t width = set->n_features;

	for (size_t i = 0; i < part->n; i++) {
		const uint32_t row = part->index[i];
		int rc = boosted_check_row(set, row, err);

		if (rc != 0)
			return rc;
		if (!boosted_has_target(set, row))
			continue;
		memcpy(rows->values + rows->n * width, set->values + row * width,
			width * sizeof(float));
		rows->targets[rows->n] = set->target == DATASET_CLASSES ? (float)set->classes[row]
									: set->numbers[row];
		rows->weights[rows->n] = set->weights ? set->weights[row] : 1;
		rows->n++;
	}
	return 0;
}

static int boosted_gather(
	const struct dataset_part *part, struct boosted_rows *rows, struct error *err)
{
	const size_t width = part->n > 0 ? part->set->n_features : 0;

	*rows = (struct boosted_rows){ 0 };
	rows->values = calloc(part->n * width + 1, sizeof(float));
	rows->targets = calloc(part->n + 1, sizeof(float));
	rows->weights = calloc(part->n + 1, sizeof(float));
	if (!rows->values || !rows->targets || !rows->weights)
		return error_set(err, -ENOMEM, "out of memory for a copy of %zu rows", part->n);
	return part->n > 0 ? boosted_fill(part, rows, err) : 0;
}

// Each class weighs what it would if all had as many rows.
static int boosted_balance(const struct dataset *set, struct boosted_rows *rows, struct error *err)
{
	double *sums = calloc(set->n_classes, sizeof(*sums)), all = 0;

	if (!sums)
		return error_set(err, -ENOMEM, "out of memory for the classes");
	for (size_t i = 0; i < rows->n; i++) {
		sums[(uint32_t)rows->targets[i]] += (double)rows->weights[i];
		all += (double)rows->weights[i];
	}
	for (size_t i = 0; i < rows->n; i++)
		rows->weights[i] *=
			(float)(all / (set->n_classes * sums[(uint32_t)rows->targets[i]]));
	free(sums);
	return 0;
}

// Are there two classes among the rows, or two different numbers?
static int boosted_need_two(
	const struct dataset *set, const struct boosted_rows *rows, struct error *err)
{
	size_t same = 0;

	if (rows->n == 0)
		return error_set(
			err, -EINVAL, "%s: no row that is learnt from bears a label", set->path);
	while (same < rows->n && rows->targets[same] == rows->targets[0])
		same++;
	if (same < rows->n)
		return 0;
	if (set->target == DATASET_CLASSES)
		return error_set(err, -EINVAL,
			"%s: all rows that are learnt from are of class '%s', there should be two "
			"classes or more",
			set->path, set->class_labels[(uint32_t)rows->targets[0]]);
	return error_set(err, -EINVAL,
		"%s: the target is %g in all rows that are learnt from, there is nothing to learn",
		set->path, (double)rows->targets[0]);
}

// --- Growing --------------------------------------------------------------------------------------

struct boosting {
	struct train_job *job;
	struct booster *booster;
	bool judged; // there are validation rows
	struct boosted_state state;
	uint64_t kept_ns; // when the last checkpoint was written; 0: none was
};

static const char *boosted_loss_name(const struct dataset *set)
{
	return set->target == DATASET_CLASSES ? "log loss" : "RMSE";
}

static struct booster_options boosted_options(const struct train_job *job)
{
	const struct train_boosted *given = &job->options->boosted;
	const struct train_steps *steps = &job->options->steps;
	const struct dataset *set = job->train.set;
	const bool classes = set->target == DATASET_CLASSES, many = classes && set->n_classes > 2;

	return (struct booster_options){
		.objective = many ? "multi:softprob"
			: classes ? "binary:logistic"
				  : "reg:squarederror",
		.n_classes = many ? set->n_classes : 0,
		.depth = given->depth,
		.learning_rate =
			steps->learning_rate > 0 ? steps->learning_rate : given->learning_rate,
		.subsample = given->subsample,
		.colsample = given->colsample,
		.lambda = given->lambda,
		.min_child_weight = given->min_child_weight,
		.base_score = NAN,
		.seed = job->options->seed,
		.threads = job->options->threads,
	};
}

static int boosted_create(struct boosting *b, struct error *err)
{
	const struct dataset *set = b->job->train.set;
	const struct booster_options options = boosted_options(b->job);
	struct boosted_rows rows[2] = { 0 };
	const bool balanced = set->target == DATASET_CLASSES && b->job->options->network.balanced;
	struct booster_rows given[2] = { 0 };
	int rc = boosted_gather(&b->job->train, &rows[0], err);

	if (rc == 0)
		rc = boosted_gather(&b->job->validation, &rows[1], err);
	if (rc == 0)
		rc = boosted_need_two(set, &rows[0], err);
	if (rc == 0 && balanced)
		rc = boosted_balance(set, &rows[0], err);
	for (int i = 0; i < 2; i++)
		given[i] = (struct booster_rows){ .values = rows[i].values,
			.n = rows[i].n,
			.n_features = set->n_features,
			.targets = rows[i].targets,
			.n_targets = 1,
			.weights = set->weights || (balanced && i == 0) ? rows[i].weights : NULL };
	b->judged = rows[1].n > 0;
	if (rc == 0 && b->job->options->boosted.early_stopping > 0 && !b->judged)
		rc = error_set(err, -EINVAL,
			"early stopping needs validation rows, and none of them bears a label");
	if (rc == 0)
		rc = booster_create(&options, &given[0], &given[1], &b->booster, err);
	boosted_rows_fini(&rows[0]);
	boosted_rows_fini(&rows[1]);
	return rc;
}

// Rows and features are drawn by generators that the library neither tells the state of nor takes one for.
static bool boosted_draws(const struct train_job *job)
{
	return job->options->boosted.subsample < 1 || job->options->boosted.colsample < 1;
}

// After the first round, then now and then, and where it is `last`. Where anything is drawn, from the first round alone the same
// trees are come to: the checkpoint says what training it is of, and holds no trees.
static int boosted_checkpoint(struct boosting *b, bool last, struct error *err)
{
	const char *trees;
	size_t size;
	int rc;

	if (!b->job->options->checkpoint.write ||
		(!last && b->kept_ns != 0 && clock_ns() - b->kept_ns < BOOSTED_EVERY_NS) ||
		(b->kept_ns != 0 && boosted_draws(b->job)))
		return 0;
	b->kept_ns = clock_ns();
	if (boosted_draws(b->job))
		return boosted_keep(b->job, NULL, 0, &(struct boosted_state){ 0 }, err);
	rc = booster_save(b->booster, &trees, &size, err);
	return rc != 0 ? rc : boosted_keep(b->job, trees, size, &b->state, err);
}

static bool boosted_goes_on(const struct boosting *b)
{
	const struct train_boosted *given = &b->job->options->boosted;

	return b->state.rounds < given->rounds &&
		(given->early_stopping == 0 ||
			b->state.rounds - b->state.best < given->early_stopping);
}

// One round and what it came to. *go: is there to be another?
static int boosted_round(struct boosting *b, bool *go, struct error *err)
{
	const struct train_boosted *given = &b->job->options->boosted;
	const struct learn_watch *watch = b->job->watch;
	struct learn_progress progress = { .stage = "round",
		.total = given->rounds,
		.score_name = boosted_loss_name(b->job->train.set) };
	int rc = booster_grow(b->booster, err);

	if (rc == 0)
		rc = booster_loss(b->booster, &progress.loss, &progress.score, err);
	if (rc != 0)
		return rc;
	progress.done = ++b->state.rounds;
	if (!isfinite(progress.loss))
		return error_set(err, -EDOM,
			"training diverged in round %" PRIu32
			": the %s of the training rows is "
			"no number any more; a smaller learning rate may help",
			b->state.rounds, progress.score_name);
	if (b->judged && (b->state.best == 0 || progress.score < b->state.best_loss)) {
		b->state.best = b->state.rounds;
		b->state.best_loss = progress.score;
	}
	*go = boosted_goes_on(b);
	rc = boosted_checkpoint(b, false, err);
	if (rc != 0)
		return rc;
	if (watch && watch->step && !watch->step(watch->context, &progress)) {
		rc = boosted_checkpoint(b, true, err);
		return rc != 0 ? rc
			       : error_set(err, -ECANCELED, "interrupted after %" PRIu32 " rounds",
					 b->state.rounds);
	}
	return 0;
}

// --- What was grown ---------------------------------------------------------------------------------

int boosted_two_columns(struct graph *graph, struct error *err)
{
	const uint32_t p = graph->outputs[0].tensor, one = build_scalar(graph, 1, err);
	const uint32_t pair[2] = { build_pair(graph, OP_SUB, one, p, err), p };
	uint32_t joined;

	graph->tensors[p].name = "probability";
	joined = build_joined(graph, 2, pair, err);
	return joined == GRAPH_NONE ? err->code : build_output(graph, joined, err);
}

static int boosted_finish(struct boosting *b, struct error *err)
{
	struct train_job *job = b->job;
	const struct dataset *set = job->train.set;
	const bool early = job->options->boosted.early_stopping > 0;
	const uint32_t most = job->options->boosted.rounds; // a checkpoint may have more
	const uint32_t kept =
		early ? b->state.best : (b->state.rounds < most ? b->state.rounds : most);
	int rc;

	if (kept > most)
		return error_set(err, -EINVAL,
			"the checkpoint's best model has %" PRIu32 " rounds, and --rounds %" PRIu32
			" allows less: resume it with as many",
			kept, most);
	rc = booster_graph(b->booster, kept, &job->graph, job->report, err);

	if (rc == 0 && set->target == DATASET_CLASSES && set->n_classes == 2)
		rc = boosted_two_columns(job->graph, err);
	if (rc == 0)
		rc = describe_graph(job->graph, set, err);
	if (rc == 0)
		rc = missing_decide(job->graph, false, job->report, err);
	if (rc == 0)
		rc = graph_check(job->graph, err);
	if (rc != 0) {
		graph_destroy(job->graph);
		job->graph = NULL;
		return rc;
	}
	report_add(job->report, "%" PRIu32 " rounds of trees were grown, %" PRIu32 " are kept",
		b->state.rounds, kept);
	if (b->judged)
		report_add(job->report,
			"the least %s of the validation rows is %.6g, after round %" PRIu32,
			boosted_loss_name(set), b->state.best_loss, b->state.best);
	return 0;
}

int train_boosted(struct train_job *job, struct error *err)
{
	struct boosting b = { .job = job };
	struct error stopped = { .text = "" };
	bool go = true;
	int rc;

	job->graph = NULL;
	if (job->train.set->target == DATASET_NONE)
		return error_set(err, -EINVAL, "%s: there are no labels, which trees learn from",
			job->train.set->path);
	rc = boosted_create(&b, err);
	if (rc == 0 && job->options->checkpoint.resume) {
		rc = boosted_resume(job, b.booster, &b.state, err);
		go = boosted_goes_on(&b);
		if (boosted_draws(job))
			report_add(job->report,
				"rows or features are drawn: the rounds before the interruption "
				"were grown again");
	}
	while (rc == 0 && go) {
		rc = boosted_round(&b, &go, &stopped);
		learn_spare(job->watch,
			job->options->checkpoint.write ? LEARN_CHECKPOINT : LEARN_UNTIL_DONE);
	}
	// Without a checkpoint the rounds are nowhere else until the image is written; of one that failed is told.
	if (job->options->checkpoint.write && (rc == 0 || rc == -ECANCELED))
		learn_spare(job->watch, 0);
	if (rc != 0 && stopped.code != 0)
		*err = stopped;
	// What is kept is gone on from; else what there is is better than nothing.
	if (rc == 0 || (rc == -ECANCELED && !job->options->checkpoint.write)) {
		const int made = boosted_finish(&b, err);

		rc = made != 0 ? made : rc;
		if (rc == -ECANCELED)
			*err = stopped;
	}
	booster_destroy(b.booster);
	return rc;
}
