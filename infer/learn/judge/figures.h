// SPDX-License-Identifier: BSD-3-Clause
// The figures that a model is judged by: their keys in JSON and what they are. docs/martletctl.1 describes them.
#pragma once

#include <stdbool.h>

// Number, key, whether more is better.
#define FIGURE_LIST(X)                                                                             \
	X(ACCURACY, "accuracy", true)                                                              \
	X(PRECISION, "precision", true)                                                            \
	X(RECALL, "recall", true)                                                                  \
	X(F1, "f1", true)                                                                          \
	X(FALSE_POSITIVE_RATE, "false_positive_rate", false)                                       \
	X(MACRO_PRECISION, "macro_precision", true)                                                \
	X(MACRO_RECALL, "macro_recall", true)                                                      \
	X(MACRO_F1, "macro_f1", true)                                                              \
	X(WEIGHTED_PRECISION, "weighted_precision", true)                                          \
	X(WEIGHTED_RECALL, "weighted_recall", true)                                                \
	X(WEIGHTED_F1, "weighted_f1", true)                                                        \
	X(ROC_AUC, "roc_auc", true)                                                                \
	X(PR_AUC, "pr_auc", true)                                                                  \
	X(MACRO_ROC_AUC, "macro_roc_auc", true)                                                    \
	X(WEIGHTED_ROC_AUC, "weighted_roc_auc", true)                                              \
	X(MACRO_PR_AUC, "macro_pr_auc", true)                                                      \
	X(WEIGHTED_PR_AUC, "weighted_pr_auc", true)                                                \
	X(LOG_LOSS, "log_loss", false)                                                             \
	X(BRIER, "brier", false)                                                                   \
	X(ECE_10, "ece_10", false)                                                                 \
	X(ECE_15, "ece_15", false)                                                                 \
	X(EER, "eer", false)                                                                       \
	X(RECALL_AT_FPR, "recall_at_fpr_0.001", true)                                              \
	X(MAE, "mae", false)                                                                       \
	X(RMSE, "rmse", false)                                                                     \
	X(R2, "r2", true)

enum figure {
#define X(name, key, more) FIGURE_##name,
	FIGURE_LIST(X)
#undef X
		FIGURES
};
