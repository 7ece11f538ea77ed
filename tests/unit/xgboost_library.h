// SPDX-License-Identifier: BSD-3-Clause
// Whether XGBoost's library is here, which boosted trees are grown by; where it is not, tests that need it are
// skipped whole: on another architecture, emulated, there is none.
#pragma once

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>

#define XGBOOST_SKIPPED 77 // what a program that is skipped ends with

static inline bool xgboost_is_here(void)
{
	if (dlopen("libxgboost.so.0", RTLD_NOW) || dlopen("libxgboost.so", RTLD_NOW))
		return true;
	printf("1..0 # SKIP there is no libxgboost.so.0\n");
	return false;
}
