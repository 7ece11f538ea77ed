// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_sign.h"

#include "base/trust/minisign_secret.h"
#include "base/trust/signed_comment.h"
#include "base/trust/trusted_file.h"
#include "ctl/tool/image.h"
#include "ctl/tool/output.h"
#include "ctl/tool/password.h"
#include "ctl/tool/signature.h"
#include "ctl/tool/tool.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// --- Keys ----------------------------------------------------------------------------------------

struct keygen {
	const char *secret, *public, *password_file;
	bool no_password;
};

static const struct option_entry KEYGEN[] = {
	{ NULL, 0, "SECRET", "where to write the secret key, which signs",
		OPTION_TO_TEXT(struct keygen, secret), .required = true },
	{ NULL, 0, "PUBLIC", "where to write the public key, which the appliance trusts",
		OPTION_TO_TEXT(struct keygen, public), .required = true },
	{ "password-file", 0, "FILE",
		"the secret key's password is the first line of FILE; else it is asked for",
		OPTION_TO_TEXT(struct keygen, password_file) },
	{ "no-password", 0, NULL,
		"the secret key lies in its file as it is: for machines that sign by themselves",
		OPTION_TO_FLAG(struct keygen, no_password) },
	{ 0 },
};

static int keygen_report(const struct keygen *keygen, const struct minisign_public *key)
{
	char id[MINISIGN_ID_TEXT], text[MINISIGN_PUBLIC_BYTES];

	minisign_id_text(key->id, id);
	minisign_public_text(key, text);
	if (tool.json)
		return tool_print_json(json_pack("{s:s, s:s, s:o, s:o}", "key", id, "public_key",
			text, "secret_file", image_string(keygen->secret), "public_file",
			image_string(keygen->public)));
	printf("key %s\n  %s  secret: keep it where images are signed, and nowhere else\n"
	       "  %s  public: %s\n",
		id, keygen->secret, keygen->public, text);
	return TOOL_DONE;
}

// Neither file is written over: a key that is lost cannot be made again.
static int keygen_write(
	const struct keygen *keygen, const char *secret, const char *public, struct error *err)
{
	int rc = trusted_file_create(keygen->secret, TRUSTED_SECRET, secret, strlen(secret), err);

	if (rc != 0)
		return rc;
	rc = trusted_file_create(keygen->public, TRUSTED_PUBLIC, public, strlen(public), err);
	if (rc != 0)
		unlink(keygen->secret);
	return rc;
}

static int keygen_make(const struct keygen *keygen, struct minisign_public *key, struct error *err)
{
	struct minisign_secret secret;
	char text[MINISIGN_SECRET_BYTES], *password = NULL, *public;
	int rc = keygen->no_password
		? 0
		: password_read(keygen->password_file, keygen->secret, true, &password, err);

	if (rc != 0)
		return rc;
	minisign_make(&secret, key);
	rc = minisign_secret_format(&secret, password, &MINISIGN_COST, text, err);
	password_free(password);
	minisign_secret_fini(&secret);
	if (rc != 0)
		return rc;
	public = minisign_public_format(key);
	rc = public ? keygen_write(keygen, text, public, err)
		    : error_set(err, -ENOMEM, "no memory for a key");
	free(public);
	sodium_memzero(text, sizeof(text));
	return rc;
}

static int keygen_run(const struct command *command, char **argv)
{
	struct keygen keygen = { 0 };
	struct minisign_public key;
	struct error err;
	int exit;

	if (!command_parse(command, argv, &keygen, &exit))
		return exit;
	if (keygen.no_password && keygen.password_file)
		return tool_refuse(
			"--no-password and --password-file: a key has a password or it has "
			"none; give one of the two");
	if (!tool_has_sodium())
		return TOOL_REFUSED;
	if (keygen_make(&keygen, &key, &err) != 0)
		return tool_refuse("%s", err.text);
	return keygen_report(&keygen, &key);
}

const struct command model_keygen_command = {
	.words = "model keygen",
	.summary = "make a pair of keys that images are signed and checked by",
	.entries = KEYGEN,
	.run = keygen_run,
};

// --- Signing -------------------------------------------------------------------------------------

struct sign {
	const char *image, *key, *name, *output, *password_file;
	uint64_t version; // 0: the seconds since 1970
};

static const struct option_entry SIGN[] = {
	COMMAND_IMAGE(struct sign),
	{ "key", 'k', "SECRET", "the secret key: of model keygen, or of minisign",
		OPTION_TO_TEXT(struct sign, key), .required = true },
	{ "version", 0, "N",
		"the image's number, which may not go back; else the time in seconds since 1970",
		OPTION_TO_U64(struct sign, version, 1, OPTION_U64_MAX) },
	{ "name", 0, "MODEL", "sign it as an image of this model; else of the one that it says",
		OPTION_TO_OWN(struct sign, name, command_parse_model) },
	{ "output", 'o', "FILE", "where to write the signature; else IMAGE.minisig",
		OPTION_TO_TEXT(struct sign, output) },
	{ "password-file", 0, "FILE",
		"the secret key's password is the first line of FILE; else it is asked for",
		OPTION_TO_TEXT(struct sign, password_file) },
	{ 0 },
};

