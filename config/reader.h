// SPDX-License-Identifier: BSD-3-Clause
// Which file is being read and where its mistakes are told. Private to config/.
#pragma once

#include "base/error.h"

#include <libconfig.h>
#include <stdint.h>

struct reader {
	const char *path;
	struct error *err; // the first mistake
	uint32_t *n;       // ... of so many
	// Told each of them; NULL: nobody is.
	void (*tell)(void *arg, const char *sentence);
	void *arg;
};

// Refuses `setting`, or the whole file where that is NULL: the sentence with "file:line: " in
// front. Returns -EINVAL. Whoever reads goes on with what does not depend on it.
__attribute__((format(printf, 3, 4))) int reader_refuse(
	const struct reader *reader, const config_setting_t *setting, const char *format, ...);
