// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_verify.h"

#include "base/file.h"
#include "base/trust/signed_comment.h"
#include "base/trust/trusted_file.h"
#include "ctl/tool/image.h"
#include "ctl/tool/oms_folder.h"
#include "ctl/tool/signature.h"
#include "ctl/tool/tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILES_MAX 4096

struct verify {
	const char *files[FILES_MAX];
	uint32_t n_files;
	const char *key, *signature, *oms, *certificate, *name, *ignore;
};

static int verify_parse_file(void *to, const char *text, struct error *err)
{
	struct verify *verify = to;

	if (verify->n_files == FILES_MAX)
		return error_set(err, -EINVAL, "%.80s: more than %d files", text, FILES_MAX);
	verify->files[verify->n_files++] = text;
	return 0;
}

static const struct option_entry VERIFY[] = {
	{ NULL, 0, "FILE...", "the image; with --oms, the model's folder or files",
		OPTION_TO_ALL(verify_parse_file), .required = true },
	{ "key", 'k', "PUBLIC",
		"the public key: of minisign, a file or its line of base64; with --oms, a PEM file",
		OPTION_TO_TEXT(struct verify, key) },
	{ "signature", 0, "FILE", "the image's signature; else IMAGE.minisig",
		OPTION_TO_TEXT(struct verify, signature) },
	{ "name", 0, "MODEL", "it must be signed as an image of this model",
		OPTION_TO_OWN(struct verify, name, command_parse_model) },
	{ "oms", 0, "BUNDLE", "a bundle of OpenSSF Model Signing",
		OPTION_TO_TEXT(struct verify, oms) },
	{ "certificate", 0, "CHAIN",
		"with --oms, trusted certificates in PEM, for a bundle signed by one",
		OPTION_TO_TEXT(struct verify, certificate) },
	{ "ignore", 0, "PATH,PATH,...",
		"with --oms and a folder: what in it was not signed and need not be",
		OPTION_TO_TEXT(struct verify, ignore) },
	{ 0 },
};

// --- minisign ------------------------------------------------------------------------------------

static int verify_image(
	const struct verify *verify, struct minisign_signature *signature, struct error *err)
{
	const char *image = verify->files[0], *path = verify->signature;
	uint8_t hash[MINISIGN_HASH_BYTES];
	struct minisign_public key;
	char beside[PATH_MAX];
	int rc = minisign_public_read(verify->key, NULL, &key, err);

	if (rc == 0 && !path) {
		rc = signature_path(image, beside, err);
		path = beside;
	}
	if (rc == 0)
		rc = signature_read(path, signature, err);
	if (rc == 0)
		rc = signature_hash_file(image, hash, err);
	return rc == 0 ? signature_check(image, &key, hash, signature, err) : rc;
}

static int verify_comment(const struct verify *verify, const struct minisign_signature *signature,
	struct signed_comment *said, struct error *err)
{
	int rc = signed_comment_parse(signature->comment, said, err);

	if (rc != 0) {
		memset(said, 0, sizeof(*said));
		return verify->name ? error_prefix(err, "%.200s", verify->files[0]) : 0;
	}
	if (verify->name && strcmp(said->model, verify->name) != 0)
		return error_set(err, -EBADMSG,
			"%s: is signed as an image of model '%s', not of '%s'", verify->files[0],
			said->model, verify->name);
	return 0;
}

static int verify_report(const struct verify *verify, const struct minisign_signature *signature,
	const struct signed_comment *said)
{
	char id[MINISIGN_ID_TEXT], comment[MINISIGN_COMMENT_BYTES];

	minisign_id_text(signature->id, id);
	if (tool.json)
		return tool_print_json(json_pack("{s:o, s:s, s:o, s:o, s:s}", "image",
			image_string(verify->files[0]), "key", id, "model",
			said->version ? json_string(said->model) : json_null(), "version",
			said->version ? json_integer((json_int_t)said->version) : json_null(),
			"comment", signature->comment));
	tool_copy_clean(comment, sizeof(comment), signature->comment);
	for (char *tab = strchr(comment, '?'); tab; tab = strchr(tab + 1, '?'))
		if (signature->comment[tab - comment] == '\t')
			*tab = ' ';
	printf("%s: the signature of key %s is good\n", verify->files[0], id);
	if (said->version)
		printf("  model %s, number %" PRIu64 "\n", said->model, said->version);
	else
		printf("  it says no model and version: trust.require_signature would refuse it\n");
	printf("  comment: %s\n", comment);
	return TOOL_DONE;
}

