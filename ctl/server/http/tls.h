// SPDX-License-Identifier: BSD-3-Clause
// TLS of a listener: its certificate, and who may connect. TLS 1.2 or later, without renegotiation,
// compression or tickets. Control thread only.
#pragma once

#include "base/error.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

struct tls;

struct tls_files {               // PEM; not copied
	const char *certificate; // and those between it and a root
	const char *key;
	// Whose certificates clients have, and must have but where `asks_only`; "": no certificate is asked for.
	const char *client_ca;
	bool asks_only;
};

// -EINVAL with a sentence that names the file.
int tls_open(const struct tls_files *files, struct tls **out, struct error *err);
void tls_close(struct tls *tls); // NULL is fine; connections go on

// Reads the files anew, for the connections to come. Where that fails everything stays as it is.
int tls_reload(struct tls *tls, struct error *err);
// Whether one of the files is another than when they were read last, or tried to be.
bool tls_is_outdated(const struct tls *tls);

// Whether everybody on this machine may read the key.
bool tls_key_is_public(const struct tls *tls);

// Visits the names of the certificate that the peer has proved to have: of its subject "CN=gate", and of its other
// names "DNS:gate.example", "URI:spiffe://...", "email:...": of printable ASCII and at most 159 bytes. *until: the
// last second of it, of time(). False: it has none.
bool tls_each_name(SSL *ssl, void (*visit)(void *arg, const char *name), void *arg, int64_t *until);
// Of one connection, the server's side; the caller's. NULL without memory.
SSL *tls_accept(const struct tls *tls);
