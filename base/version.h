// SPDX-License-Identifier: BSD-3-Clause
// What this build calls itself. CHANGELOG.md's first version is the one place that says it.
#pragma once

extern const char martlet_version[]; // "0.9.0"; "0.9.0+0456a28" where no release was built
