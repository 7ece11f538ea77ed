// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/confine/capabilities.h"

#include <cap-ng.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SETS _LINUX_CAPABILITY_U32S_3

static uint64_t kept_set;

// The kernel's own call: libcap-ng's are not safe in a signal handler, and glibc has none.
static int capabilities_read(struct __user_cap_data_struct sets[SETS])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &header, sets) == 0 ? 0 : -errno;
}

uint64_t capabilities_effective(void)
{
	struct __user_cap_data_struct sets[SETS] = { 0 };

	if (capabilities_read(sets) != 0)
		return 0;
	return sets[0].effective | (uint64_t)sets[1].effective << 32;
}

void capabilities_text(uint64_t set, char text[CAPABILITIES_TEXT])
{
	size_t used = 0;

	snprintf(text, CAPABILITIES_TEXT, "none");
	for (unsigned int i = 0; i < 64 && used < CAPABILITIES_TEXT; i++) {
		const char *name = set >> i & 1 ? capng_capability_to_name(i) : NULL;

		if (name)
			used += (size_t)snprintf(text + used, CAPABILITIES_TEXT - used, "%s%s",
				used ? ", " : "", name);
	}
}

int capabilities_bound(uint64_t kept, struct error *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return error_set(err, -errno, "no_new_privs cannot be set: %s", strerror(errno));
	if (!(capabilities_effective() & UINT64_C(1) << CAP_SETPCAP))
		return 0; // a service manager has bounded it already, or nobody but root's programs could gain
	if (capng_get_caps_process() != 0)
		return error_set(err, -EIO, "the process's capabilities cannot be read");
	for (unsigned int i = 0; i <= CAP_LAST_CAP; i++)
		capng_update(kept >> i & 1 ? CAPNG_ADD : CAPNG_DROP, CAPNG_BOUNDING_SET, i);
	if (capng_apply(CAPNG_SELECT_BOUNDS) != 0)
		return error_set(err, -EPERM, "the capability bounding set cannot be cut down");
	return 0;
}

int capabilities_hold(void)
{
	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 ? 0 : -errno;
}

void capabilities_will_keep(uint64_t kept)
{
	kept_set = kept;
}

int capabilities_keep(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[SETS] = { 0 };
	int rc = capabilities_read(sets);

	for (int i = 0; rc == 0 && i < SETS; i++) {
		const uint32_t kept = sets[i].permitted & (uint32_t)(kept_set >> 32 * i);

		sets[i] = (struct __user_cap_data_struct){ .permitted = kept, .effective = kept };
	}
	if (rc != 0)
		return rc;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
		return -errno;
	return syscall(SYS_capset, &header, sets) == 0 ? 0 : -errno;
}
