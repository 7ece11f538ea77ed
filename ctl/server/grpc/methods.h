// SPDX-License-Identifier: BSD-3-Clause
// The methods that are offered. Any thread.
#pragma once

struct call_method;

// NULL where there is none of that path.
const struct call_method *methods_find(const char *path);
