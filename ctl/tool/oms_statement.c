// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/oms_statement.h"

#include "base/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define PREDICATE_TYPE "https://model_signing/signature/v1.0"
#define PART_BYTES     ((size_t)1 << 20)

static const char *statement_text(
	const json_t *object, const char *key, const char *wants, struct error *err)
{
	const json_t *value = json_object_get(object, key);
	const char *text = json_string_value(value);

	if (text && *text && strlen(text) == json_string_length(value) &&
		(!wants || strcmp(text, wants) == 0))
		return text;
	error_set(err, -EINVAL, "the statement's %s is '%.80s'%s%s", key, text ? text : "no text",
		wants ? ", not " : "; it must be text", wants ? wants : "");
	return NULL;
}

// --- Resources -----------------------------------------------------------------------------------

// A name below the model's folder: no path that leads out of it.
static bool resource_is_name(const char *name, size_t bytes)
{
	if (bytes == 0 || name[0] == '/')
		return false;
	for (size_t at = 0; at < bytes;) {
		const char *end = memchr(name + at, '/', bytes - at);
		const size_t part = end ? (size_t)(end - name) - at : bytes - at;

		if (part == 0 || (part == 1 && name[at] == '.') ||
			(part == 2 && name[at] == '.' && name[at + 1] == '.'))
			return false;
		at += part + (end != NULL);
		if (end && at == bytes)
			return false;
	}
	return true;
}

// The number behind the last ':' of name[*bytes], which is cut off there.
static bool resource_number(const char *name, size_t *bytes, uint64_t *number)
{
	const char *colon = memrchr(name, ':', *bytes);
	const size_t digits = colon ? (size_t)(name + *bytes - colon) - 1 : 0;

	if (digits == 0 || digits > 18)
		return false;
	*number = 0;
	for (size_t i = 1; i <= digits; i++) {
		if (colon[i] < '0' || colon[i] > '9')
			return false;
		*number = *number * 10 + (uint64_t)(colon[i] - '0');
	}
	*bytes = (size_t)(colon - name);
	return true;
}

static int resource_read(const struct oms_statement *statement, const json_t *json, size_t index,
	struct oms_resource *resource, struct error *err)
{
	static const char *const NAMES[] = { "sha256", "blake2b" };
	const char *digest, *algorithm;
	size_t got = 0;

	resource->name = statement_text(json, "name", NULL, err);
	digest = resource->name ? statement_text(json, "digest", NULL, err) : NULL;
	algorithm = digest ? statement_text(json, "algorithm", NULL, err) : NULL;
	if (!algorithm)
		return error_prefix(err, "predicate.resources[%zu]", index);
	resource->name_bytes = strlen(resource->name);
	if (strcmp(algorithm, NAMES[statement->hash]) != 0 &&
		// Parts of files: the hash's name has the parts' size behind it.
		!(statement->shard_size &&
			strncmp(algorithm, NAMES[statement->hash],
				strlen(NAMES[statement->hash])) == 0))
		return error_set(err, -EINVAL,
			"predicate.resources[%zu] is hashed by '%.40s', not by %s as serialization "
			"says",
			index, algorithm, NAMES[statement->hash]);
	if (strlen(digest) != 2 * statement->digest_bytes ||
		sodium_hex2bin(resource->digest, sizeof(resource->digest), digest, strlen(digest),
			NULL, &got, NULL) != 0 ||
		got != statement->digest_bytes)
		return error_set(err, -EINVAL,
			"predicate.resources[%zu].digest is no hash of %zu bytes", index,
			statement->digest_bytes);
	if (statement->shard_size &&
		(!resource_number(resource->name, &resource->name_bytes, &resource->end) ||
			!resource_number(resource->name, &resource->name_bytes, &resource->start) ||
			resource->start >= resource->end))
		return error_set(err, -EINVAL,
			"predicate.resources[%zu].name is no part of a file, as weights.bin:0:1000",
			index);
	if (strcmp(resource->name, ".") == 0 && !statement->shard_size)
		return 0; // the one file of a model, as those before 1.0.1 say it
	if (!resource_is_name(resource->name, resource->name_bytes))
		return error_set(err, -EINVAL,
			"predicate.resources[%zu].name leads out of the model's folder, or is no "
			"path",
			index);
	return 0;
}

