// SPDX-License-Identifier: BSD-3-Clause
// Which CPUs this machine has and this process may use. Asks the kernel at each call; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool cpus_exists(long long cpu);
bool cpus_usable(uint32_t cpu); // by the affinity mask this process was started with
// "0-1", "0-3, 8": the CPUs that are online, for people.
void cpus_describe(char *text, size_t size);
