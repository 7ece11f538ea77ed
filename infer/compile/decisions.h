// SPDX-License-Identifier: BSD-3-Clause
// Which rows hang by a discrete step? A comparison, the branch of a tree, the largest of several,
// that turned out otherwise in one of a row's disturbed evaluations.
#pragma once

#include "infer/compile/spread.h"

// Marks in otherwise [n_rows] the rows of which an evaluation came to another result of the node,
// where that is a discrete step.
void decisions_find(
	const struct evaluations *evaluations, const struct node *node, bool *otherwise);
// Of a row that hangs by a discrete step (`otherwise`), the spread of a score is that of the step:
// scores that it moves could be anything, and their tolerance becomes INFINITY. True: there are
// such. outputs, tolerance [n_rows][n_columns_out].
bool decisions_hang(const struct evaluations *evaluations, uint32_t row, bool otherwise,
	const float *outputs, float *tolerance);
