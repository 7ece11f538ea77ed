// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a capture of requests and replies: rows are compared, or one sentence comes out. The first byte
// says whether replies are looked at. Two versions of the same trees score alike, so nothing may differ beside
// each other, and all that is counted adds up.
#include "ctl/tool/replay.h"
#include "ctl/tool/replay_wire.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char TREE[] =
	"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx="
	"1\n"
	"objective=regression\nfeature_names=a b\nfeature_infos=[0:9] [0:9]\ntree_sizes=300\n\n"
	"Tree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nsplit_gain=1\nthreshold=4.5\n"
	"decision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=1 2\nleaf_weight=1 1\n"
	"leaf_count=1 1\ninternal_value=0\ninternal_weight=0\ninternal_count=2\nis_linear=0\n"
	"shrinkage=1\n\n\nend of trees\n\nfeature_importances:\na=1\n\nparameters:\n"
	"[boosting: gbdt]\nend of parameters\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct model *make_model(void)
{
	static const struct model_options how = { .no_timing = true };
	const struct compile_options options = { .name = "m" };
	struct compile_report report = { 0 };
	char path[] = "/tmp/fuzz_replay_XXXXXX";
	struct model *model;
	struct error err;
	void *image;
	size_t size;
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, TREE, sizeof(TREE) - 1) != (ssize_t)sizeof(TREE) - 1)
		abort();
	close(fd);
	if (model_compile(path, &options, &image, &size, &report, &err) != 0 ||
		model_open(image, size, &how, &model, &err) != 0)
		abort();
	compile_report_fini(&report);
	free(image);
	unlink(path);
	return model;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct replay_options how = {
		.threshold = 0.5, .tolerance = 0.01, .shown = 3
	};
	static struct model *model;
	struct replay_wire_options options = { .partial = true, .version = 9, .pending = 2 };
	struct replay_wire_counts counts;
	const struct replay_result *result;
	struct replay *replay;
	struct error err = { .text = "" };
	FILE *file;

	if (size < 2)
		return 0;
	if (!model)
		model = make_model();
	options.answered = data[0] & 1;
	options.id = data[0] & 2 ? 7 : 0;
	file = fmemopen((void *)(uintptr_t)(data + 1), size - 1, "rb");
	if (!file ||
		replay_create(options.answered ? NULL : model, model, &how, &replay, &err) != 0)
		abort();
	if (replay_wire(replay, options.answered ? NULL : model, model, &options, file, "fuzz",
		    &counts, &err) != 0 &&
		!err.text[0])
		abort();
	result = replay_finish(replay);
	if (!options.answered && (result->n_differ || counts.one_sided))
		abort(); // a model beside itself
	if (result->n_differ > result->n || result->n_rows > how.shown ||
		(result->n > 0) > (counts.requests > 0))
		abort();
	replay_destroy(replay);
	return 0;
}
