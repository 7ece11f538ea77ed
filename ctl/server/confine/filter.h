// SPDX-License-Identifier: BSD-3-Clause
// The seccomp filter: which system calls there are for this process and all it could become, by calls.c.
#pragma once

#include "base/error.h"
#include "config/settings.h"
#include "ctl/server/confine/needs.h"

// Puts it upon all threads of the process, for good. What it does not let through ends the process with SIGSYS
// (CONFIG_SECCOMP_KILL), or happens and stands in the kernel's log (CONFIG_SECCOMP_LOG). CONFIG_SECCOMP_OFF: none.
// -errno with a sentence where the kernel has no such filters.
int filter_load(const struct confine_needs *needs, enum config_seccomp mode, struct error *err);
