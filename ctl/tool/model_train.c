// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_train.h"

#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/output.h"
#include "ctl/tool/tool.h"
#include "ctl/tool/watched.h"
#include "infer/learn/train/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct train {
	struct train_request request;
	const char *image, *checkpoint, *onnx;
	uint32_t class_weights; // of CLASS_WEIGHTS
	bool resume;
};

#define VALIDATION_SHARE 0.1 // where nothing is said

// --- Checkpoints ---------------------------------------------------------------------------------

static int train_write_whole(const char *path, const void *bytes, size_t size, struct error *err)
{
	struct output output;
	int rc = output_open(&output, path, err);

	if (rc != 0)
		return rc;
	fwrite(bytes, 1, size, output.file); // a short write shows in output_commit()
	return output_commit(&output, err);
}

static int train_keep(void *context, const void *bytes, size_t size, struct error *err)
{
	const struct train *train = context;

	return train_write_whole(train->checkpoint, bytes, size, err);
}

// An earlier checkpoint is neither overwritten nor passed over without a word.
static int train_check_checkpoint(struct train *train, struct error *err)
{
	const bool there = train->checkpoint && access(train->checkpoint, F_OK) == 0;

	if (train->resume && !train->checkpoint)
		return error_set(err, -EINVAL,
			"--resume goes on from a checkpoint: say which by --checkpoint FILE");
	if (train->resume && !there)
		return error_set(err, -ENOENT,
			"%s: there is no such checkpoint to go on from: train without --resume",
			train->checkpoint);
	if (there && !train->resume)
		return error_set(err, -EEXIST,
			"%s: is there already: --resume goes on from it, or remove it to begin "
			"anew",
			train->checkpoint);
	if (!train->checkpoint)
		return 0;
	train->request.options.checkpoint = (struct train_checkpoint){
		.resume = train->resume ? train->checkpoint : NULL,
		.write = train_keep,
		.context = train,
	};
	return 0;
}

// What is written is none of what is read, nor one file twice.
static int train_check_outputs(const struct train *train, struct error *err)
{
	const struct output_other others[] = {
		{ "the rows", train->request.rows_path },
		{ "the validation rows", train->request.validation_path },
		{ "the labels", train->request.rows.labels_path },
		{ "the image", train->image },
		{ "the ONNX file", train->onnx },
	};
	int rc = output_check(train->image, others, 3, err);

	if (rc == 0)
		rc = output_check(train->onnx, others, 4, err);
	return rc != 0 ? rc : output_check(train->checkpoint, others, 5, err);
}

// --- What is said --------------------------------------------------------------------------------

static int train_print_json(const struct train *train, const struct train_made *made,
	const struct compile_report *report, const struct model_info *info)
{
	return tool_print_json(json_pack("{s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:i}",
		"image", image_string(train->image), "kind",
		image_string(train->request.options.kind), "report",
		image_strings((const char *const *)report->lines, (uint32_t)report->n_lines),
		"rows", (json_int_t)made->n_rows, "validation_rows", (json_int_t)made->n_validation,
		"features", image_strings(info->feature_names, info->n_features), "outputs",
		image_strings(info->output_names, info->n_outputs), "class_labels",
		image_strings(info->class_labels, info->n_class_labels), "image_bytes",
		(json_int_t)report->image_bytes, "weights_bytes", (json_int_t)report->weights_bytes,
		"golden_rows", (int)info->n_golden));
}

static int train_print_text(const struct train *train, const struct compile_report *report,
	const struct model_info *info)
{
	image_print_report(report);
	image_print_info(info);
	printf("%s: %s (weights %s), opened again, golden rows that agree: %u\n", train->image,
		format_bytes(report->image_bytes).s, format_bytes(report->weights_bytes).s,
		info->n_golden);
	printf("next: martletctl model push %s\n", train->image);
	return TOOL_DONE;
}

// --- The command ---------------------------------------------------------------------------------

static int train_parse_validation(void *field, const char *text, struct error *err)
{
	struct train *train = field;
	char *end;
	const double share = strtod(text, &end);

	if (*text && !*end) {
		if (!(share >= 0 && share < 1))
			return error_set(err, -EINVAL,
				"should be a share of the rows, 0 to below 1, or a file of rows");
		train->request.validation_share = share;
		train->request.validation_path = NULL;
	} else {
		train->request.validation_path = text;
	}
	return 0;
}

