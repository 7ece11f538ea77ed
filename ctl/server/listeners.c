// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/listeners.h"

#include "config/config.h"
#include "ctl/server/audit/audit.h"
#include "ctl/server/http/gate.h"
#include "ctl/server/http/route.h"
#include "ctl/server/http/tcp.h"
#include "ctl/server/http/tls.h"
#include "ctl/server/log.h"
#include "ctl/server/server_state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICKS_A_LOOK  10 // at the files of certificates
#define LISTENERS_MAX (CONFIG_HTTP_MAX + 1)

static_assert((int)ROUTE_INFER == CONFIG_INFER && (int)ROUTE_METRICS == CONFIG_METRICS &&
		(int)ROUTE_MANAGE == CONFIG_MANAGE,
	"the configuration's services are the routes'");

struct listening {
	char name[32]; // "control.http[0]"
	struct config_http wanted;
	struct gate_door door;
	struct tls *tls;
	bool is_kept; // its socket is in use already
};

struct listeners {
	struct listening each[LISTENERS_MAX];
	uint32_t n;
	uint32_t ticks; // since they are in force
};

static bool listeners_is_same_address(const struct config_listen *a, const struct config_listen *b)
{
	return a->port == b->port && a->is_ipv6 == b->is_ipv6 &&
		memcmp(&a->ipv6, &b->ipv6, a->is_ipv6 ? sizeof(a->ipv6) : sizeof(a->ipv4)) == 0;
}

static const struct listening *listeners_find(
	const struct listeners *listeners, const struct config_listen *listen)
{
	for (uint32_t i = 0; listeners && i < listeners->n; i++)
		if (listeners_is_same_address(&listeners->each[i].wanted.listen, listen))
			return &listeners->each[i];
	return NULL;
}

static int listeners_listen(struct listening *listening, struct error *err)
{
	const struct config_listen *listen = &listening->wanted.listen;
	const struct sockaddr_in ipv4 = {
		.sin_family = AF_INET, .sin_port = htons(listen->port), .sin_addr = listen->ipv4
	};
	const struct sockaddr_in6 ipv6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(listen->port), .sin6_addr = listen->ipv6
	};
	const int rc = listen->is_ipv6
		? tcp_listen((const struct sockaddr *)&ipv6, sizeof(ipv6), &listening->door.fd)
		: tcp_listen((const struct sockaddr *)&ipv4, sizeof(ipv4), &listening->door.fd);

	if (rc == 0)
		return 0;
	listening->door.fd = -1;
	return error_set(err, rc, "%s.listen: port %u cannot be listened on: %s", listening->name,
		listen->port, strerror(-rc));
}

static void listeners_look_at_key(const struct listening *listening)
{
	const char *key = listening->wanted.tls.key;

	if (tls_key_is_public(listening->tls))
		log_warning("%s.tls.key: everybody on this machine may read %s: chmod o-r %s",
			listening->name, key, key);
}

struct tls_files listeners_tls_files(
	const struct config_http *http, const struct config_trust *trust)
{
	return (struct tls_files){ .certificate = http->tls.certificate,
		.key = http->tls.key,
		.client_ca = http->tls.client_ca,
		.asks_only = http->require_token && trust->tokens[0] };
}

static int listeners_open_tls(
	struct listening *listening, const struct config_trust *trust, struct error *err)
{
	const struct tls_files files = listeners_tls_files(&listening->wanted, trust);
	struct error why;
	int rc;

	if (!files.certificate[0])
		return 0;
	rc = tls_open(&files, &listening->tls, &why);
	return rc ? error_set(err, rc, "%s.tls: %s", listening->name, why.text) : 0;
}

static int listeners_prepare_one(struct server *server, struct listening *listening,
	const struct config *config, struct error *err)
{
	const struct listening *before =
		listeners_find(server->listeners, &listening->wanted.listen);
	struct error why;
	int rc = listeners_open_tls(listening, &config->trust, err);

	listening->door.fd = -1;
	listening->door.serves = listening->wanted.serves;
	listening->door.role_max = (enum role)listening->wanted.role;
	listening->door.needs_credential = listening->wanted.require_token;
	listening->door.body_bytes = (size_t)config->control.body_megabytes << 20;
	listening->door.tls = listening->tls;
	if (rc != 0)
		return rc;
	listening->is_kept = before;
	if (before) {
		listening->door.fd = before->door.fd;
		return 0;
	}
	rc = listeners_listen(listening, err);
	if (rc != 0)
		return rc;
	rc = gate_open(server->gate, &listening->door, &why);
	if (rc == 0)
		return 0;
	listening->door.fd = -1;
	return error_set(err, rc, "%s.listen: %s", listening->name, why.text);
}

