// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/doctor_trust.h"

#include "base/trust/account.h"
#include "base/trust/trusted_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

// Of a secret's file: what trusted_file.h refuses. Group root may read it.
static mode_t trust_refuses(const struct stat *status)
{
	return S_IWGRP | S_IWOTH | S_IROTH | (status->st_gid != 0 ? S_IRGRP : 0);
}

static void trust_check_user(struct doctor *doctor)
{
	const char *user = doctor->config->process.user;
	const bool is_auto = strcmp(user, CONFIG_USER_AUTO) == 0;
	const char *name = is_auto ? TRUSTED_SERVICE_USER : user;
	char fix[CONFIG_NAME_MAX + 64];
	uid_t uid;

	snprintf(fix, sizeof(fix), "useradd --system --user-group --no-create-home %.64s", name);
	if (!user[0])
		doctor_find(doctor, "trust", "user", DOCTOR_WARN, NULL,
			"process.user is \"\": martletd stays who started it, which is root where "
			"root does");
	else if (!account_find_user(name, &uid))
		doctor_find(doctor, "trust", "user", is_auto ? DOCTOR_WARN : DOCTOR_FAIL, fix,
			"there is no user %.64s, whom martletd would become; %s", name,
			is_auto ? "it stays root where root starts it" : "it does not start");
	else if (uid == 0)
		doctor_find(doctor, "trust", "user", DOCTOR_WARN, NULL,
			"martletd stays root, by process.user");
	else
		doctor_find(
			doctor, "trust", "user", DOCTOR_OK, NULL, "martletd becomes %.64s", name);
}

static void trust_check_seccomp(struct doctor *doctor)
{
	const enum config_seccomp seccomp = doctor->config->process.seccomp;

	if (seccomp == CONFIG_SECCOMP_KILL)
		doctor_find(doctor, "trust", "seccomp", DOCTOR_OK, NULL,
			"a system call that martletd does not need ends it");
	else
		doctor_find(doctor, "trust", "seccomp", DOCTOR_WARN, NULL,
			"process.seccomp is \"%s\": whoever takes martletd over may make any "
			"system call",
			seccomp == CONFIG_SECCOMP_OFF ? "off" : "log");
}

// What is not there, martletd --check tells. It refuses one whose mode is too open where it is `refused`.
static void trust_check_secret(
	struct doctor *doctor, const char *key, const char *file, bool refused)
{
	char path[CONFIG_PATH_MAX + 256], fix[CONFIG_PATH_MAX + 32];
	struct stat status;
	mode_t open;

	snprintf(path, sizeof(path), "%s%s", doctor->root, file);
	if (file[0] != '/' || stat(path, &status) != 0)
		return;
	open = status.st_mode & (refused ? trust_refuses(&status) : S_IWGRP | S_IWOTH | S_IROTH);
	if (!open)
		return;
	snprintf(fix, sizeof(fix), "chmod 600 %s", file);
	doctor_find(doctor, "trust", key, refused ? DOCTOR_FAIL : DOCTOR_WARN, fix, "%.150s: %s",
		file,
		open & (S_IROTH | S_IWOTH) ? "others may read or write it"
			: open & S_IWGRP   ? "its group may write it"
					   : "its group may read it");
}

// A policy that nothing can fulfil.
static void trust_check_policy(struct doctor *doctor)
{
	const struct config_trust *trust = &doctor->config->trust;

	if (trust->require_signature && trust->n_trusted_keys == 0)
		doctor_find(doctor, "trust", "signatures", DOCTOR_WARN,
			"martletctl model keygen; name its public key in trust.trusted_keys",
			"trust.require_signature is set and no key is trusted: every image is "
			"refused");
	if (trust->require_encryption && trust->n_image_keys == 0)
		doctor_find(doctor, "trust", "encryption", DOCTOR_WARN,
			"martletctl model encryption-key; name its file in trust.image_keys",
			"trust.require_encryption is set and there is no key: every image is "
			"refused");
	if (trust->n_require_authentication > 0 && !trust->keys[0])
		doctor_find(doctor, "trust", "authentication", DOCTOR_WARN,
			"martletctl key generate; name its file in trust.keys",
			"trust.require_authentication names models and there is no key: they "
			"answer nobody by UDP");
}

void doctor_check_trust(struct doctor *doctor)
{
	const struct config *config = doctor->config;

	trust_check_user(doctor);
	trust_check_seccomp(doctor);
	trust_check_policy(doctor);
	trust_check_secret(doctor, "wire keys", config->trust.keys, true);
	trust_check_secret(doctor, "audit key", config->trust.audit_key, true);
	for (uint32_t i = 0; i < config->trust.n_image_keys; i++)
		trust_check_secret(doctor, "image keys", config->trust.image_keys[i], true);
	for (uint32_t i = 0; i < config->control.n_http; i++)
		trust_check_secret(doctor, "TLS key", config->control.http[i].tls.key, false);
}
