// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/interface.h"

#include <string.h>

#define INTERFACE_ADVICE                                                                           \
	"store it under another name, or say --force (in the API \"force\": true) where all "      \
	"clients know"

static int interface_check_names(const char *what, const char *const *live,
	const char *const *wanted, uint32_t n, struct error *err)
{
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(live[i], wanted[i]) != 0)
			return error_set(err, -EINVAL,
				"its %s %u (from 0) is '%.60s', that of the live version '%.60s'; "
				"%s",
				what, i, wanted[i], live[i], INTERFACE_ADVICE);
	return 0;
}

static int interface_check_texts(
	const struct model_info *live, const struct model_info *wanted, struct error *err)
{
	bool same = live->n_texts == wanted->n_texts;

	for (uint32_t i = 0; same && i < live->n_texts; i++) {
		const struct model_texts *a = &live->texts[i], *b = &wanted->texts[i];

		same = a->feature == b->feature && a->n_texts == b->n_texts;
		for (uint32_t t = 0; same && t < a->n_texts; t++)
			same = strcmp(a->texts[t], b->texts[t]) == 0;
	}
	return same ? 0
		    : error_set(err, -EINVAL,
			      "other numbers stand for the texts of its features than in the live "
			      "version; %s",
			      INTERFACE_ADVICE);
}

int interface_check(
	const struct model_info *live, const struct model_info *wanted, struct error *err)
{
	int rc;

	if (live->n_features != wanted->n_features || live->n_outputs != wanted->n_outputs)
		return error_set(err, -EINVAL,
			"it has %u features and %u outputs, the live version %u and %u; %s",
			wanted->n_features, wanted->n_outputs, live->n_features, live->n_outputs,
			INTERFACE_ADVICE);
	if (live->n_class_labels != wanted->n_class_labels)
		return error_set(err, -EINVAL, "it has %u class labels, the live version %u; %s",
			wanted->n_class_labels, live->n_class_labels, INTERFACE_ADVICE);
	rc = interface_check_names(
		"class", live->class_labels, wanted->class_labels, live->n_class_labels, err);
	if (rc == 0)
		rc = interface_check_names("feature", live->feature_names, wanted->feature_names,
			live->n_features, err);
	return rc == 0 ? interface_check_texts(live, wanted, err) : rc;
}
