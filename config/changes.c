// SPDX-License-Identifier: BSD-3-Clause
#include "config/changes.h"

#include "base/device_text.h"
#include "config/schema.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define KEY_BYTES   192
#define VALUE_BYTES 6144 // of the longest list: names of CONFIG_REQUIRE_MAX models

struct changes {
	config_visit *visit;
	void *arg;
	bool all; // also what is the same
	size_t n;
};

struct text {
	char text[VALUE_BYTES];
	size_t used;
	bool is_told; // to who may only read: without the secrets of devices
};

// --- Values as text ------------------------------------------------------------------------------

__attribute__((format(printf, 2, 3))) static void text_add(struct text *to, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(to->text + to->used, sizeof(to->text) - to->used, format, args);
	va_end(args);
	if (n > 0)
		to->used += (size_t)n;
	if (to->used >= sizeof(to->text)) // cut
		to->used = sizeof(to->text) - 1;
}

static void text_add_address(struct text *to, bool is_ipv6, const void *bytes)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, bytes, text, sizeof(text));
	text_add(to, "%s", text);
}

static void text_add_listen(struct text *to, const struct config_listen *listen)
{
	if (!listen->port) {
		text_add(to, "-");
		return;
	}
	text_add(to, listen->is_ipv6 ? "[" : "");
	text_add_address(to, listen->is_ipv6, &listen->ipv6);
	text_add(to, "%s:%u", listen->is_ipv6 ? "]" : "", listen->port);
}

// As it is, with no quote in it escaped.
static void text_add_string(struct text *to, const char *value)
{
	char shown[CONFIG_PATH_MAX]; // the longest

	snprintf(shown, sizeof(shown), "%s", value);
	if (to->is_told)
		device_text_hide(shown);
	text_add(to, "\"%s\"", shown);
}

static void text_add_vlan(struct text *to, uint32_t vlan)
{
	if (!vlan)
		text_add(to, "\"none\"");
	else if (vlan >> 16)
		text_add(to, "\"%u.%u\"", vlan >> 16, vlan & 0xffff);
	else
		text_add(to, "%u", vlan);
}

static void text_add_element(struct text *to, const struct key *key, const void *field, uint32_t i)
{
	const struct config_address *address = (const struct config_address *)field + i;

	switch (key->type) {
	case KEY_CPUS:
		text_add(to, "%u", ((const uint32_t *)field)[i]);
		break;
	case KEY_ADDRESSES:
		text_add(to, "\"");
		text_add_address(to, address->is_ipv6, &address->ipv6);
		text_add(to, "/%u\"", address->prefix_length);
		break;
	case KEY_TEXTS:
		text_add_string(to, (const char *)field + i * key->field_bytes);
		break;
	default:
		text_add_vlan(to, ((const uint32_t *)field)[i]);
		break;
	}
}

static void text_add_list(struct text *to, const struct key *key, const void *base)
{
	const uint32_t n = *(const uint32_t *)((const char *)base + key->count_offset);

	if (key->type == KEY_VLANS && n == 0) {
		text_add(to, "\"any\"");
		return;
	}
	text_add(to, "[ ");
	for (uint32_t i = 0; i < n; i++) {
		text_add(to, i ? ", " : "");
		text_add_element(to, key, (const char *)base + key->offset, i);
	}
	text_add(to, n ? " ]" : "]");
}

static void text_add_choices(struct text *to, const struct key *key, uint32_t bits)
{
	const char *comma = "";

	text_add(to, "[ ");
	for (uint32_t i = 0; key->choices[i]; i++)
		if (bits & 1u << i) {
			text_add(to, "%s\"%s\"", comma, key->choices[i]);
			comma = ", ";
		}
	text_add(to, " ]");
}

