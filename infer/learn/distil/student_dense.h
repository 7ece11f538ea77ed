// SPDX-License-Identifier: BSD-3-Clause
// A student of dense layers.
#pragma once

#include "infer/learn/distil/lesson.h"

lesson_student student_dense;
