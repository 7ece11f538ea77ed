// SPDX-License-Identifier: BSD-3-Clause
// The audit log's reader: whatever the bytes and the pieces they come in, it says the same, and a line that it takes is
// one that it read.
#include "base/trust/chain_check.h"
#include "base/trust/chain_sign.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(void *arg, const char *text, size_t bytes, const struct chain_line *line)
{
	char hash[CHAIN_HEX_BYTES];

	if (bytes >= CHAIN_LINE_BYTES_MAX || line->seq == 0)
		abort();
	chain_hash(text, bytes - 75, hash);
	if (strcmp(hash, line->hash) != 0)
		abort();
	++*(uint64_t *)arg;
}

static struct chain_found read_in_pieces(const char *text, size_t size, size_t piece, int *rc)
{
	uint64_t taken = 0;
	struct chain_check *check = chain_check_create(NULL, take, &taken);
	struct chain_found found;
	struct error err;

	*rc = 0;
	for (size_t i = 0; *rc == 0 && i < size; i += piece)
		*rc = chain_check_take(check, text + i, size - i < piece ? size - i : piece, &err);
	if (*rc == 0)
		*rc = chain_check_end(check, &err);
	found = *chain_check_found(check);
	if (found.lines != taken)
		abort();
	chain_check_destroy(check);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chain_found one, other;
	struct chain_place place;
	char key[CHAIN_HEX_BYTES];
	struct error err;
	int rc, again;

	if (sodium_init() < 0)
		abort();
	one = read_in_pieces((const char *)data, size, 7, &rc);
	other = read_in_pieces((const char *)data, size, 4096, &again);
	if (rc != again || one.lines != other.lines || one.torn != other.torn ||
		strcmp(one.last.hash, other.last.hash) != 0)
		abort();
	chain_head_read((const char *)data, size, &place, key, &err);
	return 0;
}
