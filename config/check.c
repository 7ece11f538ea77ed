// SPDX-License-Identifier: BSD-3-Clause
#include "config/check.h"

#include "base/file.h"
#include "base/retention.h"
#include "base/trust/image_keys.h"
#include "base/trust/principal.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct check_role {
	const char *name;
	const uint32_t *cpus;
	uint32_t n;
};

static bool check_role_holds(const struct check_role *role, uint32_t cpu)
{
	for (uint32_t i = 0; i < role->n; i++)
		if (role->cpus[i] == cpu)
			return true;
	return false;
}

// An lcore that polls takes its CPU whole: whatever shares the CPU would get nothing done. Lcores
// that sleep while nothing arrives may share one, as tests on small machines do.
static int check_shared(const struct reader *reader, const config_setting_t *lcores,
	const struct check_role *roles, uint32_t n_roles)
{
	for (uint32_t a = 0; a < n_roles; a++)
		for (uint32_t b = a + 1; b < n_roles; b++)
			for (uint32_t i = 0; i < roles[b].n; i++)
				if (check_role_holds(&roles[a], roles[b].cpus[i]))
					return reader_refuse(reader,
						config_setting_get_member(lcores, roles[b].name),
						"lcores.%s: CPU %u is lcores.%s already; name "
						"another, or set lcores.idle = \"sleep\" to share "
						"it",
						roles[b].name, roles[b].cpus[i], roles[a].name);
	return 0;
}

int check_lcores(
	const struct reader *reader, const config_setting_t *lcores, struct config_lcores *config)
{
	const struct check_role roles[] = {
		{ "control", &config->control, 1 },
		{ "io", config->io, config->n_io },
		{ "workers", config->workers, config->n_workers },
		{ "complete", config->complete, config->n_complete },
	};

	if (config->n_io + config->n_complete == 0)
		return reader_refuse(reader, lcores,
			"lcores: no CPU polls the NIC: name one, as in io = [ 1 ];");
	if (config->n_workers > 0 && config->n_io == 0)
		return reader_refuse(reader, config_setting_get_member(lcores, "workers"),
			"lcores.workers: nothing hands requests to them: lcores.io is empty");
	if (config->n_io + config->n_workers + config->n_complete > CONFIG_CPUS_MAX)
		return reader_refuse(
			reader, lcores, "lcores: more than %d CPUs in all", CONFIG_CPUS_MAX);
	if (config->ring_size & (config->ring_size - 1))
		return reader_refuse(reader, config_setting_get_member(lcores, "ring_size"),
			"lcores.ring_size: %u is not a power of two, as 512 or 1024",
			config->ring_size);
	if (config->idle == CONFIG_IDLE_POLL) {
		int rc = check_shared(reader, lcores, roles, sizeof(roles) / sizeof(roles[0]));

		if (rc != 0)
			return rc;
	}
	if (config->n_workers > 0)
		return 0;
	memcpy(config->complete + config->n_complete, config->io,
		config->n_io * sizeof(config->io[0]));
	config->n_complete += config->n_io;
	config->n_io = 0;
	return 0;
}

// The setting that a message is about: the key of that group, or the group where it is not written.
static const config_setting_t *check_member(
	const config_setting_t *list, uint32_t index, const char *key)
{
	const config_setting_t *group = config_setting_get_elem(list, index);
	const config_setting_t *setting = config_setting_get_member(group, key);

	return setting ? setting : group;
}

static bool check_same_address(const struct config_address *a, const struct config_address *b)
{
	if (a->is_ipv6 != b->is_ipv6)
		return false;
	return a->is_ipv6 ? memcmp(&a->ipv6, &b->ipv6, sizeof(a->ipv6)) == 0
			  : a->ipv4.s_addr == b->ipv4.s_addr;
}

// The address that two ports share, or that one names twice; NULL: none.
static const struct config_address *check_shared_address(
	const struct config_port *a, const struct config_port *b)
{
	for (uint32_t i = 0; i < a->n_addresses; i++)
		for (uint32_t j = a == b ? i + 1 : 0; j < b->n_addresses; j++)
			if (check_same_address(&a->addresses[i], &b->addresses[j]))
				return &a->addresses[i];
	return NULL;
}

// Of the i'th port and an earlier one, or itself.
static int check_two_ports(const struct reader *reader, const config_setting_t *ports,
	const struct config *config, uint32_t i, uint32_t j)
{
	const struct config_port *port = &config->ports[i], *other = &config->ports[j];
	const struct config_address *shared = check_shared_address(other, port);
	char text[INET6_ADDRSTRLEN];
	int rc = 0;

	if (shared)
		rc = reader_refuse(reader, check_member(ports, i, "addresses"),
			"ports[%u].addresses: %s is named twice, here and in ports[%u]", i,
			inet_ntop(shared->is_ipv6 ? AF_INET6 : AF_INET, &shared->ipv6, text,
				sizeof(text)),
			j);
	if (i == j)
		return rc;
	if (strcmp(port->name, other->name) == 0)
		rc = reader_refuse(reader, check_member(ports, i, "name"),
			"ports[%u].name: '%s' is the name of the port at line %d already", i,
			port->name, other->line);
	if (strcmp(port->device, other->device) == 0)
		rc = reader_refuse(reader, check_member(ports, i, "device"),
			"ports[%u].device: port '%s' has this one already", i, other->name);
	return rc;
}