static int verify_minisign(const struct verify *verify)
{
	struct minisign_signature signature;
	struct signed_comment said;
	struct error err;

	if (!verify->key)
		return tool_refuse(
			"--key PUBLIC is missing: the key that the image must be signed by");
	if (verify->n_files != 1 || verify->certificate || verify->ignore)
		return tool_refuse(
			"%s: one image is verified at a time; more files, --certificate and "
			"--ignore are for --oms BUNDLE",
			verify->files[0]);
	if (verify_image(verify, &signature, &err) != 0 ||
		verify_comment(verify, &signature, &said, &err) != 0)
		return tool_refuse("%s", err.text);
	return verify_report(verify, &signature, &said);
}

// --- OpenSSF Model Signing -----------------------------------------------------------------------

static int verify_oms_signature(
	const struct verify *verify, const struct oms *oms, struct error *err)
{
	const char *path = verify->key ? verify->key : verify->certificate;
	void *pem;
	size_t size;
	int rc = trusted_file_read(path, TRUSTED_PUBLIC, &pem, &size, err);

	if (rc != 0)
		return rc;
	rc = verify->key ? oms_check_key(oms, pem, size, err)
			 : oms_check_certificate(oms, pem, size, err);
	trusted_file_free(pem);
	return rc ? error_prefix(err, "%.200s", verify->oms) : 0;
}

static bool verify_is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

// The model's folder, or its files one by one.
static int verify_oms_files(
	struct verify *verify, struct oms_statement *statement, struct error *err)
{
	if (verify->n_files == 1 && verify_is_folder(verify->files[0])) {
		int rc = oms_folder_check(statement, verify->files[0], verify->oms, verify->ignore,
			&verify->n_files, err);

		return rc == 0 ? oms_statement_check_all(statement, err) : rc;
	}
	if (verify->ignore)
		return error_set(err, -EINVAL,
			"--ignore leaves paths of a model's folder out: give the folder, not %s",
			verify->files[0]);
	for (uint32_t i = 0; i < verify->n_files; i++) {
		int rc = oms_statement_check_file(statement, verify->files[i], err);

		if (rc != 0)
			return rc;
	}
	return oms_statement_check_all(statement, err);
}

static int verify_oms_report(
	const struct verify *verify, const struct oms *oms, const struct oms_statement *statement)
{
	char name[256];

	if (tool.json)
		return tool_print_json(json_pack("{s:o, s:s, s:o, s:I}", "bundle",
			image_string(verify->oms), "method", oms->has_chain ? "certificate" : "key",
			"model", image_string(statement->name), "files",
			(json_int_t)verify->n_files));
	tool_copy_clean(name, sizeof(name), statement->name);
	printf("%s: the signature by a %s is good\n  model %s, %u files, each as it was signed\n",
		verify->oms, oms->has_chain ? "certificate" : "key", name, verify->n_files);
	return TOOL_DONE;
}

static int verify_oms(struct verify *verify)
{
	struct oms_statement statement = { 0 };
	struct oms oms = { 0 };
	struct error err;
	void *text;
	size_t size;
	int rc, exit;

	if (!verify->key == !verify->certificate)
		return tool_refuse(
			"--oms takes --key PUBKEY.pem or --certificate CHAIN.pem, one of the two");
	if (verify->signature || verify->name)
		return tool_refuse(
			"--signature and --name are of minisign's signatures, not of --oms");
	rc = file_read(verify->oms, OMS_BYTES_MAX, &text, &size, &err);
	if (rc == 0) {
		rc = oms_parse(text, size, &oms, &err);
		if (rc != 0)
			error_prefix(&err, "%.200s", verify->oms);
		free(text);
	}
	if (rc == 0)
		rc = verify_oms_signature(verify, &oms, &err);
	if (rc == 0) {
		rc = oms_statement_parse(&oms, &statement, &err);
		if (rc != 0)
			error_prefix(&err, "%.200s", verify->oms);
	}
	if (rc == 0)
		rc = verify_oms_files(verify, &statement, &err);
	exit = rc == 0 ? verify_oms_report(verify, &oms, &statement) : tool_refuse("%s", err.text);
	oms_statement_fini(&statement);
	oms_fini(&oms);
	return exit;
}

static int verify_run(const struct command *command, char **argv)
{
	static struct verify verify;
	int exit;

	if (!command_parse(command, argv, &verify, &exit))
		return exit;
	if (!tool_has_sodium())
		return TOOL_REFUSED;
	return verify.oms ? verify_oms(&verify) : verify_minisign(&verify);
}

const struct command model_verify_command = {
	.words = "model verify",
	.summary = "check the signature of an image, or of a model of OpenSSF Model Signing",
	.entries = VERIFY,
	.run = verify_run,
};