static int statement_read_resources(
	const json_t *predicate, struct oms_statement *statement, struct error *err)
{
	const json_t *list = json_object_get(predicate, "resources");
	json_t *json;
	size_t i;

	if (json_array_size(list) == 0)
		return error_set(err, -EINVAL, "the statement names no files");
	statement->resources = calloc(json_array_size(list), sizeof(*statement->resources));
	if (!statement->resources)
		return error_set(err, -ENOMEM, "no memory for %zu files", json_array_size(list));
	json_array_foreach (list, i, json) {
		struct oms_resource *one = &statement->resources[i];

		if (resource_read(statement, json, i, one, err) != 0)
			return err->code;
		statement->n++;
	}
	return 0;
}

// Paths below the model's folder that were not signed, with all that is below them.
static int statement_read_ignored(
	const json_t *how, struct oms_statement *statement, struct error *err)
{
	const json_t *one;
	size_t i;

	statement->ignored = json_object_get(how, "ignore_paths");
	if (statement->ignored && !json_is_array(statement->ignored))
		return error_set(err, -EINVAL, "serialization.ignore_paths is no list of paths");
	json_array_foreach (statement->ignored, i, one)
		if (!json_is_string(one) ||
			!resource_is_name(json_string_value(one), json_string_length(one)))
			return error_set(err, -EINVAL,
				"serialization.ignore_paths[%zu] leads out of the model's folder, "
				"or "
				"is no path",
				i);
	return 0;
}

static int statement_read_serialization(
	const json_t *predicate, struct oms_statement *statement, struct error *err)
{
	const json_t *how = json_object_get(predicate, "serialization");
	const json_t *shard = json_object_get(how, "shard_size");
	const char *method = statement_text(how, "method", NULL, err);
	const char *hash = method ? statement_text(how, "hash_type", NULL, err) : NULL;

	if (!hash)
		return err->code;
	if (strcmp(hash, "sha256") == 0 || strncmp(hash, "sha256-", 7) == 0)
		statement->hash = OMS_SHA256, statement->digest_bytes = 32;
	else if (strcmp(hash, "blake2b") == 0 || strncmp(hash, "blake2b-", 8) == 0)
		statement->hash = OMS_BLAKE2B, statement->digest_bytes = 64;
	else
		return error_set(err, -ENOTSUP,
			"the model's files are hashed by '%.40s'; sha256 and blake2b are read here",
			hash);
	if (statement_read_ignored(how, statement, err) != 0)
		return err->code;
	if (strcmp(method, "files") == 0 && !shard)
		return 0;
	if (strcmp(method, "shards") == 0 && json_is_integer(shard) &&
		json_integer_value(shard) > 0) {
		statement->shard_size = (uint64_t)json_integer_value(shard);
		return 0;
	}
	return error_set(err, -EINVAL,
		"serialization.method is '%.40s'%s: it must be \"files\", or \"shards\" with their "
		"shard_size",
		method, shard ? " with a shard_size" : "");
}

// The subject's digest is the SHA-256 of all digests in turn: a statement that is not whole shows there.
static int statement_check_root(
	const json_t *json, const struct oms_statement *statement, struct error *err)
{
	const json_t *subject = json_array_get(json_object_get(json, "subject"), 0);
	const char *said =
		json_string_value(json_object_get(json_object_get(subject, "digest"), "sha256"));
	crypto_hash_sha256_state state;
	uint8_t root[32];
	char hex[2 * sizeof(root) + 1];

	crypto_hash_sha256_init(&state);
	for (size_t i = 0; i < statement->n; i++)
		crypto_hash_sha256_update(
			&state, statement->resources[i].digest, statement->digest_bytes);
	crypto_hash_sha256_final(&state, root);
	sodium_bin2hex(hex, sizeof(hex), root, sizeof(root));
	if (said && strcmp(said, hex) == 0)
		return 0;
	return error_set(err, -EINVAL,
		"the statement contradicts itself: its files' hashes together are %.16s..., not "
		"%.16s...",
		hex, said ? said : "there");
}

static int resource_compare(const void *a, const void *b)
{
	const struct oms_resource *x = a, *y = b;
	const size_t both = x->name_bytes < y->name_bytes ? x->name_bytes : y->name_bytes;
	const int names = memcmp(x->name, y->name, both);

	if (names != 0)
		return names;
	if (x->name_bytes != y->name_bytes)
		return x->name_bytes < y->name_bytes ? -1 : 1;
	return (x->start > y->start) - (x->start < y->start);
}

