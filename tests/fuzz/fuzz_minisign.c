// SPDX-License-Identifier: BSD-3-Clause
// minisign's texts: the first byte chooses which, the rest is the text. What is taken is written again as it came,
// but for comments and the last newline, and what is refused has a sentence.
#include "base/trust/minisign.h"
#include "base/trust/minisign_secret.h"
#include "base/trust/signed_comment.h"
#include "tests/fuzz/must.h"

#include <sodium.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_signature(const char *text, size_t size)
{
	struct minisign_signature signature, again;
	struct signed_comment comment;
	struct error err = { .text = "" };
	char *written;

	if (minisign_signature_parse(text, size, &signature, &err) != 0) {
		must(err.text[0] && err.code);
		return;
	}
	written = minisign_signature_format(&signature);
	must(minisign_signature_parse(written, strlen(written), &again, &err) == 0);
	must(memcmp(&signature, &again, sizeof(again)) == 0);
	free(written);
	if (signed_comment_parse(signature.comment, &comment, &err) == 0)
		must(name_is_valid(comment.model) && comment.version >= 1);
}

static void fuzz_public(const char *text, size_t size)
{
	struct minisign_public key, again;
	struct error err = { .text = "" };
	char *written;

	if (minisign_public_parse(text, size, &key, &err) != 0) {
		must(err.text[0] && err.code);
		return;
	}
	written = minisign_public_format(&key);
	must(minisign_public_parse(written, strlen(written), &again, &err) == 0);
	must(memcmp(&key, &again, sizeof(again)) == 0);
	free(written);
}

// One that takes a password is not tried: scrypt is slow, which is what it is for.
static void fuzz_secret(const char *text, size_t size)
{
	struct minisign_secret secret;
	struct error err = { .text = "" };
	bool is_locked;

	if (minisign_secret_is_locked(text, size, &is_locked, &err) != 0)
		must(err.text[0] && err.code);
	else if (minisign_secret_parse(text, size, NULL, &secret, &err) != 0)
		must(err.text[0] && err.code);
	else
		must(!is_locked);
}

static void fuzz_comment(const char *text, size_t size)
{
	struct signed_comment said = { .model = "lab", .version = 3 }, read;
	char file[256] = "", comment[MINISIGN_COMMENT_BYTES];
	struct error err = { .text = "" };

	memcpy(file, text, size < sizeof(file) - 1 ? size : sizeof(file) - 1);
	must(signed_comment_format(&said, file, 1, comment, sizeof(comment), &err) == 0);
	must(signed_comment_parse(comment, &read, &err) == 0); // no name bends it
	must(read.version == 3 && strcmp(read.model, "lab") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const FUZZ[])(const char *text, size_t size) = { fuzz_signature, fuzz_public,
		fuzz_secret, fuzz_comment };

	if (size == 0 || sodium_init() < 0)
		return 0;
	FUZZ[data[0] % 4]((const char *)data + 1, size - 1);
	return 0;
}
