// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/plan/builder.h"

plan_builder build_qconv;
channels_last_fn qconv_takes_channels_last;
