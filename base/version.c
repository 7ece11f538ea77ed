// SPDX-License-Identifier: BSD-3-Clause
#include "base/version.h"

const char martlet_version[] = MARTLET_VERSION;
