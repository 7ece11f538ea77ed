// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/oms.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MEDIA_TYPE   "application/vnd.dev.sigstore.bundle"
#define PAYLOAD_TYPE "application/vnd.in-toto+json"
#define CHAIN_MAX    16 // certificates in a bundle

// --- Reading -------------------------------------------------------------------------------------

// A member that must be text; NULL: it is not, and err says so.
static const char *oms_text(
	const json_t *object, const char *where, const char *key, struct error *err)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value))
		return json_string_value(value);
	error_set(err, -EINVAL, "%s.%s %s: it must be text", where, key,
		value ? "is no text" : "is missing");
	return NULL;
}

// malloc'ed, with a zero behind it.
static int oms_base64(const json_t *object, const char *where, const char *key, uint8_t **bytes,
	size_t *size, struct error *err)
{
	const char *text = oms_text(object, where, key, err);
	const size_t length = text ? strlen(text) : 0;

	if (!text)
		return -EINVAL;
	*bytes = malloc(length + 1);
	if (!*bytes)
		return error_set(err, -ENOMEM, "no memory for %s.%s", where, key);
	if (length > 0 &&
		sodium_base642bin(*bytes, length, text, length, NULL, size, NULL,
			sodium_base64_VARIANT_ORIGINAL) == 0) {
		(*bytes)[*size] = 0;
		return 0;
	}
	free(*bytes);
	*bytes = NULL;
	return error_set(err, -EINVAL, "%s.%s is no base64", where, key);
}

static int oms_read_material(struct oms *oms, struct error *err)
{
	const json_t *material = json_object_get(oms->bundle, "verificationMaterial");
	const json_t *key = json_object_get(material, "publicKey");
	const json_t *chain = json_object_get(material, "x509CertificateChain");

	if (!json_is_object(material))
		return error_set(err, -EINVAL,
			"verificationMaterial is missing: it says how the bundle is signed");
	if (json_object_get(material, "certificate"))
		return error_set(err, -ENOTSUP,
			"is signed by the method sigstore, which is not supported offline: its "
			"certificate "
			"lives for minutes and is checked by a transparency log; sign with a key "
			"or a "
			"certificate");
	if (!json_is_object(key) == !json_is_object(chain))
		return error_set(err, -EINVAL,
			"verificationMaterial has %s: there must be publicKey or "
			"x509CertificateChain",
			key && chain ? "both publicKey and x509CertificateChain" : "no key");
	oms->has_chain = json_is_object(chain);
	if (oms->has_chain || json_is_string(json_object_get(key, "hint")) ||
		json_is_string(json_object_get(key, "rawBytes")))
		return 0;
	return error_set(
		err, -EINVAL, "verificationMaterial.publicKey has neither hint nor rawBytes");
}

static int oms_read_envelope(struct oms *oms, struct error *err)
{
	static const char WHERE[] = "dsseEnvelope";
	const json_t *envelope = json_object_get(oms->bundle, WHERE);
	const json_t *signatures = json_object_get(envelope, "signatures");
	const char *type;
	int rc;

	if (!json_is_object(envelope))
		return error_set(err, -EINVAL, "dsseEnvelope is missing: it holds what is signed");
	type = oms_text(envelope, WHERE, "payloadType", err);
	if (!type)
		return -EINVAL;
	if (strcmp(type, PAYLOAD_TYPE) != 0)
		return error_set(err, -EINVAL,
			"dsseEnvelope.payloadType is '%.80s', not " PAYLOAD_TYPE, type);
	if (json_array_size(signatures) != 1)
		return error_set(err, -EINVAL, "dsseEnvelope has %zu signatures; one is read",
			json_array_size(signatures));
	rc = oms_base64(envelope, WHERE, "payload", &oms->payload, &oms->payload_size, err);
	if (rc == 0)
		rc = oms_base64(json_array_get(signatures, 0), "dsseEnvelope.signatures[0]", "sig",
			&oms->signature, &oms->signature_size, err);
	return rc;
}

