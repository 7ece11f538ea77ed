// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/operators.h"

#include "infer/infer.h"

#include <string.h>

#define FAMILY(family) ONNX_##family,
static const struct onnx_operator *const FAMILIES[] = { ONNX_FAMILIES(FAMILY) };
#undef FAMILY
#define FAMILY(family) ONNX_ML_##family,
static const struct onnx_operator *const ML_FAMILIES[] = { ONNX_ML_FAMILIES(FAMILY) };
#undef FAMILY
#define FAMILY(family) ONNX_MICROSOFT_##family,
static const struct onnx_operator *const MICROSOFT_FAMILIES[] = { ONNX_MICROSOFT_FAMILIES(FAMILY) };
#undef FAMILY

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

static const struct {
	const char *name;
	int64_t opset_max;
	const struct onnx_operator *const *families;
	size_t n_families;
} DOMAINS[ONNX_DOMAINS] = {
	[ONNX_DOMAIN_AI] = { "ai.onnx", 28, FAMILIES, COUNT(FAMILIES) },
	[ONNX_DOMAIN_ML] = { "ai.onnx.ml", 5, ML_FAMILIES, COUNT(ML_FAMILIES) },
	[ONNX_DOMAIN_MICROSOFT] = { "com.microsoft", 1, MICROSOFT_FAMILIES,
		COUNT(MICROSOFT_FAMILIES) },
};

bool onnx_domain_find(const char *name, enum onnx_domain *domain)
{
	for (*domain = 0; *domain < ONNX_DOMAINS; (*domain)++) {
		if (strcmp(name, DOMAINS[*domain].name) == 0)
			return true;
	}
	*domain = ONNX_DOMAIN_AI;
	return !*name;
}

const char *onnx_domain_name(enum onnx_domain domain)
{
	return DOMAINS[domain].name;
}

int64_t onnx_domain_opset_max(enum onnx_domain domain)
{
	return DOMAINS[domain].opset_max;
}

const struct onnx_operator *onnx_operator_find(enum onnx_domain domain, const char *type)
{
	for (size_t f = 0; f < DOMAINS[domain].n_families; f++) {
		for (const struct onnx_operator *op = DOMAINS[domain].families[f]; op->type; op++) {
			if (strcmp(op->type, type) == 0)
				return op;
		}
	}
	return NULL;
}

bool onnx_operator_has_bodies(const struct onnx_operator *op)
{
	for (const struct onnx_operator *one = ONNX_CONTROL; one->type; one++) {
		if (one == op)
			return true;
	}
	return false;
}

const struct onnx_operator *onnx_operator_at(size_t index, enum onnx_domain *domain)
{
	for (*domain = 0; *domain < ONNX_DOMAINS; (*domain)++) {
		for (size_t f = 0; f < DOMAINS[*domain].n_families; f++) {
			const struct onnx_operator *op = DOMAINS[*domain].families[f];

			for (; op->type; op++) {
				if (index-- == 0)
					return op;
			}
		}
	}
	return NULL;
}

int onnx_read_opsets(size_t n, Onnx__OperatorSetIdProto *const *sets, struct onnx_opsets *opsets,
	struct error *err)
{
	struct onnx_opsets own = { 0 };

	for (size_t i = 0; i < n; i++) {
		enum onnx_domain domain;

		if (!onnx_domain_find(onnx_text(sets[i]->domain), &domain))
			continue;
		if (own.of[domain] != 0 && own.of[domain] != sets[i]->version)
			return error_set(err, -EINVAL,
				"the file imports opset %lld and opset %lld of %s, should import "
				"one",
				(long long)own.of[domain], (long long)sets[i]->version,
				onnx_domain_name(domain));
		own.of[domain] = sets[i]->version;
	}
	for (enum onnx_domain d = 0; d < ONNX_DOMAINS; d++) {
		if (own.of[d] != 0)
			opsets->of[d] = own.of[d];
	}
	return 0;
}

bool onnx_operator_listed(size_t index, struct model_operator *found)
{
	enum onnx_domain domain;
	const struct onnx_operator *op = onnx_operator_at(index, &domain);

	if (!op)
		return false;
	*found = (struct model_operator){ .domain = onnx_domain_name(domain),
		.type = op->type,
		.inputs_min = op->inputs_min,
		.inputs_max = op->inputs_max };
	return true;
}
