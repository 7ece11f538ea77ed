// SPDX-License-Identifier: BSD-3-Clause
// Encrypted images as model_open() opens them, and where their memory comes from.
#include "base/secret.h"
#include "base/trust/sealed.h"
#include "infer/graph/arena.h"
#include "infer/image/image.h"
#include "infer/infer.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct error err;
static char folder[] = "/tmp/model-sealed-XXXXXX";
static char path[64];
static struct image_keys *keys;
static void *image;   // plain
static uint8_t *file; // encrypted
static size_t image_bytes, file_bytes;

static int setup(void **state)
{
	struct graph *graph = graph_mlp(3, (uint32_t[]){ 300, 200, 2 }, true, 1);
	struct sealed_stream stream;
	char id[IMAGE_KEY_ID_TEXT];
	const uint8_t *from;
	uint8_t *at;

	if (sodium_init() < 0 || !mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/image.key", folder);
	keys = image_keys_create();
	assert_int_equal(image_key_generate(path, id, &err), 0);
	assert_int_equal(image_keys_read(keys, path, &err), 0);
	assert_int_equal(image_write(graph, &image, &image_bytes, &err), 0);
	graph_destroy(graph);
	at = file = malloc(image_bytes + 4096);
	from = image;
	sealed_encrypt_begin(&stream, image_keys_first(keys), image_bytes, SEALED_CHUNK_MIN);
	memcpy(at, stream.header, SEALED_HEADER_BYTES);
	at += SEALED_HEADER_BYTES;
	for (uint32_t n; (n = sealed_next(&stream)) > 0; from += n, at += n + SEALED_CHUNK_MORE)
		sealed_encrypt(&stream, from, at);
	file_bytes = (size_t)(at - file);
	return 0;
}

static int teardown(void **state)
{
	image_keys_destroy(keys);
	free(image);
	free(file);
	unlink(path);
	return rmdir(folder);
}

static void scores_as_the_plain_image_does(void **state)
{
	const struct model_options options = {
		.no_timing = true, .keys = keys, .only_encrypted = true
	};
	struct model *plain, *sealed;
	float rows[300], outputs[2][2];
	void *scratch;

	assert_int_equal(model_open(image, image_bytes,
				 &(struct model_options){ .no_timing = true }, &plain, &err),
		0);
	assert_int_equal(model_open(file, file_bytes, &options, &sealed, &err), 0);
	assert_int_equal(model_info(sealed)->image_bytes, file_bytes);
	assert_string_equal(model_info(sealed)->name, model_info(plain)->name);
	scratch = aligned_alloc(64, (model_scratch_bytes(plain, 1) + 63) / 64 * 64);
	for (int i = 0; i < 300; i++)
		rows[i] = (float)i / 300;
	model_score(plain, rows, outputs[0], 1, scratch, 1);
	model_score(sealed, rows, outputs[1], 1, scratch, 1);
	assert_memory_equal(outputs[0], outputs[1], sizeof(outputs[0]));
	free(scratch);
	model_close(plain);
	model_close(sealed);
}

static void without_the_key_it_is_refused(void **state)
{
	struct model *model = NULL;
	struct model_source source;

	assert_int_equal(model_open(file, file_bytes, NULL, &model, &err), -ENOKEY);
	assert_null(model);
	assert_int_equal(model_source(file, file_bytes, NULL, &source, &err), -ENOKEY);
	assert_int_equal(model_source(file, file_bytes, keys, &source, &err), 0);
	assert_false(model_is_image(file, file_bytes));
	assert_true(model_is_image(image, image_bytes));
}

static void a_plain_one_is_refused_where_that_is_asked(void **state)
{
	const struct model_options options = {
		.no_timing = true, .keys = keys, .only_encrypted = true
	};
	struct model *model = NULL;

	assert_int_equal(model_open(image, image_bytes, &options, &model, &err), -EPERM);
	assert_null(model);
	assert_string_equal(err.text,
		"it is not encrypted, and only encrypted images are taken here: make one of it "
		"with "
		"martletctl model encrypt");
}

static void what_is_no_image_inside_is_refused(void **state)
{
	struct sealed_stream stream;
	uint8_t bad[SEALED_HEADER_BYTES + 512 + SEALED_CHUNK_MORE], zeros[512] = { 0 };
	const struct model_options options = { .no_timing = true, .keys = keys };
	struct model *model = NULL;

	sealed_encrypt_begin(&stream, image_keys_first(keys), sizeof(zeros), SEALED_CHUNK_MIN);
	memcpy(bad, stream.header, SEALED_HEADER_BYTES);
	sealed_encrypt(&stream, zeros, bad + SEALED_HEADER_BYTES);
	assert_int_equal(model_open(bad, sizeof(bad), &options, &model, &err), -EINVAL);
	assert_null(model);
	// An encrypted image in an encrypted image is none either.
	sealed_encrypt_begin(&stream, image_keys_first(keys), sizeof(zeros), SEALED_CHUNK_MIN);
	memcpy(bad, stream.header, SEALED_HEADER_BYTES);
	memcpy(zeros, file, sizeof(zeros));
	sealed_encrypt(&stream, zeros, bad + SEALED_HEADER_BYTES);
	assert_int_equal(model_open(bad, sizeof(bad), &options, &model, &err), -EINVAL);
	assert_null(model);
}

// The flags in /proc/self/smaps of the mapping that holds an address, "" where there is none.
static void flags_of(const void *address, char flags[256])
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	char line[512];
	bool within = false;

	flags[0] = '\0';
	assert_non_null(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		unsigned long low, high;

		if (sscanf(line, "%lx-%lx ", &low, &high) == 2)
			within = low <= (unsigned long)address && (unsigned long)address < high;
		else if (within && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(flags, 256, "%.255s", line);
	}
	fclose(smaps);
}

static void memory_is_locked_and_in_no_core_dump(void **state)
{
	struct arena *arena = arena_create_secret((size_t)1 << 24, SECRECY_TRIED);
	char flags[256];
	char *small, *big, *lent;

	assert_non_null(arena);
	small = arena_strdup(arena, "small");
	big = arena_alloc(arena, 100000);
	lent = arena_lend(arena, 100);
	assert_non_null(small);
	assert_non_null(big);
	assert_non_null(lent);
	assert_int_equal((uintptr_t)lent % 64, 0);
	for (int i = 0; i < 3; i++) {
		flags_of(i == 0 ? small : i == 1 ? big : lent, flags);
		assert_non_null(strstr(flags, " dd"));
		assert_non_null(strstr(flags, " lo"));
	}
	arena_give_back(arena, lent);
	arena_give_back(arena, NULL);
	arena_destroy(arena);
	flags_of(big, flags);
	assert_string_equal(flags, "");
	arena = arena_create((size_t)1 << 20); // ordinary memory is neither
	small = arena_strdup(arena, "small");
	flags_of(small, flags);
	assert_null(strstr(flags, " dd"));
	lent = arena_lend(arena, 100);
	assert_int_equal((uintptr_t)lent % 64, 0);
	arena_give_back(arena, lent);
	arena_destroy(arena);
}

// Runs in a process that may lock as good as nothing. Its exit code.
static int open_without_limit(bool must_lock)
{
	const struct model_options options = {
		.no_timing = true, .keys = keys, .must_lock = must_lock
	};
	struct model *model = NULL;
	int rc;

	if (setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ 65536, 65536 }) != 0 ||
		(geteuid() == 0 && setresuid(65534, 65534, 65534) != 0))
		return 77;
	rc = model_open(file, file_bytes, &options, &model, &err);
	model_close(model);
	if (!must_lock)
		return rc == 0 ? 0 : 1;
	if (rc != -ENOMEM || model)
		return 2;
	return strcmp(err.text,
		       "it is encrypted, and what is decrypted must be locked in memory, of which "
		       "this "
		       "process may lock 64 KiB: raise the limit (LimitMEMLOCK=infinity in its "
		       "unit, "
		       "ulimit -l)") == 0
		? 0
		: 3;
}

static void what_cannot_be_locked_is_refused_where_it_must(void **state)
{
	for (int must_lock = 0; must_lock < 2; must_lock++) {
		int status;
		const pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0)
			_exit(open_without_limit(must_lock != 0));
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 77)
			skip();
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scores_as_the_plain_image_does),
		cmocka_unit_test(without_the_key_it_is_refused),
		cmocka_unit_test(a_plain_one_is_refused_where_that_is_asked),
		cmocka_unit_test(what_is_no_image_inside_is_refused),
		cmocka_unit_test(memory_is_locked_and_in_no_core_dump),
		cmocka_unit_test(what_cannot_be_locked_is_refused_where_it_must),
	};

	return cmocka_run_group_tests_name("encrypted models", tests, setup, teardown);
}
