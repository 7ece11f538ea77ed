// SPDX-License-Identifier: BSD-3-Clause
// Any text as a configuration: taken or refused with a sentence, never worse.
#include "config/config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

// libconfig 1.5 forgets the buffer of a string that never ends (scanner.l). martletd reads one
// file.
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config config;
	struct error err = { .text = "" };
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	// @include would read the machine's own files: nothing that a fuzzer should do.
	if (!strstr(text, "@include")) {
		int rc = config_parse("fuzz.conf", text, &config, &err);

		if (rc != 0 && !err.text[0]) // a refusal without a sentence is a bug
			abort();
	}
	free(text);
	return 0;
}