static void text_add_value(struct text *to, const struct key *key, const void *base)
{
	const void *field = (const char *)base + key->offset;
	const uint32_t number = key->type == KEY_U16 ? *(const uint16_t *)field
		: key->type == KEY_BOOL              ? *(const bool *)field
						     : 0;

	switch (key->type) {
	case KEY_U16:
		text_add(to, "%u", number);
		break;
	case KEY_BOOL:
		text_add(to, "%s", number ? "true" : "false");
		break;
	case KEY_U32_AUTO:
		if (*(const uint32_t *)field == 0) {
			text_add(to, "\"auto\"");
			break;
		}
		__attribute__((fallthrough));
	case KEY_U32:
	case KEY_CPU:
		text_add(to, "%u", *(const uint32_t *)field);
		break;
	case KEY_STRING:
	case KEY_NAME:
	case KEY_ISA:
		if (*(const char *)field)
			text_add_string(to, field);
		else
			text_add(to, "-");
		break;
	case KEY_REAL:
		text_add(to, "%.17g", *(const double *)field);
		break;
	case KEY_CHOICE:
		text_add(to, "\"%s\"", key->choices[*(const uint32_t *)field]);
		break;
	case KEY_CHOICES:
		text_add_choices(to, key, *(const uint32_t *)field);
		break;
	case KEY_LISTEN:
		text_add_listen(to, field);
		break;
	case KEY_CPUS:
	case KEY_ADDRESSES:
	case KEY_TEXTS:
	case KEY_VLANS:
		text_add_list(to, key, base);
		break;
	case KEY_GROUP:
	case KEY_GROUPS: // visited by themselves
		break;
	}
}

// --- Groups --------------------------------------------------------------------------------------

// `base` NULL: there is no such group.
static void text_of_key(struct text *text, bool is_told, const struct key *key, const void *base)
{
	text->used = 0;
	text->is_told = is_told;
	if (base)
		text_add_value(text, key, base);
	else
		text_add(text, "-");
}

// A value that is written in the same way is the same. `now` or `then` NULL: there is no such group.
static void changes_of_key(struct changes *changes, const char *where,
	const struct key_group *group, const struct key *key, const void *now, const void *then)
{
	struct text before, after;
	char name[KEY_BYTES];
	const struct config_change change = { .key = name,
		.now = before.text,
		.then = after.text,
		.is_live = key->live,
		.why = key->live ? "" : group->why_restart };

	if (key->type == KEY_GROUP || key->type == KEY_GROUPS)
		return;
	text_of_key(&before, false, key, now);
	text_of_key(&after, false, key, then);
	if (!changes->all && strcmp(before.text, after.text) == 0)
		return;
	text_of_key(&before, true, key, now);
	text_of_key(&after, true, key, then);
	snprintf(name, sizeof(name), "%s.%s", where, key->name);
	changes->visit(changes->arg, &change);
	changes->n++;
}

static void changes_of_group(struct changes *changes, const char *where,
	const struct key_group *group, const void *now, const void *then)
{
	for (size_t i = 0; i < group->n_keys; i++)
		changes_of_key(changes, where, group, &group->keys[i], now, then);
}

// --- Lists ---------------------------------------------------------------------------------------

// What tells the groups of a list apart.
typedef void list_name(struct text *name, const void *element);

struct list {
	const char *where;
	const struct key_group *group;
	size_t element_bytes;
	list_name *name;
};

struct elements {
	const char *first;
	uint32_t n;
};

static void list_name_port(struct text *name, const void *element)
{
	text_add(name, "%s", ((const struct config_port *)element)->name);
}

static void list_name_model(struct text *name, const void *element)
{
	text_add(name, "%s", ((const struct config_model *)element)->name);
}

static void list_name_http(struct text *name, const void *element)
{
	text_add_listen(name, &((const struct config_http *)element)->listen);
}

static void list_name_client(struct text *name, const void *element)
{
	const struct config_client *client = element;

	if (client->key)
		text_add(name, "key %u", client->key);
	else
		text_add(name, "%s", client->address);
}

// With the key's id: what stands in its file may be another than before.
static void list_name_trusted_key(struct text *name, const void *element)
{
	const struct config_trusted_key *trusted = element;
	char id[MINISIGN_ID_TEXT];

	minisign_id_text(trusted->public.id, id);
	text_add(name, "%s %s", trusted->model, id);
}

