// SPDX-License-Identifier: BSD-3-Clause
// What martletd gives up as it starts, so that whoever takes it over has little (martletd(8), LEAST POWER). In this
// order, each for good:
//     confine_begin()   before there are threads: no program gets more than this process has
//     confine_drop()    once the devices, the sockets and the store are open: it becomes process.user, with the
//                       capabilities that the devices need afterwards
//     confine_filter()  once all threads are there: the system calls that it makes in service, and no others
// Main thread.
#pragma once

#include "base/error.h"
#include "config/settings.h"
#include "ctl/server/confine/capabilities.h"

#include <stdbool.h>

struct confine {
	const struct config *config;
	uint64_t needed;            // capabilities, as bits
	char user[CONFIG_NAME_MAX]; // who it is, once that is settled; or its number
	bool filtered;
};

int confine_begin(struct confine *confine, const struct config *config, struct error *err);
int confine_drop(struct confine *confine, struct error *err);
int confine_filter(struct confine *confine, struct error *err);
// For martletd --check: becomes process.user, with nothing kept, to see what it may read. Who is not root stays who he is.
int confine_rehearse(const struct config *config, struct error *err);

// As it stands now, for status.
struct confine_report {
	const char *user;
	uint64_t capabilities; // effective
	char names[CAPABILITIES_TEXT];
	const char *seccomp; // "kill", "log", "off"
	bool no_new_privs;
};
void confine_report(const struct confine *confine, struct confine_report *report);
