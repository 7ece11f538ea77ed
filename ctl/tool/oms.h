// SPDX-License-Identifier: BSD-3-Clause
// Bundles of OpenSSF Model Signing (OMS) 1.0, https://github.com/ossf/model-signing-spec: a Sigstore bundle in JSON,
// which holds a DSSE envelope, whose payload is an in-toto statement: the names and hashes of a model's files.
// The methods "key" and "certificate" are checked here; "sigstore" takes a transparency log, and so a network.
// The payload is read once its signature is right, and not before. Any thread.
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OMS_BYTES_MAX ((size_t)64 << 20) // of a bundle

struct oms {
	json_t *bundle;
	bool has_chain;   // method "certificate", else "key"
	uint8_t *payload; // [payload_size], and a zero behind it
	size_t payload_size;
	uint8_t *signature;
	size_t signature_size;
};

// Reads the bundle and its envelope. -EINVAL; -ENOTSUP for the method "sigstore"; -ENOMEM.
int oms_parse(const char *text, size_t size, struct oms *oms, struct error *err);
void oms_fini(struct oms *oms);

// Whether the envelope is signed by the public key in pem[size]: of the curves P-256, P-384 or P-521. -EBADMSG
// where it is not; -EINVAL where the bundle is of the other method, or that is no such key.
int oms_check_key(const struct oms *oms, const void *pem, size_t size, struct error *err);
// Whether it is signed by the bundle's certificate, and its chain leads to one of the certificates in pem[size]. The
// certificate may sign, and is of use at this time.
int oms_check_certificate(const struct oms *oms, const void *pem, size_t size, struct error *err);
