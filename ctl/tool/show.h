// SPDX-License-Identifier: BSD-3-Clause
// The API's arrays as tables on stdout; `status` shows several of them together.
#pragma once

#include <jansson.h>

void show_models(const json_t *models);
void show_ports(const json_t *ports); // one line a port; `ports` itself shows more
void show_lcores(const json_t *lcores);
