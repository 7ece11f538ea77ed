// SPDX-License-Identifier: BSD-3-Clause
// A file is read and written a chunk at a time, so that one of any size takes as much memory as a small one. What is
// written gets its name in the end, when all of it is proven.
#include "ctl/tool/model_encrypt.h"

#include "base/file.h"
#include "base/trust/sealed.h"
#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/output.h"
#include "ctl/tool/tool.h"
#include "infer/infer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct encrypt {
	const char *image, *key, *output;
	struct image_keys *keys; // of the file `key`
};

static int encrypt_parse_key(void *to, const char *text, struct error *err)
{
	struct encrypt *encrypt = to;

	if (encrypt->key)
		return error_set(err, -EINVAL, "--key: one file of keys is enough");
	encrypt->key = text;
	return image_parse_keys(&encrypt->keys, text, err);
}

// What both ways share: the files, and room for a chunk of each.
struct conversion {
	FILE *file; // that is read
	uint64_t file_bytes;
	struct output output;
	uint8_t *plain; // [SEALED_CHUNK_MAX], locked where it can be
	uint8_t *chunk; // [SEALED_CHUNK_MAX + SEALED_CHUNK_MORE]
	struct sealed_stream *stream;
	char key_id[IMAGE_KEY_ID_TEXT];
};

static int conversion_begin(
	struct conversion *conversion, const struct encrypt *encrypt, struct error *err)
{
	const struct output_other others[] = { { "the image", encrypt->image },
		{ "the key's file", encrypt->key } };
	struct stat status;
	int rc = output_check(encrypt->output, others, sizeof(others) / sizeof(others[0]), err);

	if (rc != 0)
		return rc;
	conversion->file = file_open(encrypt->image, err);
	if (!conversion->file)
		return err->code;
	if (fstat(fileno(conversion->file), &status) != 0)
		return error_set(err, -errno, "%s: %s", encrypt->image, strerror(errno));
	conversion->file_bytes = (uint64_t)status.st_size;
	conversion->plain = secret_alloc(SEALED_CHUNK_MAX, SECRECY_TRIED);
	conversion->stream = secret_alloc(sizeof(*conversion->stream), SECRECY_TRIED);
	conversion->chunk = malloc(SEALED_CHUNK_MAX + SEALED_CHUNK_MORE);
	if (!conversion->plain || !conversion->stream || !conversion->chunk)
		return error_set(err, -ENOMEM, "no memory for a chunk of the image");
	// Stdio's own copy of what is read or written would be neither locked nor wiped.
	setvbuf(conversion->file, NULL, _IONBF, 0);
	return 0;
}

static void conversion_end(struct conversion *conversion)
{
	if (conversion->file)
		fclose(conversion->file);
	secret_free(conversion->plain, SEALED_CHUNK_MAX);
	secret_free(conversion->stream, sizeof(*conversion->stream));
	free(conversion->chunk);
}

static int conversion_read(
	const struct conversion *conversion, void *to, size_t bytes, struct error *err)
{
	if (fread(to, 1, bytes, conversion->file) == bytes)
		return 0;
	if (ferror(conversion->file))
		return error_set(err, -errno, "cannot be read: %s", strerror(errno));
	return error_set(err, -EINVAL, "became shorter while it was read");
}

static int conversion_at_end(const struct conversion *conversion, struct error *err)
{
	if (fgetc(conversion->file) == EOF)
		return 0;
	return error_set(err, -EINVAL, "became longer while it was read");
}

static int encrypt_chunks(struct conversion *conversion, struct error *err)
{
	struct sealed_stream *stream = conversion->stream;

	fwrite(stream->header, 1, SEALED_HEADER_BYTES, conversion->output.file);
	for (uint32_t bytes; (bytes = sealed_next(stream)) > 0;) {
		const int rc = conversion_read(conversion, conversion->plain, bytes, err);

		if (rc != 0)
			return rc;
		sealed_encrypt(stream, conversion->plain, conversion->chunk);
		// A short write shows in output_commit().
		fwrite(conversion->chunk, 1, bytes + SEALED_CHUNK_MORE, conversion->output.file);
	}
	return conversion_at_end(conversion, err);
}

static int decrypt_chunks(struct conversion *conversion, struct error *err)
{
	struct sealed_stream *stream = conversion->stream;

	for (uint32_t bytes; (bytes = sealed_next(stream)) > 0;) {
		int rc = conversion_read(
			conversion, conversion->chunk, bytes + SEALED_CHUNK_MORE, err);

		if (rc == 0)
			rc = sealed_decrypt(stream, conversion->chunk, conversion->plain, err);
		if (rc != 0)
			return rc;
		fwrite(conversion->plain, 1, bytes, conversion->output.file);
	}
	return conversion_at_end(conversion, err);
}

// The header is made, once the file is known to be an image that is not encrypted.
static int encrypt_start(
	struct conversion *conversion, const struct encrypt *encrypt, struct error *err)
{
	const struct image_key *key = image_keys_first(encrypt->keys);
	uint8_t magic[8] = { 0 };
	const size_t got = fread(magic, 1, sizeof(magic), conversion->file);

	if (sealed_is(magic, got))
		return error_set(err, -EINVAL, "is encrypted already");
	if (!model_is_image(magic, got))
		return error_set(err, -EINVAL,
			"is no model image: martletctl model compile makes one of a model");
	rewind(conversion->file);
	image_key_id_text(key->id, conversion->key_id);
	sealed_encrypt_begin(conversion->stream, key, conversion->file_bytes, SEALED_CHUNK);
	return 0;
}

