// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/external.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct external {
	const char *location;
	uint64_t offset, length;
	bool has_offset, has_length;
};

// A whole number in decimal digits, and nothing else.
static bool external_number(const char *text, uint64_t *number)
{
	uint64_t value = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || value > (UINT64_MAX - 9) / 10)
			return false;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	*number = value;
	return true;
}

// Keys that are not known, as "checksum", say nothing of where the values lie.
static int external_parse(struct onnx *onnx, const Onnx__TensorProto *proto, const char *name,
	const char *where, struct external *external)
{
	for (size_t i = 0; i < proto->n_external_data; i++) {
		const char *key = onnx_text(proto->external_data[i]->key);
		const char *value = onnx_text(proto->external_data[i]->value);
		const bool is_location = strcmp(key, "location") == 0;
		const bool is_offset = strcmp(key, "offset") == 0;
		bool *has = is_offset ? &external->has_offset : &external->has_length;
		uint64_t *number = is_offset ? &external->offset : &external->length;

		if (!is_location && !is_offset && strcmp(key, "length") != 0)
			continue;
		if (is_location ? external->location != NULL : *has)
			return error_set(onnx->err, -EINVAL,
				"%s '%.80s': its external data gives '%s' twice", where, name, key);
		if (is_location) {
			external->location = value;
			continue;
		}
		if (!external_number(value, number))
			return error_set(onnx->err, -EINVAL,
				"%s '%.80s': its external data has %s '%.40s', should be a whole "
				"number of bytes",
				where, name, key, value);
		*has = true;
	}
	if (!*onnx_text(external->location))
		return error_set(onnx->err, -EINVAL,
			"%s '%.80s' is said to lie in another file, but not in which", where, name);
	return 0;
}

static int external_open_folder(struct onnx *onnx)
{
	const char *path = onnx->options->path, *slash = strrchr(path, '/');
	char *folder = arena_strndup(onnx->scratch, path, slash ? (size_t)(slash - path) + 1 : 0);
	struct stat model;

	if (onnx->options->beside) {
		onnx->beside.device = onnx->options->beside->device;
		onnx->beside.inode = onnx->options->beside->inode;
		return 0;
	}
	if (!folder)
		return error_set(onnx->err, -ENOMEM, "out of memory");
	onnx->beside.folder = open(*folder ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (onnx->beside.folder < 0)
		return error_set(onnx->err, -errno, "the model's folder cannot be opened: %s",
			strerror(errno));
	if (stat(path, &model) != 0)
		return error_set(
			onnx->err, -errno, "the model's file is gone: %s", strerror(errno));
	onnx->beside.device = model.st_dev;
	onnx->beside.inode = model.st_ino;
	return 0;
}

// The file that was opened last is kept: most models have one, and name it in each tensor.
static int external_open(
	struct onnx *onnx, const char *location, const char *name, const char *where)
{
	struct onnx_beside *beside = &onnx->beside;
	struct stat status;
	struct error why = { .text = "" };
	int rc = 0;

	if (!onnx->options->path)
		return error_set(onnx->err, -ENOTSUP,
			"%s '%.80s' lies in another file, and these bytes came without a folder; "
			"export the model as one file: torch.onnx.export(..., external_data=False)",
			where, name);
	if (beside->file >= 0 && strcmp(beside->location, location) == 0)
		return 0;
	if (beside->folder < 0)
		rc = external_open_folder(onnx);
	if (rc != 0)
		return rc;
	if (beside->file >= 0)
		close(beside->file);
	beside->file = onnx->options->beside
		? onnx->options->beside->open(onnx->options->beside->arg, location, &why)
		: file_open_below(beside->folder, location, location, &why);
	if (beside->file < 0)
		return error_set(onnx->err, why.code,
			"%s '%.80s' lies in another file: %.160s; keep it beside the model, or "
			"export as one file: torch.onnx.export(..., external_data=False), or "
			"onnx.save(onnx.load(path), path)",
			where, name, why.text);
	if (fstat(beside->file, &status) != 0)
		return error_set(onnx->err, -errno, "%.80s: %s", location, strerror(errno));
	if (status.st_dev == beside->device && status.st_ino == beside->inode)
		return error_set(onnx->err, -EINVAL,
			"%s '%.80s' is said to lie in another file, '%.80s', which is the model's "
			"own",
			where, name, location);
	beside->location = location;
	beside->file_bytes = (size_t)status.st_size;
	beside->n_files++;
	return 0;
}

int onnx_external_read(struct onnx *onnx, const Onnx__TensorProto *proto, const char *name,
	const char *where, size_t size, uint8_t **bytes)
{
	struct onnx_beside *beside = &onnx->beside;
	struct external external = { .location = NULL };
	int rc = external_parse(onnx, proto, name, where, &external);

	*bytes = NULL;
	if (rc == 0 && external.has_length && external.length != size)
		return error_set(onnx->err, -EINVAL,
			"%s '%.80s': its external data has length %llu, its dimensions say %zu "
			"bytes",
			where, name, (unsigned long long)external.length, size);
	if (rc == 0)
		rc = external_open(onnx, external.location, name, where);
	if (rc != 0)
		return rc;
	if (external.offset > beside->file_bytes || size > beside->file_bytes - external.offset)
		return error_set(onnx->err, -EINVAL,
			"%s '%.80s': its external data, %zu bytes from %llu on, reaches past the "
			"end of '%.80s', which has %zu",
			where, name, size, (unsigned long long)external.offset, external.location,
			beside->file_bytes);
	if (size > ONNX_EXTERNAL_BYTES_MAX - beside->bytes)
		return error_set(onnx->err, -EFBIG,
			"%s '%.80s': more than %zu bytes of external data altogether", where, name,
			ONNX_EXTERNAL_BYTES_MAX);
	*bytes = malloc(size + 1);
	if (!*bytes)
		return error_set(onnx->err, -ENOMEM, "out of memory for %s '%.80s'", where, name);
	rc = file_read_part(beside->file, external.offset, *bytes, size);
	if (rc != 0) {
		free(*bytes);
		*bytes = NULL;
		return error_set(onnx->err, rc, "%.80s: cannot be read: %s", external.location,
			strerror(-rc));
	}
	if (!onnx->options->unhashed)
		sha256_add(&beside->hash, *bytes, size);
	beside->bytes += size;
	beside->n_tensors++;
	return 0;
}

void onnx_external_report(const struct onnx *onnx)
{
	const struct onnx_beside *beside = &onnx->beside;

	if (beside->n_tensors != 0)
		report_add(onnx->report,
			"%zu tensors, %zu bytes, are of '%.80s'%s beside the model",
			beside->n_tensors, beside->bytes, beside->location,
			beside->n_files > 1 ? " and other files" : "");
}

void onnx_external_close(struct onnx *onnx)
{
	if (onnx->beside.file >= 0)
		close(onnx->beside.file);
	if (onnx->beside.folder >= 0)
		close(onnx->beside.folder);
}
