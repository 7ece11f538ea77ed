// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TLS_CERTIFICATE, TLS_KEY, TLS_CLIENT_CA, TLS_FILES };

// For TLS 1.2; those of 1.3 are all of this kind.
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

struct tls {
	struct tls_files files;
	SSL_CTX *context;
	struct stat seen[TLS_FILES]; // as the files were when they were read last
};

// What OpenSSL says of what failed last, after `what`: "FILE is no certificate".
static int tls_refuse(struct error *err, const char *file, const char *what)
{
	const unsigned long code = ERR_peek_error(); // the first one is the cause
	const char *reason = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code))
						    : ERR_reason_error_string(code);

	error_set(err, -EINVAL, "%.400s %s: %s", file, what, reason ? reason : "unknown error");
	ERR_clear_error();
	return err->code;
}

static void tls_look(const struct tls *tls, struct stat seen[TLS_FILES])
{
	const char *const paths[TLS_FILES] = { [TLS_CERTIFICATE] = tls->files.certificate,
		[TLS_KEY] = tls->files.key,
		[TLS_CLIENT_CA] = tls->files.client_ca };

	memset(seen, 0, TLS_FILES * sizeof(seen[0]));
	for (int i = 0; i < TLS_FILES; i++)
		if (paths[i][0] && stat(paths[i], &seen[i]) != 0)
			memset(&seen[i], 0, sizeof(seen[i]));
}

// A client that offers protocols must offer one of ours, of which the first is preferred.
static int tls_choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_bytes,
	const unsigned char *offered, unsigned bytes, void *arg)
{
	static const unsigned char OURS[] = "\x02h2\x08http/1.1";
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, out_bytes, OURS, sizeof(OURS) - 1, offered, bytes) !=
		OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

// A key with a password is refused: the password would be asked for at the terminal, and everything waits.
static int tls_no_password(char *text, int room, int is_writing, void *arg)
{
	return -1;
}

static int tls_read_files(const struct tls_files *files, SSL_CTX *context, struct error *err)
{
	STACK_OF(X509_NAME) * names;

	SSL_CTX_set_default_passwd_cb(context, tls_no_password);
	if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1)
		return tls_refuse(err, files->certificate, "cannot be read as a certificate");
	if (access(files->key, R_OK) != 0)
		return error_set(err, -errno, "%.400s cannot be read as a key: %s", files->key,
			strerror(errno));
	if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1 ||
		SSL_CTX_check_private_key(context) != 1)
		return tls_refuse(err, files->key, "is not the certificate's key");
	if (!files->client_ca[0])
		return 0;
	names = SSL_load_client_CA_file(files->client_ca);
	if (!names || SSL_CTX_load_verify_locations(context, files->client_ca, NULL) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return tls_refuse(err, files->client_ca, "cannot be read as certificates");
	}
	SSL_CTX_set_client_CA_list(context, names); // which takes them
	SSL_CTX_set_verify(context,
		SSL_VERIFY_PEER | (files->asks_only ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT), NULL);
	return 0;
}

int tls_reload(struct tls *tls, struct error *err)
{
	SSL_CTX *context;
	int rc;

	ERR_clear_error(); // connections may have left some
	context = SSL_CTX_new(TLS_server_method());
	if (!context)
		return error_set(err, -ENOMEM, "no memory for TLS");
	tls_look(tls, tls->seen);
	SSL_CTX_set_options(context,
		SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
			SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_alpn_select_cb(context, tls_choose_protocol, NULL);
	if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_cipher_list(context, CIPHERS) != 1)
		rc = error_set(err, -EINVAL, "OpenSSL here knows no TLS 1.2 with " CIPHERS);
	else
		rc = tls_read_files(&tls->files, context, err);
	if (rc != 0) {
		SSL_CTX_free(context);
		return rc;
	}
	SSL_CTX_free(tls->context); // connections that have it hold it themselves
	tls->context = context;
	return 0;
}

int tls_open(const struct tls_files *files, struct tls **out, struct error *err)
{
	struct tls *tls = calloc(1, sizeof(*tls));
	int rc;

	if (!tls)
		return error_set(err, -ENOMEM, "no memory for TLS");
	tls->files = *files;
	rc = tls_reload(tls, err);
	if (rc != 0)
		tls_close(tls);
	else
		*out = tls;
	return rc;
}

void tls_close(struct tls *tls)
{
	if (tls)
		SSL_CTX_free(tls->context);
	free(tls);
}

bool tls_key_is_public(const struct tls *tls)
{
	return tls->seen[TLS_KEY].st_mode & S_IROTH;
}

bool tls_is_outdated(const struct tls *tls)
{
	struct stat now[TLS_FILES];

	tls_look(tls, now);
	for (int i = 0; i < TLS_FILES; i++)
		if (now[i].st_ino != tls->seen[i].st_ino ||
			now[i].st_size != tls->seen[i].st_size ||
			now[i].st_mtim.tv_sec != tls->seen[i].st_mtim.tv_sec ||
			now[i].st_mtim.tv_nsec != tls->seen[i].st_mtim.tv_nsec)
			return true;
	return false;
}

// --- Who is at the other end ---------------------------------------------------------------------

#define NAME_BYTES 160

static void tls_visit_name(const char *kind, const ASN1_STRING *text,
	void (*visit)(void *arg, const char *name), void *arg)
{
	char name[NAME_BYTES];
	const char *bytes = (const char *)ASN1_STRING_get0_data(text);
	const size_t n = (size_t)ASN1_STRING_length(text);

	// A zero byte within, or one that cannot be seen, would let one name pass for another.
	for (size_t i = 0; i < n; i++)
		if (bytes[i] < ' ' || bytes[i] > '~')
			return;
	if (n > 0 && snprintf(name, sizeof(name), "%s%.*s", kind, (int)n, bytes) < NAME_BYTES)
		visit(arg, name);
}

static void tls_visit_subject(
	X509 *certificate, void (*visit)(void *arg, const char *name), void *arg)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	// Of several it would be the question which one is meant.
	if (at >= 0 && X509_NAME_get_index_by_NID(subject, NID_commonName, at) < 0)
		tls_visit_name("CN=", X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)),
			visit, arg);
}

static void tls_visit_others(
	X509 *certificate, void (*visit)(void *arg, const char *name), void *arg)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			tls_visit_name("DNS:", name->d.dNSName, visit, arg);
		else if (name->type == GEN_URI)
			tls_visit_name("URI:", name->d.uniformResourceIdentifier, visit, arg);
		else if (name->type == GEN_EMAIL)
			tls_visit_name("email:", name->d.rfc822Name, visit, arg);
	}
	GENERAL_NAMES_free(names);
}

bool tls_each_name(SSL *ssl, void (*visit)(void *arg, const char *name), void *arg, int64_t *until)
{
	X509 *certificate = SSL_get0_peer_certificate(ssl);
	struct tm end;

	if (!certificate || SSL_get_verify_result(ssl) != X509_V_OK ||
		X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0 ||
		ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
		return false;
	*until = timegm(&end);
	tls_visit_subject(certificate, visit, arg);
	tls_visit_others(certificate, visit, arg);
	ERR_clear_error();
	return true;
}

SSL *tls_accept(const struct tls *tls)
{
	return SSL_new(tls->context);
}