static int decrypt_start(
	struct conversion *conversion, const struct encrypt *encrypt, struct error *err)
{
	uint8_t bytes[SEALED_HEADER_BYTES] = { 0 };
	const size_t got = fread(bytes, 1, sizeof(bytes), conversion->file);
	struct sealed_header header;
	int rc;

	if (model_is_image(bytes, got))
		return error_set(err, -EINVAL, "is not encrypted");
	rc = sealed_read_header(bytes, &header, err);
	if (rc != 0)
		return rc;
	if (sealed_file_bytes(&header) != conversion->file_bytes)
		return error_set(err, -EINVAL,
			"it is a damaged encrypted image: it has %" PRIu64
			" bytes, and its header says %" PRIu64,
			conversion->file_bytes, sealed_file_bytes(&header));
	image_key_id_text(header.key_id, conversion->key_id);
	return sealed_decrypt_begin(conversion->stream, encrypt->keys, bytes, err);
}

static int encrypt_convert(struct conversion *conversion, const struct encrypt *encrypt,
	bool decrypts, struct error *err)
{
	int rc = decrypts ? decrypt_start(conversion, encrypt, err)
			  : encrypt_start(conversion, encrypt, err);

	if (rc != 0)
		return error_prefix(err, "%s", encrypt->image);
	if (decrypts) // only who had the key could read it
		umask(0077);
	rc = output_open(&conversion->output, encrypt->output, err);
	if (rc != 0)
		return rc;
	if (decrypts)
		setvbuf(conversion->output.file, NULL, _IONBF, 0);
	rc = decrypts ? decrypt_chunks(conversion, err) : encrypt_chunks(conversion, err);
	if (rc == 0)
		return output_commit(&conversion->output, err);
	output_abort(&conversion->output);
	return error_prefix(err, "%s", encrypt->image);
}

static int encrypt_report(
	const struct encrypt *encrypt, const struct conversion *conversion, bool decrypts)
{
	if (tool.json)
		return tool_print_json(json_pack("{s:o, s:o, s:s}", "image",
			image_string(encrypt->image), "output", image_string(encrypt->output),
			"key", conversion->key_id));
	printf("%s: %s, %s with the key %s\n", encrypt->output,
		format_bytes(conversion->file_bytes).s, decrypts ? "decrypted" : "encrypted",
		conversion->key_id);
	return TOOL_DONE;
}

static int encrypt_run_way(const struct command *command, char **argv, bool decrypts)
{
	struct conversion conversion = { 0 };
	struct encrypt encrypt = { 0 };
	struct error err;
	int exit, rc;

	if (!command_parse(command, argv, &encrypt, &exit))
		return exit;
	rc = conversion_begin(&conversion, &encrypt, &err);
	if (rc == 0)
		rc = encrypt_convert(&conversion, &encrypt, decrypts, &err);
	exit = rc != 0 ? tool_refuse("%s", err.text)
		       : encrypt_report(&encrypt, &conversion, decrypts);
	conversion_end(&conversion);
	return exit;
}

#define ENCRYPT_KEY(help)                                                                          \
	{                                                                                          \
		"key", 0, "FILE", help, OPTION_TO_ALL(encrypt_parse_key), .required = true         \
	}

static const struct option_entry ENCRYPT[] = {
	COMMAND_IMAGE(struct encrypt),
	ENCRYPT_KEY("the key's file; of several keys in it the first"),
	{ "output", 'o', "OUT", "where to write the encrypted image",
		OPTION_TO_TEXT(struct encrypt, output), .required = true },
	{ 0 },
};

static int encrypt_run(const struct command *command, char **argv)
{
	return encrypt_run_way(command, argv, false);
}

const struct command model_encrypt_command = {
	.words = "model encrypt",
	.summary = "encrypt an image: only who has the key can read it, and nobody can change it",
	.entries = ENCRYPT,
	.run = encrypt_run,
};

static const struct option_entry DECRYPT[] = {
	COMMAND_IMAGE(struct encrypt),
	ENCRYPT_KEY("a file with the key that it was encrypted with"),
	{ "output", 'o', "OUT", "where to write the image, which its owner alone may read",
		OPTION_TO_TEXT(struct encrypt, output), .required = true },
	{ 0 },
};

static int decrypt_run(const struct command *command, char **argv)
{
	return encrypt_run_way(command, argv, true);
}

const struct command model_decrypt_command = {
	.words = "model decrypt",
	.summary = "make an image of an encrypted one",
	.entries = DECRYPT,
	.run = decrypt_run,
};

// --- Keys ----------------------------------------------------------------------------------------

struct encryption_key {
	const char *output;
};

static const struct option_entry ENCRYPTION_KEY[] = {
	{ "output", 'o', "FILE", "where to write the key, which must be new",
		OPTION_TO_TEXT(struct encryption_key, output), .required = true },
	{ 0 },
};

static int encryption_key_run(const struct command *command, char **argv)
{
	struct encryption_key key = { 0 };
	char id[IMAGE_KEY_ID_TEXT];
	struct error err;
	int exit;

	if (!command_parse(command, argv, &key, &exit))
		return exit;
	if (!tool_has_sodium())
		return TOOL_REFUSED;
	if (image_key_generate(key.output, id, &err) != 0)
		return tool_refuse("%s", err.text);
	if (tool.json)
		return tool_print_json(
			json_pack("{s:o, s:s}", "file", image_string(key.output), "key", id));
	printf("%s: the key %s; who loses it loses what is encrypted with it\n", key.output, id);
	return TOOL_DONE;
}

const struct command model_encryption_key_command = {
	.words = "model encryption-key",
	.summary = "make a key that images are encrypted with",
	.entries = ENCRYPTION_KEY,
	.run = encryption_key_run,
};