int check_ports(
	const struct reader *reader, const config_setting_t *ports, const struct config *config)
{
	int rc = 0;

	for (uint32_t i = 0; i < config->n_ports; i++)
		for (uint32_t j = 0; j <= i; j++)
			if (check_two_ports(reader, ports, config, i, j) != 0)
				rc = -EINVAL;
	return rc;
}

static int check_image(const struct reader *reader, const config_setting_t *setting, uint32_t index,
	const char *path)
{
	struct error why;
	int fd = file_open_at(AT_FDCWD, path, path, &why);

	if (fd < 0)
		return reader_refuse(reader, setting,
			"models[%u].image: %.400s; make it with 'martletctl model compile' "
			"(relative paths begin where martletd was started)",
			index, why.text);
	close(fd);
	return 0;
}

int check_models(
	const struct reader *reader, const config_setting_t *models, const struct config *config)
{
	int rc = 0;

	for (uint32_t i = 0; i < config->n_models; i++) {
		const struct config_model *model = &config->models[i];

		for (uint32_t j = 0; j < i; j++) {
			const struct config_model *other = &config->models[j];

			if (strcmp(model->name, other->name) == 0)
				rc = reader_refuse(reader, check_member(models, i, "name"),
					"models[%u].name: '%s' is the name of the model at line %d "
					"already",
					i, model->name, other->line);
			if (model->id == other->id)
				rc = reader_refuse(reader, check_member(models, i, "id"),
					"models[%u].id: %u is the id of model '%s' already", i,
					model->id, other->name);
		}
		if (check_image(reader, check_member(models, i, "image"), i, model->image) != 0)
			rc = -EINVAL;
	}
	return rc;
}

int check_control(
	const struct reader *reader, const config_setting_t *control, struct config *config)
{
	if (!config->control.group[0] || getgrnam(config->control.group))
		return 0;
	return reader_refuse(reader, config_setting_get_member(control, "group"),
		"control.group: there is no group '%s' here; add it with 'groupadd --system %s'",
		config->control.group, config->control.group);
}

static bool check_is_same_listen(const struct config_listen *a, const struct config_listen *b)
{
	return a->port == b->port && a->is_ipv6 == b->is_ipv6 &&
		memcmp(&a->ipv6, &b->ipv6, a->is_ipv6 ? sizeof(a->ipv6) : sizeof(a->ipv4)) == 0;
}

static int check_tls(const struct reader *reader, const config_setting_t *tls,
	const struct config_tls *config, uint32_t i)
{
	const struct {
		const char *key, *path;
	} files[] = { { "certificate", config->certificate }, { "key", config->key },
		{ "client_ca", config->client_ca } };

	int rc = 0;

	for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++)
		if (files[k].path[0] && access(files[k].path, R_OK) != 0)
			rc = reader_refuse(reader, config_setting_get_member(tls, files[k].key),
				"control.http[%u].tls.%s: %s cannot be read: %s", i, files[k].key,
				files[k].path, strerror(errno));
	return rc;
}

static bool check_is_loopback(const struct config_listen *listen)
{
	return listen->is_ipv6 ? IN6_IS_ADDR_LOOPBACK(&listen->ipv6)
			       : ntohl(listen->ipv4.s_addr) >> 24 == 127;
}

// Whether somebody can have more than a client's role by the certificate that the listener asks for.
static bool check_has_certificates(const struct config_trust *trust)
{
	static const char CERTIFICATE[] = "certificate:";
	const struct {
		const char (*list)[CONFIG_PRINCIPAL_BYTES];
		uint32_t n;
	} lists[] = { { trust->viewers, trust->n_viewers },
		{ trust->operators, trust->n_operators }, { trust->admins, trust->n_admins } };

	for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++)
		for (uint32_t i = 0; i < lists[k].n; i++)
			if (strncmp(lists[k].list[i], CERTIFICATE, strlen(CERTIFICATE)) == 0)
				return true;
	return false;
}