int oms_parse(const char *text, size_t size, struct oms *oms, struct error *err)
{
	json_error_t mistake;
	const char *type;
	int rc = -EINVAL;

	memset(oms, 0, sizeof(*oms));
	oms->bundle = json_loadb(text, size, JSON_REJECT_DUPLICATES, &mistake);
	if (!json_is_object(oms->bundle)) {
		if (oms->bundle)
			error_set(err, -EINVAL,
				"is no bundle of OpenSSF Model Signing: no JSON object");
		else
			error_set(err, -EINVAL,
				"line %d: is no bundle of OpenSSF Model Signing: %s", mistake.line,
				mistake.text);
	} else if ((type = oms_text(oms->bundle, "the bundle", "mediaType", err))) {
		rc = strncmp(type, MEDIA_TYPE, strlen(MEDIA_TYPE)) == 0
			? oms_read_material(oms, err)
			: error_set(err, -EINVAL, "mediaType is '%.80s', not " MEDIA_TYPE "...",
				  type);
	}
	if (rc == 0)
		rc = oms_read_envelope(oms, err);
	if (rc != 0)
		oms_fini(oms);
	return rc;
}

void oms_fini(struct oms *oms)
{
	json_decref(oms->bundle);
	free(oms->payload);
	free(oms->signature);
	memset(oms, 0, sizeof(*oms));
}

// --- Checking ------------------------------------------------------------------------------------

// The hash that goes with the key's curve; NULL for other keys.
static const EVP_MD *oms_hash_of(const EVP_PKEY *key)
{
	char curve[64] = "";

	if (!EVP_PKEY_is_a(key, "EC") ||
		!EVP_PKEY_get_utf8_string_param(key, "group", curve, sizeof(curve), NULL))
		return NULL;
	if (strcmp(curve, "prime256v1") == 0)
		return EVP_sha256();
	if (strcmp(curve, "secp384r1") == 0)
		return EVP_sha384();
	return strcmp(curve, "secp521r1") == 0 ? EVP_sha512() : NULL;
}

// Over what DSSE calls the pre-authentication encoding (PAE) of type and payload.
static int oms_check_signature(const struct oms *oms, EVP_PKEY *key, struct error *err)
{
	const EVP_MD *hash = oms_hash_of(key);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	char head[96];
	int good = 0;

	snprintf(head, sizeof(head), "DSSEv1 %zu %s %zu ", strlen(PAYLOAD_TYPE), PAYLOAD_TYPE,
		oms->payload_size);
	if (hash && context && EVP_DigestVerifyInit(context, NULL, hash, NULL, key) == 1 &&
		EVP_DigestVerifyUpdate(context, head, strlen(head)) == 1 &&
		EVP_DigestVerifyUpdate(context, oms->payload, oms->payload_size) == 1)
		good = EVP_DigestVerifyFinal(context, oms->signature, oms->signature_size);
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	if (!hash)
		return error_set(err, -EINVAL,
			"the key is of another kind than P-256, P-384 and P-521, which OMS signs "
			"with");
	return good == 1
		? 0
		: error_set(err, -EBADMSG,
			  "the signature does not fit: either the bundle was changed since, or "
			  "another key made it");
}

int oms_check_key(const struct oms *oms, const void *pem, size_t size, struct error *err)
{
	BIO *bio;
	EVP_PKEY *key;
	int rc;

	if (oms->has_chain)
		return error_set(err, -EINVAL,
			"is signed by a certificate: give --certificate CHAIN.pem, the "
			"certificates that "
			"are trusted");
	bio = size <= INT32_MAX ? BIO_new_mem_buf(pem, (int)size) : NULL;
	key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	ERR_clear_error();
	rc = key ? oms_check_signature(oms, key, err)
		 : error_set(err, -EINVAL, "the key's file is no public key in PEM");
	EVP_PKEY_free(key);
	BIO_free(bio);
	return rc;
}

static X509 *oms_read_certificate(const json_t *entry, struct error *err)
{
	uint8_t *bytes;
	const uint8_t *at;
	size_t size;
	X509 *certificate;

	if (oms_base64(entry, "x509CertificateChain.certificates[]", "rawBytes", &bytes, &size,
		    err) != 0)
		return NULL;
	at = bytes;
	certificate = size <= INT32_MAX ? d2i_X509(NULL, &at, (long)size) : NULL;
	if (certificate && at != bytes + size) {
		X509_free(certificate);
		certificate = NULL;
	}
	free(bytes);
	ERR_clear_error();
	if (!certificate)
		error_set(err, -EINVAL, "x509CertificateChain holds what is no certificate");
	return certificate;
}

