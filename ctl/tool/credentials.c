// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/credentials.h"

#include "base/trust/tokens.h"
#include "base/trust/trusted_file.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static char header[32 + TOKEN_TEXT_BYTES];

int credentials_header(const char *path, const char **line, struct error *err)
{
	const size_t bytes = TOKEN_TEXT_BYTES - 1;
	void *text;
	size_t size;
	int rc;

	*line = header;
	if (header[0])
		return 0;
	if (sodium_init() < 0)
		return error_set(err, -ENOTSUP, "libsodium cannot be used here");
	rc = trusted_file_read(path, TRUSTED_SECRET, &text, &size, err);
	if (rc != 0)
		return rc;
	// A token and at most a line's end.
	if (size < bytes || size > bytes + 1 || (size > bytes && ((char *)text)[bytes] != '\n') ||
		memcmp(text, "mlt_", 4) != 0 ||
		strspn(text,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"abcdefghijklmnopqrstuvwxyz0123456789-_") != bytes)
		rc = error_set(err, -EINVAL,
			"%s: is no token: one line, as martletctl token create shows it", path);
	else
		snprintf(header, sizeof(header), "Authorization: Bearer %.*s", (int)bytes,
			(const char *)text);
	trusted_file_free(text);
	return rc;
}
