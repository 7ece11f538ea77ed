// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/decryption.h"

#include "base/trust/image_keys.h"
#include "config/config.h"

#include <sodium.h>
#include <sys/resource.h>

int decryption_keys(const struct config *config, struct image_keys **keys, struct error *err)
{
	int rc = 0;

	*keys = NULL;
	if (sodium_init() < 0)
		return error_set(err, -ENOSYS, "libsodium cannot be used here");
	*keys = image_keys_create();
	if (!*keys)
		return error_set(err, -ENOMEM, "no memory for the keys of images");
	for (uint32_t i = 0; i < config->trust.n_image_keys && rc == 0; i++)
		rc = image_keys_read(*keys, config->trust.image_keys[i], err);
	if (rc == 0)
		return 0;
	image_keys_destroy(*keys);
	*keys = NULL;
	return error_prefix(err, "trust.image_keys");
}

void decryption_lift_limit(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_MEMLOCK,
		&all); // else the service manager's stands, and what does not fit is refused
}