// By name, and parts of a file by their place. A bundle may list them otherwise: the specification has them by name as
// text, where part 10 comes before part 2, its reference implementation by the folders of a path, so that "a/b" comes
// before "a-b". The digest of all is over the list as it is.
static int statement_sort(struct oms_statement *statement, struct error *err)
{
	struct oms_resource *all = statement->resources;

	qsort(all, statement->n, sizeof(*all), resource_compare);
	for (size_t i = 1; i < statement->n; i++)
		if (resource_compare(&all[i - 1], &all[i]) == 0)
			return error_set(err, -EINVAL, "the statement names %s twice", all[i].name);
	return 0;
}

static int statement_read(const json_t *json, struct oms_statement *statement, struct error *err)
{
	const json_t *subject = json_object_get(json, "subject");
	const json_t *predicate = json_object_get(json, "predicate");
	int rc;

	if (!statement_text(json, "_type", STATEMENT_TYPE, err) ||
		!statement_text(json, "predicateType", PREDICATE_TYPE, err))
		return err->code;
	if (json_array_size(subject) != 1)
		return error_set(err, -EINVAL, "the statement has %zu subjects, not one",
			json_array_size(subject));
	statement->name = statement_text(json_array_get(subject, 0), "name", NULL, err);
	if (!statement->name)
		return err->code;
	if (!json_is_object(predicate) ||
		!json_is_object(json_object_get(predicate, "serialization")))
		return error_set(
			err, -EINVAL, "the statement has no predicate with a serialization");
	rc = statement_read_serialization(predicate, statement, err);
	if (rc == 0)
		rc = statement_read_resources(predicate, statement, err);
	if (rc == 0)
		rc = statement_check_root(json, statement, err);
	return rc == 0 ? statement_sort(statement, err) : rc;
}

int oms_statement_parse(const struct oms *oms, struct oms_statement *statement, struct error *err)
{
	json_error_t mistake;
	int rc;

	memset(statement, 0, sizeof(*statement));
	statement->json = json_loadb(
		(const char *)oms->payload, oms->payload_size, JSON_REJECT_DUPLICATES, &mistake);
	if (!json_is_object(statement->json))
		rc = error_set(err, -EINVAL, "the payload is no JSON of a statement: line %d: %s",
			mistake.line, mistake.text);
	else
		rc = statement_read(statement->json, statement, err);
	if (rc != 0)
		oms_statement_fini(statement);
	return rc;
}

void oms_statement_fini(struct oms_statement *statement)
{
	json_decref(statement->json);
	free(statement->resources);
	memset(statement, 0, sizeof(*statement));
}

// --- Files ---------------------------------------------------------------------------------------

union hashing {
	crypto_hash_sha256_state sha256;
	crypto_generichash_state blake2b;
};

static void hashing_begin(union hashing *state, enum oms_hash hash)
{
	if (hash == OMS_SHA256)
		crypto_hash_sha256_init(&state->sha256);
	else
		crypto_generichash_init(&state->blake2b, NULL, 0, 64);
}

static void hashing_add(union hashing *state, enum oms_hash hash, const uint8_t *bytes, size_t size)
{
	if (hash == OMS_SHA256)
		crypto_hash_sha256_update(&state->sha256, bytes, size);
	else
		crypto_generichash_update(&state->blake2b, bytes, size);
}

static void hashing_end(union hashing *state, enum oms_hash hash, uint8_t digest[64])
{
	if (hash == OMS_SHA256)
		crypto_hash_sha256_final(&state->sha256, digest);
	else
		crypto_generichash_final(&state->blake2b, digest, 64);
}

static int file_hash(int fd, enum oms_hash hash, uint64_t start, uint64_t end, uint8_t digest[64])
{
	uint8_t *part = malloc(PART_BYTES);
	union hashing state;
	int rc = part ? 0 : -ENOMEM;

	hashing_begin(&state, hash);
	while (rc == 0 && start < end) {
		const size_t bytes = end - start < PART_BYTES ? (size_t)(end - start) : PART_BYTES;

		rc = file_read_part(fd, start, part, bytes);
		if (rc == 0)
			hashing_add(&state, hash, part, bytes);
		start += bytes;
	}
	hashing_end(&state, hash, digest);
	free(part);
	return rc;
}

// Is it `path` itself, or what stands behind a slash at its end?
static bool resource_is_of(const struct oms_resource *resource, const char *path)
{
	const size_t bytes = strlen(path);

	if (strcmp(resource->name, ".") == 0)
		return true;
	if (bytes < resource->name_bytes ||
		memcmp(path + bytes - resource->name_bytes, resource->name, resource->name_bytes) !=
			0)
		return false;
	return bytes == resource->name_bytes || path[bytes - resource->name_bytes - 1] == '/';
}

