// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/data/float_store.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FLOAT_STORE_FIRST 4096 // floats that a new store holds

void float_store_init(struct float_store *store, size_t memory_bytes)
{
	*store = (struct float_store){ .memory_bytes = memory_bytes, .file = -1 };
}

void float_store_fini(struct float_store *store)
{
	if (store->mapped_bytes)
		munmap(store->values, store->mapped_bytes);
	else
		free(store->values);
	if (store->file >= 0)
		close(store->file);
	float_store_init(store, 0);
}

static const char *float_store_folder(void)
{
	const char *folder = getenv("TMPDIR");

	return folder && *folder ? folder : "/tmp";
}

static int float_store_write(
	struct float_store *store, const float *values, size_t n, struct error *err)
{
	const char *from = (const char *)values;
	size_t left = n * sizeof(*values);

	while (left > 0) {
		const ssize_t written = write(store->file, from, left);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return error_set(err, -errno,
				"%s: the rows' temporary file cannot be written: %s; TMPDIR says "
				"where "
				"it is",
				float_store_folder(), strerror(errno));
		from += written;
		left -= (size_t)written;
	}
	return 0;
}

// From here on what comes goes to a file, behind what came.
static int float_store_spill(struct float_store *store, struct error *err)
{
	const char *folder = float_store_folder();
	const size_t size = strlen(folder) + sizeof("/martlet-rows.XXXXXX");
	char *path = malloc(size);
	int rc;

	if (!path)
		return error_set(err, -ENOMEM, "out of memory for rows");
	snprintf(path, size, "%s/martlet-rows.XXXXXX", folder);
	store->file = mkostemp(path, O_CLOEXEC);
	if (store->file < 0)
		rc = error_set(err, -errno,
			"%s: no temporary file for the rows can be made there: %s; TMPDIR says "
			"where",
			folder, strerror(errno));
	else
		rc = unlink(path) ? error_set(err, -errno, "%s: %s", path, strerror(errno)) : 0;
	free(path);
	if (rc == 0)
		rc = float_store_write(store, store->values, store->n, err);
	free(store->values);
	store->values = NULL;
	store->capacity = 0;
	return rc;
}

int float_store_add(struct float_store *store, const float *values, size_t n, struct error *err)
{
	size_t capacity = store->capacity ? store->capacity : FLOAT_STORE_FIRST;
	float *grown;
	int rc;

	if (n > SIZE_MAX / 8 - store->n)
		return error_set(err, -EFBIG, "more rows than an address can count");
	if (store->file < 0 && store->n + n > store->memory_bytes / sizeof(*values)) {
		rc = float_store_spill(store, err);
		if (rc != 0)
			return rc;
	}
	if (store->file >= 0) {
		rc = float_store_write(store, values, n, err);
		store->n += n;
		return rc;
	}
	while (capacity < store->n + n)
		capacity *= 2;
	if (capacity > store->capacity) {
		grown = realloc(store->values, capacity * sizeof(*values));
		if (!grown)
			return error_set(err, -ENOMEM, "out of memory for rows");
		store->values = grown;
		store->capacity = capacity;
	}
	memcpy(store->values + store->n, values, n * sizeof(*values));
	store->n += n;
	return 0;
}

int float_store_done(struct float_store *store, struct error *err)
{
	const size_t bytes = store->n * sizeof(*store->values);
	void *mapped;

	if (store->file < 0)
		return 0;
	mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, store->file, 0);
	if (mapped == MAP_FAILED)
		return error_set(err, -errno, "%zu bytes of rows cannot be mapped: %s", bytes,
			strerror(errno));
	store->values = mapped;
	store->mapped_bytes = bytes;
	return 0;
}