// The bundle's certificates, that of the signer first; NULL: err says why.
static STACK_OF(X509) * oms_read_chain(const struct oms *oms, struct error *err)
{
	const json_t *list = json_object_get(
		json_object_get(json_object_get(oms->bundle, "verificationMaterial"),
			"x509CertificateChain"),
		"certificates");
	STACK_OF(X509) *chain = sk_X509_new_null();
	json_t *entry;
	size_t i;

	if (!chain || json_array_size(list) == 0 || json_array_size(list) > CHAIN_MAX) {
		error_set(err, -EINVAL, "x509CertificateChain has %zu certificates, not 1 to %d",
			json_array_size(list), CHAIN_MAX);
		sk_X509_free(chain);
		return NULL;
	}
	json_array_foreach (list, i, entry) {
		X509 *certificate = oms_read_certificate(entry, err);

		if (certificate && sk_X509_push(chain, certificate) > 0)
			continue;
		X509_free(certificate);
		sk_X509_pop_free(chain, X509_free);
		return NULL;
	}
	return chain;
}

static X509_STORE *oms_trust(const void *pem, size_t size, struct error *err)
{
	X509_STORE *store = X509_STORE_new();
	BIO *bio = size <= INT32_MAX ? BIO_new_mem_buf(pem, (int)size) : NULL;
	X509 *certificate;
	unsigned n = 0;

	while (store && bio && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		n += X509_STORE_add_cert(store, certificate) == 1;
		X509_free(certificate);
	}
	BIO_free(bio);
	ERR_clear_error();
	if (store && n > 0)
		return store;
	X509_STORE_free(store);
	error_set(err, -EINVAL, "the trusted certificates' file holds no certificate in PEM");
	return NULL;
}

// As OMS's own verifier has it: a certificate for signatures, or for code.
static bool oms_may_sign(X509 *certificate)
{
	const uint32_t flags = X509_get_extension_flags(certificate);

	if ((flags & EXFLAG_KUSAGE) &&
		(X509_get_key_usage(certificate) & X509v3_KU_DIGITAL_SIGNATURE))
		return true;
	return (flags & EXFLAG_XKUSAGE) &&
		(X509_get_extended_key_usage(certificate) & XKU_CODE_SIGN);
}

static int oms_check_chain(STACK_OF(X509) * chain, X509_STORE *trusted, struct error *err)
{
	X509 *signer = sk_X509_value(chain, 0);
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int rc = 0;

	if (!context || X509_STORE_CTX_init(context, trusted, signer, chain) != 1)
		rc = error_set(err, -ENOMEM, "no memory to check a certificate");
	else if (X509_verify_cert(context) != 1)
		rc = error_set(err, -EBADMSG,
			"the bundle's certificate does not lead to one that is trusted: %s",
			X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
	else if (!oms_may_sign(signer))
		rc = error_set(err, -EBADMSG,
			"the bundle's certificate is for other things than signatures");
	X509_STORE_CTX_free(context);
	ERR_clear_error();
	return rc;
}

int oms_check_certificate(const struct oms *oms, const void *pem, size_t size, struct error *err)
{
	STACK_OF(X509) * chain;
	X509_STORE *trusted;
	EVP_PKEY *key;
	int rc;

	if (!oms->has_chain)
		return error_set(err, -EINVAL, "is signed by a key alone: give --key PUBKEY.pem");
	chain = oms_read_chain(oms, err);
	if (!chain)
		return err->code;
	trusted = oms_trust(pem, size, err);
	rc = trusted ? oms_check_chain(chain, trusted, err) : err->code;
	if (rc == 0) {
		key = X509_get0_pubkey(sk_X509_value(chain, 0));
		rc = key ? oms_check_signature(oms, key, err)
			 : error_set(err, -EINVAL,
				   "the bundle's certificate has no key that can be read");
	}
	X509_STORE_free(trusted);
	sk_X509_pop_free(chain, X509_free);
	return rc;
}
