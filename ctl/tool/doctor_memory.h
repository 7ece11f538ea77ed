// SPDX-License-Identifier: BSD-3-Clause
// The doctor's look at memory: hugepages, locked memory, transparent hugepages, NUMA.
#pragma once

#include "ctl/tool/doctor_findings.h"

void doctor_check_memory(struct doctor *doctor);
