// SPDX-License-Identifier: BSD-3-Clause
// Wherever the bytes of a connection are cut, the pieces are the bytes, and each RST_STREAM is one of them.
#include "ctl/server/http/frame_cut.h"
#include "tests/cmocka.h"

#include <string.h>

#define PREFACE "0123456789abcdefghijklmn"

// SETTINGS; RST_STREAM of 1; HEADERS of 3 with 4 bytes; RST_STREAM of 5 and of 7; one of 5 bytes; DATA of 9, empty.
static const char STREAM[] = PREFACE
	"\0\0\0\4\0\0\0\0\0"
	"\0\0\4\3\0\0\0\0\1\0\0\0\10"
	"\0\0\4\1\5\0\0\0\3\0\0\4\3"
	"\0\0\4\3\0\0\0\0\5\0\0\0\10"
	"\0\0\4\3\0\x80\0\1\7\0\0\0\10"
	"\0\0\5\3\0\0\0\0\13zzzzz"
	"\0\0\0\0\1\0\0\0\11";
#define STREAM_BYTES (sizeof(STREAM) - 1)

static char got[STREAM_BYTES];
static size_t n_got;
static int32_t resets[8];
static unsigned n_resets;

static void take(struct frame_cut *cut, const char *data, size_t bytes)
{
	while (bytes > 0) {
		// A copy of what there is, so that nothing behind it is read unseen.
		uint8_t *copy = test_malloc(bytes);
		struct frame_piece piece;
		size_t n;

		memcpy(copy, data, bytes);
		n = frame_cut_next(cut, copy, bytes, &piece);
		assert_in_range(n, 1, bytes);
		assert_in_range(piece.size, 0, STREAM_BYTES - n_got);
		memcpy(got + n_got, piece.at, piece.size);
		n_got += piece.size;
		if (piece.reset) {
			assert_int_equal(piece.size, FRAME_RESET_BYTES);
			resets[n_resets++] = piece.reset;
		}
		test_free(copy);
		data += n;
		bytes -= n;
	}
}

static void check(void)
{
	static const int32_t RESETS[] = { 1, 5, 0x107 };

	assert_int_equal(n_got, STREAM_BYTES);
	assert_memory_equal(got, STREAM, STREAM_BYTES);
	assert_int_equal(n_resets, 3);
	assert_memory_equal(resets, RESETS, sizeof(RESETS));
	n_got = n_resets = 0;
}

static void pieces_are_the_bytes_wherever_they_are_cut(void **state)
{
	for (size_t first = 0; first <= STREAM_BYTES; first++)
		for (size_t second = first; second <= STREAM_BYTES; second++) {
			struct frame_cut cut;

			frame_cut_init(&cut, sizeof(PREFACE) - 1);
			take(&cut, STREAM, first);
			take(&cut, STREAM + first, second - first);
			take(&cut, STREAM + second, STREAM_BYTES - second);
			check();
		}
}

static void pieces_are_the_bytes_one_by_one(void **state)
{
	struct frame_cut cut;

	frame_cut_init(&cut, sizeof(PREFACE) - 1);
	for (size_t at = 0; at < STREAM_BYTES; at++)
		take(&cut, STREAM + at, 1);
	check();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_the_bytes_wherever_they_are_cut),
		cmocka_unit_test(pieces_are_the_bytes_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
