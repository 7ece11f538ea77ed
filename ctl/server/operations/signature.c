// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/signature.h"

#include "base/trust/signed_comment.h"

#include <stdlib.h>
#include <string.h>

static bool signature_fits(const char *pattern, const char *model)
{
	const size_t bytes = strlen(pattern);

	if (bytes > 0 && pattern[bytes - 1] == '*')
		return strncmp(pattern, model, bytes - 1) == 0;
	return strcmp(pattern, model) == 0;
}

bool signature_is_trusted(const struct config_trust *trust, const char *model, const char *key)
{
	for (uint32_t i = 0; i < trust->n_trusted_keys; i++) {
		const struct config_trusted_key *trusted = &trust->trusted_keys[i];
		char id[MINISIGN_ID_TEXT];

		minisign_id_text(trusted->public.id, id);
		if (strcmp(id, key) == 0 && signature_fits(trusted->model, model))
			return true;
	}
	return false;
}

static bool signature_has_key(const struct config_trust *trust, const uint8_t id[MINISIGN_ID_BYTES])
{
	for (uint32_t i = 0; i < trust->n_trusted_keys; i++)
		if (memcmp(trust->trusted_keys[i].public.id, id, MINISIGN_ID_BYTES) == 0)
			return true;
	return false;
}

// Nobody vouches for an id: two keys may have the same one, so each that is trusted for the model is tried.
static int signature_check_keys(const struct config_trust *trust, const char *model,
	const uint8_t hash[MINISIGN_HASH_BYTES], const struct minisign_signature *signature,
	struct error *err)
{
	char id[MINISIGN_ID_TEXT];
	int rc = -EACCES;

	for (uint32_t i = 0; i < trust->n_trusted_keys; i++) {
		const struct config_trusted_key *trusted = &trust->trusted_keys[i];

		if (memcmp(trusted->public.id, signature->id, MINISIGN_ID_BYTES) != 0 ||
			!signature_fits(trusted->model, model))
			continue;
		rc = minisign_check(&trusted->public, hash, signature, err);
		if (rc == 0)
			return 0;
	}
	if (rc != -EACCES)
		return rc;
	minisign_id_text(signature->id, id);
	return error_set(err, rc,
		"it is signed by key %s, which is trusted, but not for model '%s'; sign it with a "
		"key "
		"of that model's, or change trust.trusted_keys",
		id, model);
}

static int signature_check_comment(
	const char *model, const char *comment, struct signature_claim *claim, struct error *err)
{
	struct signed_comment said;
	int rc = signed_comment_parse(comment, &said, err);

	if (rc != 0)
		return rc;
	if (strcmp(said.model, model) != 0)
		return error_set(err, -EINVAL,
			"key %s signed it as an image of model '%s', not of '%s'", claim->key,
			said.model, model);
	claim->version = said.version;
	return 0;
}

static int signature_check_parsed(const struct config_trust *trust, const char *model,
	const void *bytes, size_t size, const struct minisign_signature *signature,
	struct signature_claim *claim, struct error *err)
{
	uint8_t hash[MINISIGN_HASH_BYTES];
	int rc;

	minisign_id_text(signature->id, claim->key);
	if (!signature_has_key(trust, signature->id)) {
		if (!trust->require_signature)
			return 0;
		return error_set(err, -EACCES,
			"it is signed by key %s, which is none of trust.trusted_keys; sign it with "
			"one of "
			"these, or add that key for model '%s'",
			claim->key, model);
	}
	minisign_hash(bytes, size, hash);
	rc = signature_check_keys(trust, model, hash, signature, err);
	if (rc == 0)
		rc = signature_check_comment(model, signature->comment, claim, err);
	claim->is_good = rc == 0;
	return rc;
}

int signature_check(const struct config_trust *trust, const char *model, const void *bytes,
	size_t size, const char *signature, size_t signature_size, struct signature_claim *claim,
	struct error *err)
{
	struct minisign_signature *parsed;
	int rc;

	memset(claim, 0, sizeof(*claim));
	if (!signature && !trust->require_signature)
		return 0;
	if (!signature)
		return error_set(err, -EACCES,
			"it is not signed, and trust.require_signature wants a signature of a key "
			"that is "
			"trusted for model '%s': make one with martletctl model sign",
			model);
	parsed = malloc(sizeof(*parsed));
	if (!parsed)
		return error_set(err, -ENOMEM, "no memory to check a signature");
	rc = minisign_signature_parse(signature, signature_size, parsed, err);
	if (rc != 0)
		error_prefix(err, "its signature");
	else
		rc = signature_check_parsed(trust, model, bytes, size, parsed, claim, err);
	if (rc != 0) // what is not right is nobody's
		memset(claim, 0, sizeof(*claim));
	free(parsed);
	return rc;
}
