// SPDX-License-Identifier: BSD-3-Clause
// What was measured, for people and for programs.
#pragma once

#include "ctl/load/client.h"

#include <stdio.h>

void report_text(const struct client *client, FILE *out);
// Writes one JSON object, with times in ns. 0 or -ENOMEM.
int report_json(const struct client *client, FILE *out, struct error *err);