int listeners_prepare(struct server *server, const struct config *config, struct listeners **out,
	struct error *err)
{
	struct listeners *next = calloc(1, sizeof(*next));
	int rc = 0;

	if (!next)
		return error_set(err, -ENOMEM, "no memory for listeners");
	if (config->metrics.listen.port) {
		next->each[next->n].wanted.listen = config->metrics.listen;
		next->each[next->n].wanted.serves = ROUTE_METRICS;
		next->each[next->n].wanted.role = ROLE_CLIENT;
		snprintf(next->each[next->n++].name, sizeof(next->each[0].name), "metrics");
	}
	for (uint32_t i = 0; i < config->control.n_http; i++) {
		next->each[next->n].wanted = config->control.http[i];
		snprintf(next->each[next->n++].name, sizeof(next->each[0].name), "control.http[%u]",
			i);
	}
	for (uint32_t i = 0; i < next->n; i++)
		next->each[i].door.fd = -1;
	for (uint32_t i = 0; rc == 0 && i < next->n; i++)
		rc = listeners_prepare_one(server, &next->each[i], config, err);
	if (rc != 0)
		listeners_discard(server, next);
	else
		*out = next;
	return rc;
}

static void listeners_free(struct listeners *listeners)
{
	for (uint32_t i = 0; listeners && i < listeners->n; i++)
		tls_close(listeners->each[i].tls);
	free(listeners);
}

void listeners_discard(struct server *server, struct listeners *next)
{
	for (uint32_t i = 0; i < next->n; i++)
		if (next->each[i].door.fd >= 0 && !next->each[i].is_kept)
			gate_close(server->gate, next->each[i].door.fd);
	listeners_free(next);
}

static void listeners_say_read(struct server *server, const struct listening *listening)
{
	const char *certificate = listening->wanted.tls.certificate;
	char key[64];

	snprintf(key, sizeof(key), "%s.tls", listening->name);
	log_info("%s: %s was read, for the connections to come", key, certificate);
	audit_reread(server->audit, key, certificate, NULL);
}

void listeners_commit(struct server *server, struct listeners *next)
{
	struct listeners *before = server->listeners;

	for (uint32_t i = 0; i < next->n; i++) {
		const struct listening *listening = &next->each[i];

		if (listening->is_kept)
			gate_change(server->gate, &listening->door);
		if (listening->tls)
			listeners_look_at_key(listening);
		if (listening->tls && before)
			listeners_say_read(server, listening);
	}
	for (uint32_t i = 0; before && i < before->n; i++)
		if (!listeners_find(next, &before->each[i].wanted.listen))
			gate_close(server->gate, before->each[i].door.fd);
	listeners_free(before);
	server->listeners = next;
}

void listeners_close(struct server *server)
{
	listeners_free(server->listeners);
	server->listeners = NULL;
}

static void listeners_reload(struct server *server, const struct listening *listening)
{
	char key[64];
	struct error err;

	if (tls_reload(listening->tls, &err) != 0) {
		snprintf(key, sizeof(key), "%s.tls", listening->name);
		log_warning("%s: %s; the certificate of before stays", key, err.text);
		audit_reread(server->audit, key, listening->wanted.tls.certificate, err.text);
		return;
	}
	listeners_say_read(server, listening);
	listeners_look_at_key(listening);
}

void listeners_tick(struct server *server)
{
	struct listeners *listeners = server->listeners;

	if (!listeners || ++listeners->ticks % TICKS_A_LOOK)
		return;
	for (uint32_t i = 0; i < listeners->n; i++)
		if (listeners->each[i].tls && tls_is_outdated(listeners->each[i].tls))
			listeners_reload(server, &listeners->each[i]);
}
