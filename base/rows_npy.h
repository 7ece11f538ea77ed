// SPDX-License-Identifier: BSD-3-Clause
// Private to base/, for rows.c.
#pragma once

#include "base/rows_reader.h"

// Reads the whole of reader->file, which is .npy, into reader->rows. -EINVAL, -EFBIG, -ENOMEM.
int rows_read_npy(struct rows_reader *reader);
