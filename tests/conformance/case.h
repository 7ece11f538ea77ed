// SPDX-License-Identifier: BSD-3-Clause
// One test of the ONNX project's form: a folder with model.onnx and test_data_set_*/input_N.pb and
// output_N.pb. The model is compiled, opened and scored as martletd would, each set's inputs side
// by side in the row.
#pragma once

#include "base/error.h"

#include <stdbool.h>

enum verdict { VERDICT_PASSED, VERDICT_REFUSED, VERDICT_WRONG, VERDICT_COUNT };

struct outcome {
	enum verdict verdict;
	bool loose;                  // passed by the ONNX runner's tolerance, not by ours
	bool unsound;                // refused as no sound model
	char op[64];                 // the operator refused, else the model's first
	char text[ERROR_TEXT_BYTES]; // why refused, what is wrong
};

// In this process: whatever the model does to it, it does. The outcome is always set.
void case_run(const char *folder, struct outcome *outcome);
// In a process of its own, which must be over in CASE_SECONDS: dying and hanging are wrong.
#define CASE_SECONDS 120
void case_run_apart(const char *folder, struct outcome *outcome);
