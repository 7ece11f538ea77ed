// SPDX-License-Identifier: BSD-3-Clause
// The lines that compiling leaves for the operator (infer.h's struct compile_report). Anyone may
// pass NULL for no report. A line that memory does not suffice for is left out: it is no result.
// So is one that is there: the rounds of an unrolled loop say the same of the same nodes.
#pragma once

#include "infer/infer.h"

#define REPORT_LINES_MAX 1000 // a hostile file makes no more

__attribute__((format(printf, 2, 3))) void report_add(
	struct compile_report *report, const char *format, ...);
