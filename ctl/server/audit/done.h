// SPDX-License-Identifier: BSD-3-Clause
// How somebody who waits for a line of the audit log hears of it.
#pragma once

#include "base/error.h"

// NULL: the line is durable. Else why it is not; it may become so nevertheless.
typedef void (*audit_done)(void *arg, const struct error *err);