// Of the resources that the path may be, those of the longest name; 0: there is none.
static size_t statement_name_bytes(const struct oms_statement *statement, const char *path)
{
	size_t longest = 0;

	for (size_t i = 0; i < statement->n; i++)
		if (resource_is_of(&statement->resources[i], path) &&
			statement->resources[i].name_bytes > longest)
			longest = statement->resources[i].name_bytes;
	return longest;
}

static int statement_check_open(struct oms_statement *statement, const char *path,
	size_t name_bytes, int fd, uint64_t size, struct error *err)
{
	uint64_t next = 0;

	for (size_t i = 0; i < statement->n; i++) {
		struct oms_resource *one = &statement->resources[i];
		const uint64_t end = statement->shard_size ? one->end : size;
		uint8_t digest[64];
		int rc;

		if (one->name_bytes != name_bytes || !resource_is_of(one, path))
			continue;
		if (one->is_checked)
			return error_set(err, -EINVAL,
				"%s: is the model's %s, which was given before", path, one->name);
		if (statement->shard_size &&
			(one->start != next || end > size ||
				(end - one->start != statement->shard_size && end != size)))
			return error_set(err, -EBADMSG,
				"%s: has %" PRIu64 " bytes, of which the statement has other parts",
				path, size);
		rc = file_hash(fd, statement->hash, one->start, end, digest);
		if (rc != 0)
			return error_set(err, rc, "%s: cannot be read: %s", path, strerror(-rc));
		if (sodium_memcmp(digest, one->digest, statement->digest_bytes) != 0)
			return error_set(err, -EBADMSG, "%s: is not the file that was signed as %s",
				path, one->name);
		one->is_checked = true;
		next = end;
	}
	return next == size
		? 0
		: error_set(err, -EBADMSG, "%s: has %" PRIu64 " bytes, %" PRIu64 " of them signed",
			  path, size, next);
}

int oms_statement_check_file(struct oms_statement *statement, const char *path, struct error *err)
{
	const size_t name_bytes = statement_name_bytes(statement, path);
	struct stat status;
	int fd, rc;

	if (name_bytes == 0)
		return error_set(err, -ENOENT, "%s: is none of the %zu files that were signed",
			path, statement->n);
	fd = file_open_at(AT_FDCWD, path, path, err);
	if (fd < 0)
		return fd;
	rc = fstat(fd, &status) == 0 ? statement_check_open(statement, path, name_bytes, fd,
					       (uint64_t)status.st_size, err)
				     : error_set(err, -errno, "%s: %s", path, strerror(errno));
	close(fd);
	return rc;
}

int oms_statement_check_open(
	struct oms_statement *statement, const char *name, int fd, struct error *err)
{
	const size_t bytes = strlen(name);
	struct stat status;
	bool is_there = false;

	for (size_t i = 0; i < statement->n && !is_there; i++)
		is_there = statement->resources[i].name_bytes == bytes &&
			memcmp(statement->resources[i].name, name, bytes) == 0;
	if (fstat(fd, &status) != 0)
		return error_set(err, -errno, "%s: %s", name, strerror(errno));
	if (!is_there && statement->shard_size && status.st_size == 0)
		return 0; // it has no part, and so the reference implementation names none
	if (!is_there)
		return error_set(err, -ENOENT, "%s: is none of the files that were signed", name);
	return statement_check_open(statement, name, bytes, fd, (uint64_t)status.st_size, err);
}

bool oms_statement_ignores(const struct oms_statement *statement, const char *name)
{
	static const char *const ALWAYS[] = { ".git", ".gitattributes", ".github", ".gitignore" };
	const json_t *one;
	size_t i;

	for (i = 0; i < sizeof(ALWAYS) / sizeof(ALWAYS[0]); i++)
		if (strcmp(name, ALWAYS[i]) == 0)
			return true;
	json_array_foreach (statement->ignored, i, one)
		if (strcmp(name, json_string_value(one)) == 0)
			return true;
	return false;
}

int oms_statement_check_all(const struct oms_statement *statement, struct error *err)
{
	for (size_t i = 0; i < statement->n; i++)
		if (!statement->resources[i].is_checked)
			return error_set(err, -ENOENT,
				"%s was signed with the model and is not among the files given",
				statement->resources[i].name);
	return 0;
}