// The numbers that must be below 1.
static int train_parse_share(void *field, const char *text, struct error *err)
{
	double *share = field;
	char *end;

	*share = strtod(text, &end);
	if (!*text || *end || !(*share >= 0 && *share < 1))
		return error_set(err, -EINVAL, "should be 0 to below 1");
	return 0;
}

// The kinds whose options these are.
#define NETWORKS "dense|gru|lstm"
#define LABELLED NETWORKS "|boosted"
#define SCORES   "autoencoder|kitsune|isolation-forest"
#define LAYERS   NETWORKS "|autoencoder"
#define STEPS    LAYERS "|kitsune"
#define KEEPS    STEPS "|boosted" // that take long

// An unknown one is refused by who trains.
static const char *train_kind_of(const void *to)
{
	const struct train *train = to;

	for (size_t i = 0; train_kind(i); i++) {
		if (strcmp(train_kind(i), train->request.options.kind) == 0)
			return train_kind(i);
	}
	return NULL;
}

static bool train_scores(const struct train *train)
{
	const char *kind = train->request.options.kind;

	return strcmp(kind, "autoencoder") == 0 || strcmp(kind, "kitsune") == 0 ||
		strcmp(kind, "isolation-forest") == 0;
}

static const struct option_entry TRAIN[] = {
	{ NULL, 0, "ROWS", "the rows to learn from: .csv or .npy; - is standard input",
		OPTION_TO_TEXT(struct train, request.rows_path), .required = true },
	{ "output", 'o', "IMAGE", "where to write the image", OPTION_TO_TEXT(struct train, image),
		.required = true },
	{ "onnx", 0, "FILE", "write the model as ONNX, too", OPTION_TO_TEXT(struct train, onnx) },
	{ "kind", 0, "KIND",
		"dense, gru, lstm, autoencoder, kitsune, isolation-forest or boosted (dense)",
		OPTION_TO_TEXT(struct train, request.options.kind) },
	{ "name", 0, "N", "the model's name; else the image's, without its ending",
		OPTION_TO_OWN(struct train, request.name, command_parse_model) },
	{ "regression", 0, NULL, "the label is a number, which is to be predicted",
		OPTION_TO_FLAG(struct train, request.numbers), .of = LABELLED },
	{ "normal", 0, "CLASS",
		"of anomaly scores: learn from rows of this class alone; else the labels are not "
		"looked at",
		OPTION_TO_TEXT(struct train, request.normal), .of = SCORES },
	{ "validation", 0, "SHARE|FILE",
		"rows to judge by: a share of the rows, or a file; 0: none (0.1)",
		OPTION_TO_ALL(train_parse_validation) },
	DATASET_OPTIONS(struct train, request.rows),
	{ "missing", 0, "refuse|mean|median",
		"what becomes of missing values, here and in service: refused, or filled by their "
		"column's mean or median (refuse)",
		OPTION_TO_CHOICE(struct train, request.fill), .of = STEPS },
	{ "refuse-unknown", 0, NULL,
		"the model refuses rows with other texts than these; else they are one more "
		"category",
		OPTION_TO_FLAG(struct train, request.refuse_unknown) },
	{ "layers", 0, "N,N,...|none",
		"widths of the hidden layers; of an autoencoder up to the narrowest (64,32; behind "
		"recurrent layers none)",
		OPTION_TO_TEXT(struct train, request.options.network.layers), .of = LAYERS },
	{ "activation", 0, "relu|tanh|sigmoid|leaky-relu|elu|gelu", "of the hidden layers (relu)",
		OPTION_TO_CHOICE(struct train, request.options.network.activation), .of = LAYERS,
		.needs = "hidden layers" },
	{ "loss", 0, "softmax|sigmoid",
		"of classes: an output each, or of two classes one output (softmax)",
		OPTION_TO_CHOICE(struct train, request.options.network.loss), .of = NETWORKS,
		.needs = "classes" },
	{ "class-weights", 0, "none|balanced",
		"balanced: all classes count alike, however many rows each has (none)",
		OPTION_TO_CHOICE(struct train, class_weights), .of = LABELLED, .needs = "classes" },
	{ "dropout", 0, "SHARE", "of a hidden layer's outputs in each step, below 1 (0)",
		OPTION_TO_OWN(struct train, request.options.network.dropout, train_parse_share),
		.of = LAYERS },
	{ "epochs", 0, "N", "passes over the rows, at most",
		OPTION_TO_U32(struct train, request.options.steps.epochs, 1, 1000000),
		.of = STEPS },
	{ "patience", 0, "N", "epochs without a better validation score that end it",
		OPTION_TO_U32(struct train, request.options.steps.patience, 1, 1000000),
		.of = STEPS },
	{ "batch", 0, "N", "rows of a step",
		OPTION_TO_U32(struct train, request.options.steps.batch, 1, 1 << 20), .of = STEPS },
	{ "learning-rate", 0, "RATE", "of a step (dense 0.001), or of boosting (0.3)",
		OPTION_TO_DOUBLE(struct train, request.options.steps.learning_rate, 1e-9, 1e3),
		.of = STEPS "|boosted" },
	{ "weight-decay", 0, "SHARE", "by which weights shrink in a step, times the rate (0)",
		OPTION_TO_DOUBLE(struct train, request.options.steps.weight_decay, 0, 1e3),
		.of = STEPS },
	{ "clip", 0, "NORM", "bound of the gradient's norm (none; of gru and lstm 5)",
		OPTION_TO_DOUBLE(struct train, request.options.steps.clip, 0, 1e9), .of = STEPS },
	{ "fpr", 0, "RATE",
		"of anomaly scores: the share of normal rows that may score above 1 (0.001)",
		OPTION_TO_OWN(struct train, request.options.false_positive_rate, train_parse_share),
		.of = SCORES },
	{ "trees", 0, "N", "of an isolation forest (100)",
		OPTION_TO_U32(struct train, request.options.isolation.trees, 1, 100000),
		.of = "isolation-forest" },
	{ "samples", 0, "N", "rows that one of its trees sees (256)",
		OPTION_TO_U32(struct train, request.options.isolation.samples, 2, 1 << 24),
		.of = "isolation-forest" },
	{ "cluster", 0, "N", "features of one of kitsune's autoencoders, at most (10)",
		OPTION_TO_U32(struct train, request.options.kitsune.cluster, 1, 4096),
		.of = "kitsune" },
	{ "window", 0, "W", "of gru and lstm: steps of time that a row is",
		OPTION_TO_U32(struct train, request.options.recurrent.window, 1, 16384),
		.of = "gru|lstm" },
	{ "units", 0, "N,N,...", "widths of the recurrent layers (64)",
		OPTION_TO_TEXT(struct train, request.options.recurrent.units), .of = "gru|lstm" },
	{ "rounds", 0, "N", "of boosting (100)",
		OPTION_TO_U32(struct train, request.options.boosted.rounds, 1, 100000),
		.of = "boosted" },
	{ "depth", 0, "N", "of a boosted tree, at most (6)",
		OPTION_TO_U32(struct train, request.options.boosted.depth, 1, 32),
		.of = "boosted" },
	{ "early-stopping", 0, "N",
		"rounds without a better validation loss that end boosting; 0: none do (0)",
		OPTION_TO_U32(struct train, request.options.boosted.early_stopping, 0, 100000),
		.of = "boosted" },
	{ "subsample", 0, "SHARE", "of the rows, that a boosted tree is grown from (1)",
		OPTION_TO_DOUBLE(struct train, request.options.boosted.subsample, 1e-6, 1),
		.of = "boosted" },
	{ "colsample", 0, "SHARE", "of the features, that a boosted tree may ask for (1)",
		OPTION_TO_DOUBLE(struct train, request.options.boosted.colsample, 1e-6, 1),
		.of = "boosted" },
	{ "lambda", 0, "L2", "penalty of the weights of a boosted tree's leaves (1)",
		OPTION_TO_DOUBLE(struct train, request.options.boosted.lambda, 0, 1e9),
		.of = "boosted" },
	{ "min-child-weight", 0, "SUM", "least sum of second derivatives in a boosted leaf (1)",
		OPTION_TO_DOUBLE(struct train, request.options.boosted.min_child_weight, 0, 1e9),
		.of = "boosted" },
	{ "seed", 0, "N", "of all that is drawn: the same one gives the same model (1)",
		OPTION_TO_U64(struct train, request.options.seed, 0, OPTION_U64_MAX) },
	{ "threads", 0, "N", "as many as there are CPUs; any number gives the same model",
		OPTION_TO_U32(struct train, request.options.threads, 1, 256), .of = KEEPS },
	{ "checkpoint", 0, "FILE",
		"keep what is learnt so far there, every few seconds; removed in the end",
		OPTION_TO_TEXT(struct train, checkpoint), .of = KEEPS },
	{ "resume", 0, NULL, "go on from the checkpoint: to the same model",
		OPTION_TO_FLAG(struct train, resume), .of = KEEPS },
	{ 0 },
};

