// SPDX-License-Identifier: BSD-3-Clause
// Operators that compute value by value, as one step of as many of them as plan/groups.h puts
// together.
#pragma once

#include "infer/plan/builder.h"

// Of the group that ends at the node at hand.
plan_builder build_chain;