// Who manages over TCP, or must be known there, needs something to be known by, and a way for it that nobody reads.
static int check_credentials(const struct reader *reader, const config_setting_t *group,
	const struct config *config, uint32_t i)
{
	const struct config_http *http = &config->control.http[i];
	const struct config_trust *trust = &config->trust;
	const bool manages = http->serves & CONFIG_MANAGE;
	const char *key = manages ? "serves" : "require_token";
	const char *what = manages ? "\"manage\"" : "true";
	const config_setting_t *setting = config_setting_get_member(group, key);

	if (!manages && !http->require_token)
		return 0;
	if (!http->tls.certificate[0] && !check_is_loopback(&http->listen))
		return reader_refuse(reader, setting,
			"control.http[%u].%s: %s takes TLS where others than this machine can "
			"connect, since whoever reads a token has it: give the listener tls, or "
			"listen on 127.0.0.1",
			i, key, what);
	if (trust->tokens[0] ||
		(http->tls.client_ca[0] && (!manages || check_has_certificates(trust))))
		return 0;
	return reader_refuse(reader, setting,
		"control.http[%u].%s: %s takes something to know people by: name a file of tokens "
		"in trust.tokens, or give the listener tls.client_ca and list certificates in "
		"trust.viewers, trust.operators or trust.admins",
		i, key, what);
}

int check_http(
	const struct reader *reader, const config_setting_t *list, const struct config *config)
{
	const struct config_http *http = config->control.http;
	int rc = 0;

	for (uint32_t i = 0; i < config->control.n_http; i++) {
		const config_setting_t *group = config_setting_get_elem(list, i);

		if (check_credentials(reader, group, config, i) != 0)
			rc = -EINVAL;
		if (config->metrics.listen.port &&
			check_is_same_listen(&http[i].listen, &config->metrics.listen))
			rc = reader_refuse(reader, config_setting_get_member(group, "listen"),
				"control.http[%u].listen: metrics.listen is there already; leave "
				"that out and let this serve \"metrics\"",
				i);
		for (uint32_t k = 0; k < i; k++)
			if (check_is_same_listen(&http[i].listen, &http[k].listen))
				rc = reader_refuse(reader,
					config_setting_get_member(group, "listen"),
					"control.http[%u].listen: control.http[%u] is there "
					"already",
					i, k);
		if (check_tls(reader, config_setting_get_member(group, "tls"), &http[i].tls, i) !=
			0)
			rc = -EINVAL;
	}
	return rc;
}

int check_store(const struct reader *reader, const config_setting_t *store, struct config *config)
{
	if (retention_parse(config->store.retention, &config->store.keep_versions))
		return 0;
	return reader_refuse(reader, config_setting_get_member(store, "retention"),
		"store.retention: '%s' is neither " RETENTION_WANTS, config->store.retention);
}

static int check_principals(const struct reader *reader, const config_setting_t *trust,
	const char *key, const char (*list)[CONFIG_PRINCIPAL_BYTES], uint32_t n)
{
	struct principal principal;
	struct error why;
	int rc = 0;

	for (uint32_t i = 0; i < n; i++)
		if (principal_parse(list[i], &principal, &why) != 0)
			rc = reader_refuse(reader, config_setting_get_member(trust, key),
				"trust.%s: %s", key, why.text);
	return rc;
}

static int check_roles(const struct reader *reader, const config_setting_t *trust,
	const struct config_trust *config)
{
	int rc = check_principals(reader, trust, "clients", config->clients, config->n_clients);

	rc |= check_principals(reader, trust, "viewers", config->viewers, config->n_viewers);
	rc |= check_principals(reader, trust, "operators", config->operators, config->n_operators);
	return rc | check_principals(reader, trust, "admins", config->admins, config->n_admins);
}

int check_trust(const struct reader *reader, const config_setting_t *trust, struct config *config)
{
	if (check_roles(reader, trust, &config->trust) != 0)
		return -EINVAL;
	for (uint32_t i = 0; i < config->trust.n_require_authentication; i++) {
		const char *name = config->trust.require_authentication[i];

		if (!name_is_valid(name) && strcmp(name, "*") != 0)
			return reader_refuse(reader,
				config_setting_get_member(trust, "require_authentication"),
				"trust.require_authentication: '%.64s' is neither a model's name "
				"nor \"*\", which is all",
				name);
	}
	for (uint32_t i = 0; i < config->trust.n_image_keys; i++) {
		const char *path = config->trust.image_keys[i];

		if (path[0] != '/' &&
			strncmp(path, IMAGE_KEY_CREDENTIAL, sizeof(IMAGE_KEY_CREDENTIAL) - 1) != 0)
			return reader_refuse(reader, config_setting_get_member(trust, "image_keys"),
				"trust.image_keys: '%.64s' is neither a path that begins with a "
				"slash nor \"credential:NAME\"",
				path);
	}
	if (config->trust.require_encryption && config->trust.n_image_keys == 0)
		return reader_refuse(reader, config_setting_get_member(trust, "require_encryption"),
			"trust.require_encryption: without trust.image_keys no image could be "
			"opened: name a file of keys there");
	return 0;
}
