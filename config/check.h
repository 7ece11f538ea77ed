// SPDX-License-Identifier: BSD-3-Clause
// What no key can be checked for by itself: keys that must fit each other, the machine and its
// files. Private to config/. All return 0, or -EINVAL with a sentence for each mistake.
#pragma once

#include "config/reader.h"
#include "config/settings.h"

// Refuses CPUs that would be polled twice. Where there are no workers, the CPUs of `io` do
// everything themselves and are moved to `complete`.
int check_lcores(
	const struct reader *reader, const config_setting_t *lcores, struct config_lcores *config);
// Refuses names and addresses that two ports share, and devices that are named twice.
int check_ports(
	const struct reader *reader, const config_setting_t *ports, const struct config *config);
// Refuses names and ids that two models share, and images that are not there.
int check_models(
	const struct reader *reader, const config_setting_t *models, const struct config *config);
// Refuses a group of users that this machine does not know.
int check_control(
	const struct reader *reader, const config_setting_t *control, struct config *config);
// Refuses listeners that would serve what is not offered over TCP, and addresses that two of them share.
int check_http(
	const struct reader *reader, const config_setting_t *list, const struct config *config);
// Reads store.retention.
int check_store(const struct reader *reader, const config_setting_t *store, struct config *config);
// Refuses entries of trust.require_authentication that are neither a model's name nor "*", and keys of images that cannot be.
int check_trust(const struct reader *reader, const config_setting_t *trust, struct config *config);