static const void *list_find(
	const struct list *list, const struct elements *in, const struct text *name)
{
	for (uint32_t i = 0; i < in->n; i++) {
		const char *element = in->first + i * list->element_bytes;
		struct text other = { .used = 0 };

		list->name(&other, element);
		if (strcmp(other.text, name->text) == 0)
			return element;
	}
	return NULL;
}

// Of a model that is new all is live; what the store knows is changed by the store's own means.
static bool list_is_added_live(const struct list *list)
{
	return list->group == &SCHEMA_MODEL;
}

static void list_visit_live(void *arg, const struct config_change *change)
{
	struct changes *changes = arg;
	struct config_change live = *change;

	live.is_live = true;
	live.why = "";
	changes->visit(changes->arg, &live);
}

static void changes_of_element(
	struct changes *changes, const struct list *list, const void *now, const void *then)
{
	struct changes live = { .visit = list_visit_live, .arg = changes, .all = changes->all };
	struct changes *to = !now && list_is_added_live(list) ? &live : changes;
	const struct config_tls *tls_now = NULL, *tls_then = NULL;
	struct text name = { .used = 0 };
	char where[KEY_BYTES - 64];

	list->name(&name, now ? now : then);
	snprintf(where, sizeof(where), "%s[%.90s]", list->where, name.text);
	changes_of_group(to, where, list->group, now, then);
	changes->n += live.n;
	if (list->group != &SCHEMA_HTTP)
		return;
	if (now && ((const struct config_http *)now)->tls.certificate[0])
		tls_now = &((const struct config_http *)now)->tls;
	if (then && ((const struct config_http *)then)->tls.certificate[0])
		tls_then = &((const struct config_http *)then)->tls;
	strcat(where, ".tls");
	changes_of_group(changes, where, &SCHEMA_TLS, tls_now, tls_then);
}

static void changes_of_list(struct changes *changes, const struct list *list,
	const struct elements *now, const struct elements *then)
{
	for (uint32_t i = 0; i < now->n; i++) {
		const char *element = now->first + i * list->element_bytes;
		struct text name = { .used = 0 };

		list->name(&name, element);
		changes_of_element(changes, list, element, list_find(list, then, &name));
	}
	for (uint32_t i = 0; i < then->n; i++) {
		const char *element = then->first + i * list->element_bytes;
		struct text name = { .used = 0 };

		list->name(&name, element);
		if (!list_find(list, now, &name))
			changes_of_element(changes, list, NULL, element);
	}
}

static size_t changes_visit(
	struct changes *changes, const struct config *now, const struct config *then)
{
	const struct {
		const struct key_group *group;
		const void *now, *then;
	} groups[] = {
		{ &SCHEMA_LCORES, &now->lcores, &then->lcores },
		{ &SCHEMA_MEMORY, &now->memory, &then->memory },
		{ &SCHEMA_CONTROL, &now->control, &then->control },
		{ &SCHEMA_STORE, &now->store, &then->store },
		{ &SCHEMA_METRICS, &now->metrics, &then->metrics },
		{ &SCHEMA_SCORING, &now->scoring, &then->scoring },
		{ &SCHEMA_DRIFT, &now->drift, &then->drift },
		{ &SCHEMA_PROCESS, &now->process, &then->process },
		{ &SCHEMA_LOG, &now->log, &then->log },
		{ &SCHEMA_INFER, &now->infer, &then->infer },
		{ &SCHEMA_CANARY, &now->canary, &then->canary },
		{ &SCHEMA_TRUST, &now->trust, &then->trust },
		{ &SCHEMA_CLIENTS, &now->clients, &then->clients },
	};
	const struct {
		struct list list;
		struct elements now, then;
	} lists[] = {
		{ { "ports", &SCHEMA_PORT, sizeof(now->ports[0]), list_name_port },
			{ (const char *)now->ports, now->n_ports },
			{ (const char *)then->ports, then->n_ports } },
		{ { "control.http", &SCHEMA_HTTP, sizeof(now->control.http[0]), list_name_http },
			{ (const char *)now->control.http, now->control.n_http },
			{ (const char *)then->control.http, then->control.n_http } },
		{ { "clients.list", &SCHEMA_CLIENT, sizeof(now->clients.list[0]),
			  list_name_client },
			{ (const char *)now->clients.list, now->clients.n_list },
			{ (const char *)then->clients.list, then->clients.n_list } },
		{ { "models", &SCHEMA_MODEL, sizeof(now->models[0]), list_name_model },
			{ (const char *)now->models, now->n_models },
			{ (const char *)then->models, then->n_models } },
		{ { "trust.trusted_keys", &SCHEMA_TRUSTED_KEY, sizeof(now->trust.trusted_keys[0]),
			  list_name_trusted_key },
			{ (const char *)now->trust.trusted_keys, now->trust.n_trusted_keys },
			{ (const char *)then->trust.trusted_keys, then->trust.n_trusted_keys } },
	};

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		changes_of_group(changes, groups[i].group->name, groups[i].group, groups[i].now,
			groups[i].then);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		changes_of_list(changes, &lists[i].list, &lists[i].now, &lists[i].then);
	return changes->n;
}

