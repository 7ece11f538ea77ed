// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/plan/builder.h"

plan_builder build_pool;
// It writes channels last where it reads so: its own reader must take them, through at most `pools`
// pools.
channels_last_fn pool_takes_channels_last;
