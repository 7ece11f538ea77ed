// SPDX-License-Identifier: BSD-3-Clause
// Whether an image is sound: work of several operations.
#pragma once

// For operation_work(). Of op->data: its hash into op->stored, then opened without timing, and its
// golden rows scored. op->err and op->status say what is wrong with it.
void verify_image(void *op);
