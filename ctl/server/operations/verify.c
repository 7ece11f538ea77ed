// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/verify.h"

#include "base/sha256.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/stored_image.h"
#include "ctl/server/operations/warm.h"

#include <sodium.h>
#include <string.h>
#include <time.h>

static int verify_scores(
	struct operation *op, const struct model_options *options, struct model **model)
{
	int rc = stored_image_open(op->server, &op->server->config->trust, op->data, op->size,
		options, model, &op->err);

	if (rc == 0) {
		rc = warm_model(*model, &op->err);
		if (rc == -EINVAL && model_info(*model)->n_golden)
			error_prefix(&op->err,
				"this machine does not score the model as it was compiled; compile "
				"it again with this build's martletctl");
	}
	return rc;
}

void verify_hash(struct operation *op)
{
	sha256_text_of(op->stored.sha256, op->data, op->size);
	op->stored.version = op->version;
	op->stored.bytes = op->size;
	op->stored.at = (int64_t)time(NULL);
}

static int verify_admit(struct operation *op)
{
	const struct stored_image image = { .bytes = op->data,
		.size = op->size,
		.signature = op->signature,
		.signature_size = op->signature_size,
		.version = op->version,
		.sha256 = op->stored.sha256,
		.is_stored = strcmp(op->there_sha256, op->stored.sha256) == 0 };
	int rc;

	accepted_fini(&op->accepted);
	rc = stored_image_admit(op->server, &op->server->config->trust, op->model, &image,
		&op->claim, &op->accepted, &op->err);
	if (rc == 0) {
		memcpy(op->stored.signed_by, op->claim.key, sizeof(op->stored.signed_by));
		op->stored.signed_version = op->claim.version;
	}
	return rc;
}

void verify_image(void *arg)
{
	struct operation *op = arg;
	struct model_options options = op->server->model_options;
	struct model *model = NULL;

	if (!op->stored.sha256[0])
		verify_hash(op);
	if (verify_admit(op) != 0) {
		op->status = stored_image_status(&op->err);
		return;
	}
	stored_image_source(op->server, op->data, op->size, &op->stored.source, &op->err);
	options.no_timing = true; // whether it is sound, not how fast: deploying times it
	if (verify_scores(op, &options, &model) != 0)
		op->status = operation_status(&op->err, 422);
	else // err may tell of what was tried in vain: a kernel, a golden row that may disagree
		op->err.code = 0;
	model_close(model);
}
