// SPDX-License-Identifier: BSD-3-Clause
// What no key can know by itself: keys that must fit each other, the machine and its files.
// Private to config/.
#pragma once

#include "config/keys.h"

// Splits `io` without workers off to `complete`, and refuses CPUs that would be polled twice.
int check_lcores(
	const struct reader *reader, const config_setting_t *lcores, struct config_lcores *config);
// Names and addresses that two ports share; devices named twice.
int check_ports(
	const struct reader *reader, const config_setting_t *ports, const struct config *config);
// Names and ids that two models share; images that are not there.
int check_models(
	const struct reader *reader, const config_setting_t *models, const struct config *config);
// A group that this machine does not know.
int check_control(
	const struct reader *reader, const config_setting_t *control, const struct config *config);
