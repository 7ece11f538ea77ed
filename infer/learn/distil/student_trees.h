// SPDX-License-Identifier: BSD-3-Clause
// A student of boosted trees, which XGBoost's library grows.
#pragma once

#include "infer/learn/distil/lesson.h"

lesson_student student_trees;
