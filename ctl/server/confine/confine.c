// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/confine/confine.h"

#include "ctl/server/confine/filter.h"
#include "ctl/server/confine/needs.h"
#include "ctl/server/confine/threads.h"
#include "ctl/server/confine/user.h"
#include "ctl/server/log.h"

#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int confine_begin(struct confine *confine, const struct config *config, struct error *err)
{
	struct confine_needs needs;

	confine_find_needs(config, &needs);
	*confine = (struct confine){ .config = config, .needed = needs.capabilities };
	return capabilities_bound(needs.capabilities, err);
}

// The socket's lock is opened by whoever starts it next, who may be the user itself.
static int confine_give(
	const struct confine_user *user, const struct config *config, struct error *err)
{
	const char *socket = config->control.socket;
	char lock[sizeof(config->control.socket) + 8], folder[sizeof(config->control.socket)];
	char *slash;
	int rc = user_give_tree(user, config->store.path, err);

	snprintf(lock, sizeof(lock), "%s.lock", socket);
	if (rc == 0)
		rc = user_give(user, socket, err);
	if (rc == 0)
		rc = user_give(user, lock, err);
	snprintf(folder, sizeof(folder), "%s", socket);
	slash = strrchr(folder, '/');
	if (slash && slash != folder)
		*slash = '\0';
	// Our own one: who else has files in it would lose them to the user.
	if (rc == 0 && strcmp(folder, "/run/martlet") == 0)
		rc = user_give(user, folder, err);
	return rc;
}

// Root's files of others' stay within reach where it stays root: the store may be the user's of a service.
static uint64_t confine_kept(const struct confine *confine, const struct confine_user *user)
{
	const bool is_root = geteuid() == 0 && !user->name[0];

	return confine->needed | (is_root ? UINT64_C(1) << CAP_DAC_OVERRIDE : 0);
}

// Of a file that was read as root, and is read again with the configuration.
static void confine_look_at(const char *path, const struct confine_user *user)
{
	if (access(path, R_OK) != 0)
		log_warning("%s cannot be read by user '%s': the configuration cannot be reloaded",
			path, user->name);
}

static void confine_look_at_keys(const struct config_trust *trust, const struct confine_user *user)
{
	struct minisign_public key;
	struct error ignored;

	if (trust->keys[0])
		confine_look_at(trust->keys, user);
	for (uint32_t i = 0; i < trust->n_trusted_keys; i++) {
		const char *given = trust->trusted_keys[i].key;

		if (minisign_public_parse(given, strlen(given), &key, &ignored) != 0)
			confine_look_at(given, user);
	}
}

static void confine_look_at_files(const struct config *config, const struct confine_user *user)
{
	char folder[sizeof(config->control.socket)];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", config->control.socket);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	confine_look_at(config->path, user);
	confine_look_at_keys(&config->trust, user);
	if (slash && access(folder, W_OK) != 0)
		log_info(
			"control.socket: user '%s' may not remove it from %s: it stays there at "
			"the "
			"end, and the next start takes it",
			user->name, folder);
}

static void confine_name(struct confine *confine, const struct confine_user *user)
{
	const struct passwd *entry = user->name[0] ? NULL : getpwuid(geteuid());

	if (user->name[0] || entry)
		snprintf(confine->user, sizeof(confine->user), "%s",
			entry ? entry->pw_name : user->name);
	else
		snprintf(confine->user, sizeof(confine->user), "%u", (unsigned)geteuid());
}

int confine_rehearse(const struct config *config, struct error *err)
{
	struct confine_user user;
	const int rc = user_find(config->process.user, &user, err);

	if (rc == -EPERM)
		return 0; // there is that user, but only root can see what it may read
	return rc == 0 && user.name[0] ? user_become(&user, err) : rc;
}

int confine_drop(struct confine *confine, struct error *err)
{
	struct confine_user user;
	char names[CAPABILITIES_TEXT];
	int rc = user_find(confine->config->process.user, &user, err);

	if (rc != 0)
		return rc;
	capabilities_will_keep(confine_kept(confine, &user));
	if (user.name[0]) {
		rc = confine_give(&user, confine->config, err);
		if (rc == 0)
			rc = threads_each(capabilities_hold, err);
		if (rc == 0)
			rc = user_become(&user, err);
	}
	if (rc == 0)
		rc = threads_each(capabilities_keep, err);
	if (rc != 0)
		return rc;
	confine_name(confine, &user);
	capabilities_text(capabilities_effective(), names);
	if (user.name[0]) {
		log_info("from here on user '%s', capabilities: %s", user.name, names);
		confine_look_at_files(confine->config, &user);
	} else if (geteuid() == 0) {
		log_info("stays root%s, capabilities: %s",
			confine->config->process.user[0]
				? ": there is no user 'martlet' here (process.user)"
				: " as process.user wants it",
			names);
	} else {
		log_debug("capabilities: %s", names);
	}
	return 0;
}

int confine_filter(struct confine *confine, struct error *err)
{
	struct confine_needs needs;
	int rc;

	confine_find_needs(confine->config, &needs);
	rc = filter_load(&needs, confine->config->process.seccomp, err);
	confine->filtered = rc == 0;
	return rc;
}

void confine_report(const struct confine *confine, struct confine_report *report)
{
	static const char *const MODES[] = { [CONFIG_SECCOMP_KILL] = "kill",
		[CONFIG_SECCOMP_LOG] = "log",
		[CONFIG_SECCOMP_OFF] = "off" };

	report->user = confine->user;
	report->capabilities = capabilities_effective();
	capabilities_text(report->capabilities, report->names);
	report->seccomp = confine->filtered ? MODES[confine->config->process.seccomp] : "off";
	report->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}