static int sign_read_key(const struct sign *sign, struct minisign_secret *secret, struct error *err)
{
	char *password = NULL;
	bool is_locked;
	void *text;
	size_t size;
	int rc = trusted_file_read(sign->key, TRUSTED_SECRET, &text, &size, err);

	if (rc != 0)
		return rc;
	rc = minisign_secret_is_locked(text, size, &is_locked, err);
	if (rc != 0)
		error_prefix(err, "%.200s", sign->key);
	else if (is_locked)
		rc = password_read(sign->password_file, sign->key, false, &password, err);
	if (rc == 0) {
		rc = minisign_secret_parse(text, size, password, secret, err);
		if (rc != 0)
			error_prefix(err, "%.200s", sign->key);
	}
	password_free(password);
	trusted_file_free(text);
	return rc;
}

// The model that the image says it is of. False: it is none, and that was said.
static bool sign_own_name(const char *path, char name[NAME_BYTES_MAX + 1])
{
	const struct model_options options = { .no_timing = true };
	struct model *model;
	struct error err;

	if (model_open_file(path, &options, &model, &err) != 0) {
		if (err.code == -ENOKEY)
			tool_refuse(
				"%s: is encrypted: name the model that it is an image of (--name)",
				path);
		else
			tool_refuse("%s", err.text);
		return false;
	}
	snprintf(name, NAME_BYTES_MAX + 1, "%s", model_info(model)->name);
	model_close(model);
	return true;
}

static int sign_write(
	const char *path, const struct minisign_signature *signature, struct error *err)
{
	char *text = minisign_signature_format(signature);
	struct output output;
	int rc = text ? output_open(&output, path, err)
		      : error_set(err, -ENOMEM, "no memory for a signature");

	if (rc == 0) {
		fputs(text, output.file); // a short write shows in output_commit()
		rc = output_commit(&output, err);
	}
	free(text);
	return rc;
}

static const char *sign_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int sign_image(const struct sign *sign, const struct signed_comment *said,
	struct minisign_signature *signature, struct error *err)
{
	struct minisign_secret secret;
	char comment[MINISIGN_COMMENT_BYTES];
	uint8_t hash[MINISIGN_HASH_BYTES];
	int rc = signed_comment_format(said, sign_base_name(sign->image), (int64_t)time(NULL),
		comment, sizeof(comment), err);

	if (rc == 0)
		rc = sign_read_key(sign, &secret, err);
	if (rc != 0)
		return rc;
	rc = signature_hash_file(sign->image, hash, err);
	if (rc == 0)
		minisign_sign(&secret, hash, comment, signature);
	minisign_secret_fini(&secret);
	return rc == 0 ? sign_write(sign->output, signature, err) : rc;
}

static int sign_report(const struct signed_comment *said, const char *output,
	const struct minisign_signature *signature)
{
	char id[MINISIGN_ID_TEXT];

	minisign_id_text(signature->id, id);
	if (tool.json)
		return tool_print_json(json_pack("{s:o, s:s, s:s, s:I, s:s}", "signature",
			image_string(output), "key", id, "model", said->model, "version",
			(json_int_t)said->version, "comment", signature->comment));
	printf("%s: %s, number %" PRIu64 ", signed by key %s\n", output, said->model, said->version,
		id);
	return TOOL_DONE;
}

// Where none is said, the signature is to be `beside` the image. It takes the place of neither what is signed nor the key.
static int sign_check_output(struct sign *sign, char beside[PATH_MAX], struct error *err)
{
	const struct output_other others[] = { { "the image", sign->image },
		{ "the secret key", sign->key }, { "the password's file", sign->password_file } };
	int rc = sign->output ? 0 : signature_path(sign->image, beside, err);

	if (!sign->output)
		sign->output = beside;
	return rc == 0 ? output_check(sign->output, others, sizeof(others) / sizeof(others[0]), err)
		       : rc;
}

static int sign_run(const struct command *command, char **argv)
{
	struct sign sign = { 0 };
	struct signed_comment said = { 0 };
	struct minisign_signature signature;
	char beside[PATH_MAX];
	struct error err;
	int exit;

	if (!command_parse(command, argv, &sign, &exit))
		return exit;
	if (!tool_has_sodium())
		return TOOL_REFUSED;
	if (sign_check_output(&sign, beside, &err) != 0)
		return tool_refuse("%s", err.text);
	if (sign.name)
		snprintf(said.model, sizeof(said.model), "%s", sign.name);
	else if (!sign_own_name(sign.image, said.model))
		return TOOL_REFUSED;
	said.version = sign.version ? sign.version : (uint64_t)time(NULL);
	if (sign_image(&sign, &said, &signature, &err) != 0)
		return tool_refuse("%s", err.text);
	return sign_report(&said, sign.output, &signature);
}

const struct command model_sign_command = {
	.words = "model sign",
	.summary = "sign an image, so that appliances that trust the key take it",
	.entries = SIGN,
	.run = sign_run,
};
