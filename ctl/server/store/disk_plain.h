// SPDX-License-Identifier: BSD-3-Clause
// Ordinary system calls: they block the control thread while the disk works.
#pragma once

#include "ctl/server/store/disk.h"

struct disk *disk_plain(void); // there is one; destroying it does nothing
