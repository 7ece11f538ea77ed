// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/plan/builder.h"

plan_builder build_qrecurrent;
