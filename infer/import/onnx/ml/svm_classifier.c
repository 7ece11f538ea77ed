// SPDX-License-Identifier: BSD-3-Clause
// SVMClassifier of ai.onnx.ml, as ONNX Runtime computes it: a decision for each pair of classes,
// from them votes, or probabilities by Platt's sigmoid and libsvm's coupling of pairs.
#include "infer/import/onnx/ml/svm.h"

#include <inttypes.h>
#include <string.h>

#define ATTRIBUTE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

#define PAIR_CLASSES_MAX 256

// Vectors stand by class, coefficients [n_classes - 1][n_vectors]: of class i against j (i < j),
// the vectors of i have row j - 1, those of j row i.
static float *pair_weights(const struct svm *svm)
{
	const size_t n_vectors = (size_t)svm->n_vectors;
	float *weights =
		arena_calloc(svm->onnx->scratch, n_vectors * svm->n_pairs, sizeof(*weights));
	size_t first_i = 0, pair = 0;

	for (size_t i = 0; weights && i < svm->n_classes; i++) {
		size_t first_j = first_i + (size_t)svm->per_class[i];

		for (size_t j = i + 1; j < svm->n_classes; j++, pair++) {
			for (size_t v = first_i; v < first_i + (size_t)svm->per_class[i]; v++)
				weights[v * svm->n_pairs + pair] =
					svm->coefficients[(j - 1) * n_vectors + v];
			for (size_t v = first_j; v < first_j + (size_t)svm->per_class[j]; v++)
				weights[v * svm->n_pairs + pair] =
					svm->coefficients[i * n_vectors + v];
			first_j += (size_t)svm->per_class[j];
		}
		first_i += (size_t)svm->per_class[i];
	}
	if (!weights)
		onnx_refuse(svm->onnx, svm->node, -ENOMEM, "out of memory");
	return weights;
}

static int check_classes(struct svm *svm)
{
	svm->n_vectors = 0;
	for (size_t i = 0; i < svm->n_per_class; i++) {
		if (svm->per_class[i] < 0 || svm->per_class[i] > (int64_t)svm->n_values)
			return REFUSE(svm, "vectors_per_class has %" PRId64 ", should be 0 to %zu",
				svm->per_class[i], svm->n_values);
		svm->n_vectors += svm->per_class[i];
	}
	if (svm->n_classes < 1 || svm->n_classes > PAIR_CLASSES_MAX)
		return REFUSE(svm, "%zu class labels, should be 1 to %d", svm->n_classes,
			PAIR_CLASSES_MAX);
	svm->n_pairs = svm->n_classes * (svm->n_classes - 1) / 2;
	if (svm->n_vectors == 0)
		return 0;
	if (svm->n_classes < 2 || svm->n_per_class != svm->n_classes)
		return REFUSE(svm,
			"%zu vectors_per_class for %zu class labels, should be 2 of each at least",
			svm->n_per_class, svm->n_classes);
	if (svm->n_vectors > (int64_t)svm->n_values || svm_check_vectors(svm) != 0)
		return svm->n_vectors > (int64_t)svm->n_values
			? REFUSE(svm,
				  "vectors_per_class has %" PRId64
				  " vectors, support_vectors %zu values",
				  svm->n_vectors, svm->n_values)
			: -EINVAL;
	if (svm->n_coefficients != (svm->n_classes - 1) * (uint64_t)svm->n_vectors ||
		svm->n_rho != svm->n_pairs || svm->n_prob_a != svm->n_prob_b ||
		(svm->n_prob_a != 0 && svm->n_prob_a != svm->n_pairs))
		return REFUSE(svm,
			"%zu coefficients, %zu rho, %zu prob_a, %zu prob_b for %zu classes and "
			"%" PRId64 " vectors",
			svm->n_coefficients, svm->n_rho, svm->n_prob_a, svm->n_prob_b,
			svm->n_classes, svm->n_vectors);
	return 0;
}

