// SPDX-License-Identifier: BSD-3-Clause
// The doctor's look at network cards: IOMMU, vfio, drivers, AF_XDP, and the configuration's ports.
#pragma once

#include "ctl/tool/doctor_findings.h"

void doctor_check_nics(struct doctor *doctor);
// Are the devices there that the configuration names? Needs doctor->config.
void doctor_check_ports(struct doctor *doctor);
