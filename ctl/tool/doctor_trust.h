// SPDX-License-Identifier: BSD-3-Clause
// The doctor's look at what martletd may do by its configuration, and who else may read its secrets.
#pragma once

#include "ctl/tool/doctor_findings.h"

// With a configuration alone.
void doctor_check_trust(struct doctor *doctor);
