// SPDX-License-Identifier: BSD-3-Clause
// The doctor's look at CPUs: instruction sets, isolation, frequency, SMT, clock.
#pragma once

#include "ctl/tool/doctor_findings.h"

void doctor_check_cpu(struct doctor *doctor);
// Does a CPU list as the kernel writes them ("0-3,8", "managed_irq,domain,5") hold `cpu`?
bool doctor_cpu_in(const char *list, uint32_t cpu);
