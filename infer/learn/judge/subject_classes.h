// SPDX-License-Identifier: BSD-3-Clause
// The classes of what is judged: their names, the truth in them, what the model decides, and the one that is told from
// the rest. evaluate.h has the rules.
#pragma once

#include "infer/learn/judge/subject.h"

// Of a subject whose rows are scored, all that has to do with classes. -EINVAL, -ENOMEM.
int subject_classify(struct subject *subject, struct error *err);
// Decides by this threshold whether rows are positive, where a class is told from the rest.
void subject_decide(struct subject *subject, double threshold);