// Platt's: the probability of i against j is 1 - logistic(a * decision + b), kept off 0 and 1.
static uint32_t emit_probabilities(const struct svm *svm, uint32_t decisions)
{
	const int64_t n = (int64_t)svm->n_pairs;
	const struct attr limits[2] = { ONNX_FLOAT(ATTR_MIN, 1e-7f),
		ONNX_FLOAT(ATTR_MAX, 1 - 1e-7f) };
	uint32_t inputs[2], made;
	void *a, *b;

	inputs[0] = onnx_made(svm->onnx, svm->node, DTYPE_F32, 1, &n, &a);
	inputs[1] = inputs[0] == GRAPH_NONE ? GRAPH_NONE
					    : onnx_made(svm->onnx, svm->node, DTYPE_F32, 1, &n, &b);
	if (inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	for (int64_t i = 0; i < n; i++) { // 1 - logistic(v) = logistic(-v)
		((float *)a)[i] = -svm->prob_a[i];
		((float *)b)[i] = -svm->prob_b[i];
	}
	made = onnx_emit_pair(svm->onnx, svm->node, OP_MUL, decisions, inputs[0]);
	made = onnx_emit_pair(svm->onnx, svm->node, OP_ADD, made, inputs[1]);
	if (made != GRAPH_NONE)
		made = onnx_emit(svm->onnx, svm->node, OP_SIGMOID, 1, &made, 0, NULL);
	if (made != GRAPH_NONE)
		made = onnx_emit(svm->onnx, svm->node, OP_CLIP, 1, &made, 2, limits);
	return made == GRAPH_NONE
		? made
		: onnx_emit(svm->onnx, svm->node, OP_PAIRWISE_COUPLING, 1, &made, 0, NULL);
}

// Two classes have one decision d and two columns: [-d, d], or where a transform follows, which
// then has no effect, [1 - d, d]; PROBIT alone is computed and leaves one.
static uint32_t emit_two(const struct svm *svm, uint32_t decision, enum post_transform post)
{
	const struct attr axis = ONNX_INT(ATTR_AXIS, 1);
	uint32_t pair[2] = { GRAPH_NONE, decision };

	if (post == POST_PROBIT)
		return onnx_emit_post_transform(svm->onnx, svm->node, post, decision);
	if (post == POST_NONE)
		pair[0] = onnx_emit(svm->onnx, svm->node, OP_NEG, 1, &decision, 0, NULL);
	else
		pair[0] = onnx_emit_pair(svm->onnx, svm->node, OP_SUB,
			onnx_scalar(svm->onnx, svm->node, 1), decision);
	return pair[0] == GRAPH_NONE
		? GRAPH_NONE
		: onnx_emit(svm->onnx, svm->node, OP_CONCAT, 2, pair, 1, &axis);
}

static uint32_t emit_scores(const struct svm *svm, enum post_transform post, uint32_t *decisions)
{
	const float *weights;
	uint32_t made;

	if (svm->n_vectors == 0) {
		*decisions = made = svm_emit_linear(svm, (int64_t)svm->n_classes);
		if (svm->n_classes == 1 && post != POST_PROBIT)
			post = POST_NONE; // one score has nothing to be weighed against
	} else {
		weights = pair_weights(svm);
		if (!weights)
			return GRAPH_NONE;
		*decisions = made = svm_emit_decisions(svm, weights, (int64_t)svm->n_pairs);
		if (made != GRAPH_NONE && svm->n_prob_a != 0)
			made = emit_probabilities(svm, made);
		else if (made != GRAPH_NONE && svm->n_classes == 2)
			return emit_two(svm, made, post);
	}
	return made == GRAPH_NONE ? made
				  : onnx_emit_post_transform(svm->onnx, svm->node, post, made);
}

// Votes [M, n_classes]: for each of its pairs a class has one, which is 1 where the decision is for
// the pair's first class.
static uint32_t emit_votes(const struct svm *svm, uint32_t decisions)
{
	const int64_t n = (int64_t)svm->n_classes, n_pairs = (int64_t)svm->n_pairs;
	const uint32_t first = onnx_emit_pair(
		svm->onnx, svm->node, OP_GREATER, decisions, onnx_scalar(svm->onnx, svm->node, 0));
	uint32_t inputs[3];
	void *votes, *second;
	size_t pair = 0;

	inputs[1] = svm_constant(svm, n_pairs, n, &votes);
	inputs[2] = inputs[1] == GRAPH_NONE ? GRAPH_NONE : svm_constant(svm, n, 0, &second);
	inputs[0] = first == GRAPH_NONE ? first : onnx_as(svm->onnx, svm->node, first, DTYPE_F32);
	if (inputs[0] == GRAPH_NONE || inputs[2] == GRAPH_NONE)
		return GRAPH_NONE;
	for (int64_t i = 0; i < n; i++) {
		((float *)second)[i] = (float)i; // pairs in which it is the second class
		for (int64_t j = i + 1; j < n; j++, pair++) {
			((float *)votes)[(int64_t)pair * n + i] = 1;
			((float *)votes)[(int64_t)pair * n + j] = -1;
		}
	}
	return svm_emit_dense(svm, inputs);
}

// Without support vectors, two classes and ONNX Runtime's rule: the second wherever the highest is
// above 0, or, where no coefficient is negative, at least 0.5; else the highest's. Where the
// second is: [-1, 0].
static uint32_t emit_second(const struct svm *svm, uint32_t decisions)
{
	const int64_t last = 1, pair[2] = { 1, 2 };
	const struct attr axes = {
		.key = ATTR_AXES, .kind = ATTR_KIND_INTS, .count = 1, .ints = &last
	};
	bool positive = true;
	uint32_t most, second, prefer;
	void *data;

	for (size_t i = 0; i < svm->n_coefficients; i++)
		positive &= svm->coefficients[i] >= 0;
	most = onnx_emit(svm->onnx, svm->node, OP_REDUCE_MAX, 1, &decisions, 1, &axes);
	second = onnx_emit_pair(svm->onnx, svm->node, positive ? OP_GREATER_OR_EQUAL : OP_GREATER,
		most, onnx_scalar(svm->onnx, svm->node, positive ? 0.5f : 0));
	prefer = onnx_made(svm->onnx, svm->node, DTYPE_F32, 2, pair, &data);
	if (prefer == GRAPH_NONE)
		return GRAPH_NONE;
	((float *)data)[0] = -1;
	return svm_emit_where(svm->onnx, svm->node, second, prefer, decisions);
}

// What the predicted class is the best of.
static uint32_t emit_class(const struct svm *svm, uint32_t decisions)
{
	if (svm->n_vectors != 0)
		return emit_votes(svm, decisions);
	return svm->n_classes == 2 && svm->n_prob_a == 0 ? emit_second(svm, decisions) : decisions;
}

int onnx_import_svm_classifier(struct onnx *onnx, const struct onnx_node *node)
{
	struct svm svm = { .onnx = onnx, .node = node };
	const Onnx__AttributeProto *per_class;
	enum post_transform post;
	uint32_t scores, decisions;

	if (onnx_keep_labels(
		    onnx, node, "classlabels_strings", "classlabels_ints", &svm.n_classes) ||
		onnx_read_post_transform(onnx, node, &post) ||
		onnx_attr(onnx, node, "vectors_per_class", ATTRIBUTE(INTS), &per_class) ||
		onnx_floats(onnx, node, "prob_a", &svm.n_prob_a, &svm.prob_a) ||
		onnx_floats(onnx, node, "prob_b", &svm.n_prob_b, &svm.prob_b) || svm_read(&svm))
		return -EINVAL;
	svm.n_per_class = per_class ? per_class->n_ints : 0;
	svm.per_class = per_class ? per_class->ints : NULL;
	if (check_classes(&svm) != 0)
		return -EINVAL;
	scores = emit_scores(&svm, post, &decisions);
	if (scores == GRAPH_NONE)
		return -EINVAL;
	if (onnx_output_label(onnx, node, "classlabels_ints",
		    onnx->labels ? emit_class(&svm, decisions) : scores))
		return -EINVAL;
	return onnx_output(onnx, node, 1, scores);
}
