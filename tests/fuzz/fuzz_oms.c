// SPDX-License-Identifier: BSD-3-Clause
// Bundles of OpenSSF Model Signing: the first byte chooses whether the input is a bundle, which is read and checked, or the
// payload of one, whose signature stands in for a right one. What is refused has a sentence.
#include "ctl/tool/oms_statement.h"
#include "tests/fuzz/must.h"

#include <string.h>

static const char KEY[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEsu6rZGBTjxtvRWPMixT+3HyndV0J0Ybt\n"
	"aHZUcO4DEK+OJHO/4e32bb/fbJKSpRgcBsIpKLcVijUomyFOERbd7u+BTPSUjGZD\n"
	"Qq6J7lTvp/EAXQGOKxW9RP0MGX3qAkvi\n"
	"-----END PUBLIC KEY-----\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_statement(const struct oms *oms)
{
	struct oms_statement statement;
	struct error err = { .text = "" };

	if (oms_statement_parse(oms, &statement, &err) != 0) {
		must(err.text[0] && err.code);
		return;
	}
	must(statement.n > 0 && (statement.digest_bytes == 32 || statement.digest_bytes == 64));
	for (size_t i = 0; i < statement.n; i++)
		must(statement.resources[i].name_bytes > 0 &&
			statement.resources[i].name[0] != '/');
	must(oms_statement_check_all(&statement, &err) != 0); // no file was given
	oms_statement_fini(&statement);
}

static void fuzz_bundle(const char *text, size_t size)
{
	struct error err = { .text = "" };
	struct oms oms;

	if (oms_parse(text, size, &oms, &err) != 0) {
		must(err.text[0] && err.code);
		return;
	}
	if (oms_check_key(&oms, KEY, sizeof(KEY) - 1, &err) == 0)
		fuzz_statement(&oms);
	else
		must(err.text[0] && err.code);
	must(oms_check_certificate(&oms, KEY, sizeof(KEY) - 1, &err) !=
		0); // that is no certificate
	oms_fini(&oms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oms oms = { 0 };

	if (size == 0)
		return 0;
	oms.payload = (uint8_t *)(uintptr_t)data + 1;
	oms.payload_size = size - 1;
	if (data[0] % 2)
		fuzz_statement(&oms);
	else
		fuzz_bundle((const char *)data + 1, size - 1);
	return 0;
}
