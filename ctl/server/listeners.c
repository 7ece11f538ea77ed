// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/listeners.h"

#include "ctl/server/http/gate.h"
#include "ctl/server/http/route.h"
#include "ctl/server/http/tcp.h"
#include "ctl/server/http/tls.h"
#include "ctl/server/log.h"
#include "ctl/server/server_state.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define TICKS_A_LOOK 10 // at the files of certificates

static_assert((int)ROUTE_INFER == CONFIG_INFER && (int)ROUTE_METRICS == CONFIG_METRICS &&
		(int)ROUTE_MANAGE == CONFIG_MANAGE,
	"the configuration's services are the routes'");

// A listener on TCP; `name` is its key.
static int listeners_listen(struct server *server, const char *name,
	const struct config_listen *listen, unsigned serves, const struct tls *tls,
	struct error *err)
{
	const struct sockaddr_in ipv4 = {
		.sin_family = AF_INET, .sin_port = htons(listen->port), .sin_addr = listen->ipv4
	};
	const struct sockaddr_in6 ipv6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(listen->port), .sin6_addr = listen->ipv6
	};
	struct gate_door door = { .serves = serves,
		.body_bytes = (size_t)server->config->control.body_megabytes << 20,
		.tls = tls };
	struct error why;
	int rc = listen->is_ipv6
		? tcp_listen((const struct sockaddr *)&ipv6, sizeof(ipv6), &door.fd)
		: tcp_listen((const struct sockaddr *)&ipv4, sizeof(ipv4), &door.fd);

	if (rc != 0)
		return error_set(err, rc, "%s: port %u cannot be listened on: %s", name,
			listen->port, strerror(-rc));
	rc = gate_open(server->gate, &door, &why);
	return rc ? error_set(err, rc, "%s: %s", name, why.text) : 0;
}

static void listeners_look_at_key(const struct server *server, uint32_t i)
{
	const char *key = server->config->control.http[i].tls.key;

	if (tls_key_is_public(server->tls[i]))
		log_warning(
			"control.http[%u].tls.key: everybody on this machine may read %s: chmod "
			"o-r %s",
			i, key, key);
}

static int listeners_open_tls(struct server *server, uint32_t i, struct error *err)
{
	const struct config_tls *config = &server->config->control.http[i].tls;
	const struct tls_files files = { config->certificate, config->key, config->client_ca };
	struct error why;
	int rc = tls_open(&files, &server->tls[i], &why);

	if (rc != 0)
		return error_set(err, rc, "control.http[%u].tls: %s", i, why.text);
	listeners_look_at_key(server, i);
	return 0;
}

int listeners_open(struct server *server, struct error *err)
{
	const struct config *config = server->config;
	char name[32];
	int rc = 0;

	if (config->metrics.listen.port)
		rc = listeners_listen(server, "metrics.listen", &config->metrics.listen,
			ROUTE_METRICS, NULL, err);
	for (uint32_t i = 0; rc == 0 && i < config->control.n_http; i++) {
		const struct config_http *http = &config->control.http[i];

		rc = http->tls.certificate[0] ? listeners_open_tls(server, i, err) : 0;
		snprintf(name, sizeof(name), "control.http[%u].listen", i);
		if (rc == 0)
			rc = listeners_listen(
				server, name, &http->listen, http->serves, server->tls[i], err);
	}
	return rc;
}

void listeners_close(struct server *server)
{
	for (uint32_t i = 0; i < CONFIG_HTTP_MAX; i++) {
		tls_close(server->tls[i]);
		server->tls[i] = NULL;
	}
}

static void listeners_reload_one(struct server *server, uint32_t i)
{
	struct error err;

	if (tls_reload(server->tls[i], &err) != 0) {
		log_warning(
			"control.http[%u].tls: %s; the certificate of before stays", i, err.text);
		return;
	}
	log_info("control.http[%u].tls: %s was read, for the connections to come", i,
		server->config->control.http[i].tls.certificate);
	listeners_look_at_key(server, i);
}

void listeners_reload(struct server *server)
{
	for (uint32_t i = 0; i < CONFIG_HTTP_MAX; i++)
		if (server->tls[i])
			listeners_reload_one(server, i);
}

void listeners_tick(struct server *server)
{
	if (++server->tls_ticks % TICKS_A_LOOK)
		return;
	for (uint32_t i = 0; i < CONFIG_HTTP_MAX; i++)
		if (server->tls[i] && tls_is_outdated(server->tls[i]))
			listeners_reload_one(server, i);
}
