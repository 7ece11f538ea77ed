// SPDX-License-Identifier: BSD-3-Clause
// Teacher and student beside each other, on the rows that were held back: how often they decide the same, how good
// either is where rows bear labels, and how long a row takes.
#pragma once

#include "infer/learn/distil/distilling.h"

// Fills d->result by the student's image. -EINVAL where no row is scored by both, -ENOMEM.
int distil_compare(struct distilling *d, const void *image, size_t size);
// Are scores compared as numbers, within a tolerance, and not by what they decide? Once the lesson's kind is known.
bool distil_compares_numbers(const struct distilling *d);