size_t config_changes(
	const struct config *now, const struct config *then, config_visit *visit, void *arg)
{
	struct changes changes = { .visit = visit, .arg = arg };

	return changes_visit(&changes, now, then);
}

size_t config_keys(const struct config *now, config_visit *visit, void *arg)
{
	struct changes changes = { .visit = visit, .arg = arg, .all = true };

	return changes_visit(&changes, now, now);
}

// --- Taken over ----------------------------------------------------------------------------------

static void take_key(const struct key *key, void *to, const void *from)
{
	size_t bytes = 0;

	switch (key->type) {
	case KEY_U16:
		bytes = sizeof(uint16_t);
		break;
	case KEY_BOOL:
		bytes = sizeof(bool);
		break;
	case KEY_STRING:
	case KEY_NAME:
	case KEY_ISA:
		bytes = key->field_bytes;
		break;
	case KEY_LISTEN:
		bytes = sizeof(struct config_listen);
		break;
	case KEY_U32:
	case KEY_U32_AUTO:
	case KEY_CPU:
	case KEY_CHOICE:
	case KEY_CHOICES:
		bytes = sizeof(uint32_t);
		break;
	case KEY_REAL:
		bytes = sizeof(double);
		break;
	case KEY_TEXTS:
		bytes = key->field_bytes * (size_t)key->max;
		memcpy((char *)to + key->count_offset, (const char *)from + key->count_offset,
			sizeof(uint32_t));
		break;
	default: // other lists, of which none is live as a whole but control.http
		break;
	}
	memcpy((char *)to + key->offset, (const char *)from + key->offset, bytes);
}

static void take_group(const struct key_group *group, void *to, const void *from)
{
	for (size_t i = 0; i < group->n_keys; i++)
		if (group->keys[i].live)
			take_key(&group->keys[i], to, from);
}

bool config_has_model(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->n_models; i++)
		if (strcmp(config->models[i].name, name) == 0)
			return true;
	return false;
}

void config_take_live(struct config *to, const struct config *from)
{
	take_group(&SCHEMA_CONTROL, &to->control, &from->control);
	take_group(&SCHEMA_STORE, &to->store, &from->store);
	to->store.keep_versions = from->store.keep_versions; // what retention says
	take_group(&SCHEMA_METRICS, &to->metrics, &from->metrics);
	take_group(&SCHEMA_SCORING, &to->scoring, &from->scoring);
	take_group(&SCHEMA_LOG, &to->log, &from->log);
	take_group(&SCHEMA_INFER, &to->infer, &from->infer);
	take_group(&SCHEMA_CANARY, &to->canary, &from->canary);
	take_group(&SCHEMA_TRUST, &to->trust, &from->trust);
	to->clients = from->clients;
	memcpy(to->trust.trusted_keys, from->trust.trusted_keys, sizeof(to->trust.trusted_keys));
	to->trust.n_trusted_keys = from->trust.n_trusted_keys;
	memcpy(to->control.http, from->control.http, sizeof(to->control.http));
	to->control.n_http = from->control.n_http;
	for (uint32_t i = 0; i < from->n_models; i++)
		if (!config_has_model(to, from->models[i].name) && to->n_models < CONFIG_MODELS_MAX)
			to->models[to->n_models++] = from->models[i];
}
