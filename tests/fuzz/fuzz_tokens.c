// SPDX-License-Identifier: BSD-3-Clause
// The file of tokens: what is taken is written again as it was. The first byte says what the rest is: a file, a
// token's text, or a time.
#include "base/trust/tokens.h"
#include "base/trust/utc.h"
#include "tests/fuzz/must.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void file(const char *text, size_t size)
{
	struct tokens tokens;
	struct error err;
	size_t bytes;
	char *again;

	if (tokens_parse(text, size, &tokens, &err) != 0) {
		must(tokens.n == 0 && err.text[0]);
		return;
	}
	again = tokens_format(&tokens, &bytes);
	must(again && bytes == size && memcmp(again, text, size) == 0);
	free(again);
	tokens_fini(&tokens);
}

// Known is what a decoder makes of the text, or 32 zero bytes: only the one text that these are encoded to is taken for it.
static void token(const char *text)
{
	struct token known = { .name = "a", .role = ROLE_ADMIN };
	const struct tokens tokens = { .each = &known, .n = 1 };
	uint8_t bytes[32] = { 0 };
	char again[TOKEN_TEXT_BYTES] = "mlt_";

	if (strlen(text) >= 4)
		sodium_base642bin(bytes, sizeof(bytes), text + 4, strlen(text) - 4, NULL, NULL,
			NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	crypto_generichash(known.hash, sizeof(known.hash), bytes, sizeof(bytes), NULL, 0);
	sodium_bin2base64(again + 4, sizeof(again) - 4, bytes, sizeof(bytes),
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	must((tokens_find(&tokens, text) != NULL) == (strcmp(text, again) == 0));
}

static void moment(const char *text)
{
	char again[UTC_BYTES];
	struct error err;
	int64_t at;

	if (utc_parse(text, &at)) {
		utc_text(at, again);
		must(strcmp(text, again) == 0);
	}
	if (token_time_parse_wish(text, 1795953600, &at, &err) == 0)
		must(at > 0 && at <= UTC_SECONDS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0 || sodium_init() < 0)
		return 0;
	text = malloc(size);
	must(text != NULL);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] % 3 == 0)
		file(text, size - 1);
	else if (data[0] % 3 == 1)
		token(text);
	else
		moment(text);
	free(text);
	return 0;
}