// What one option makes of no use to another.
static int train_check_use(const struct train *train, struct error *err)
{
	const char *kind = train->request.options.kind,
		   *layers = train->request.options.network.layers;
	const bool recurrent = strcmp(kind, "gru") == 0 || strcmp(kind, "lstm") == 0;
	int rc = 0;

	if (train->request.numbers)
		rc = command_lacks("classes", "--regression learns numbers", err);
	else if (train_scores(train) && !train->request.normal)
		rc = command_lacks("classes", "labels are not looked at without --normal", err);
	if (rc == 0 && layers && strcmp(layers, "none") == 0)
		rc = command_lacks("hidden layers", "--layers says none", err);
	else if (rc == 0 && recurrent && !layers)
		rc = command_lacks("hidden layers",
			"behind recurrent layers there are none without --layers", err);
	return rc;
}

// Writes what was made, and only then takes the checkpoint away.
static int train_write(
	const struct train *train, struct train_made *made, struct model **model, struct error *err)
{
	int rc = 0;

	if (made->onnx) {
		// Image and ONNX file are of one model: an interruption leaves both or neither.
		interrupts_spare(UINT32_MAX);
		rc = train_write_whole(train->onnx, made->onnx, made->onnx_size, err);
	}
	if (rc == 0) {
		rc = image_save(train->image, made->image, made->image_size, model, err);
		made->image = NULL; // which it freed
	}
	if (rc == 0 && train->checkpoint)
		unlink(train->checkpoint);
	return rc;
}

