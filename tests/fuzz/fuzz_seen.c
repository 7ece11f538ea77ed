// SPDX-License-Identifier: BSD-3-Clause
// The file of the newest counters (dataplane/auth/seen.h): whatever it says, it is read or refused, and what is written
// of it reads as itself. Only lines that the secret tagged close a window.
#include "dataplane/auth/seen.h"
#include "tests/fuzz/must.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The one whose lines the corpus has.
static const struct wire_key KEY = { .id = 7, .secret = "aaaaaaaaaaaaaaaa" };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return sodium_init() < 0 ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { .text = "" };
	struct seen *seen, *again;
	struct window *window;
	uint64_t newest, newest_again;
	size_t n, n_again;
	char *text, *text_again;

	must(seen_create(&seen, &err) == 0 && seen_create(&again, &err) == 0);
	if (seen_take(seen, (const char *)data, size, &err) != 0)
		must(err.code == -EINVAL && err.text[0]);
	window = seen_window(seen, &KEY);
	must(window);
	text = seen_text(seen, true, &n);
	if (text) {
		must(strlen(text) == n && seen_take(again, text, n, &err) == 0);
		// Windows come first, and so the order is the same from now on.
		must(window_newest(window, &newest) ==
			window_newest(seen_window(again, &KEY), &newest_again));
		must(newest == newest_again);
		text_again = seen_text(again, true, &n_again);
		must(text_again && n == n_again && memcmp(text, text_again, n) == 0);
		must(!window_newest(window, &newest) || !window_mark(window, newest));
		free(text_again);
		free(text);
	}
	seen_destroy(seen);
	seen_destroy(again);
	return 0;
}