// Of an interrupted training is told what was learnt so far.
static int train_print(const struct train *train, const struct train_made *made, bool interrupted,
	const struct compile_report *report, const struct model_info *info)
{
	const int exit = (tool.json ? train_print_json(train, made, report, info)
				    : train_print_text(train, report, info));

	if (!interrupted || exit != TOOL_DONE)
		return exit;
	tool_note("interrupted: %s has what was learnt so far", train->image);
	return TOOL_INTERRUPTED;
}

static int train_run(const struct command *command, char **argv)
{
	struct train train = { .request = { .validation_share = VALIDATION_SHARE,
				       .options = { .kind = "dense",
					       .seed = 1,
					       .false_positive_rate = 0.001,
					       .boosted = TRAIN_BOOSTED_DEFAULTS,
					       .isolation = TRAIN_ISOLATION_DEFAULTS,
					       .kitsune = TRAIN_KITSUNE_DEFAULTS } } };
	struct compile_report report = { 0 };
	struct train_made made;
	struct model *model = NULL;
	struct watched watched;
	struct error err;
	bool interrupted;
	int exit, rc;

	if (!command_parse(command, argv, &train, &exit))
		return exit;
	if (train_check_use(&train, &err) != 0) {
		tool_refuse("%s", err.text);
		return TOOL_USAGE;
	}
	if (train_check_outputs(&train, &err) != 0 || train_check_checkpoint(&train, &err) != 0)
		return tool_refuse("%s", err.text);
	train.request.stem = train.image;
	train.request.onnx = train.onnx != NULL;
	train.request.options.network.balanced = train.class_weights == 1;
	watched_begin(&watched, "model train", train.image, train.checkpoint);
	rc = train_model(&train.request, &watched.watch, &made, &report, &err);
	if (made.image) // of an interrupted training, too
		rc = train_write(&train, &made, &model, &err);
	interrupted = watched_interrupted();
	watched_end(&watched);
	exit = rc != 0 ? tool_refuse("%s", err.text)
		       : train_print(&train, &made, interrupted, &report, model_info(model));
	model_close(model);
	train_made_fini(&made);
	compile_report_fini(&report);
	return exit;
}

const struct command model_train_command = {
	.words = "model train",
	.summary = "learn a model from rows: networks, autoencoders, forests, boosted trees",
	.entries = TRAIN,
	.kind = train_kind_of,
	.run = train_run,
};
