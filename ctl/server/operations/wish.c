// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/wish.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

// The id is checked against what is known.
static int wish_take_id(const struct models *models, const struct model_entry *entry,
	const struct wish *wish, struct record *record, struct error *err)
{
	const struct model_entry *holder;
	uint16_t id = wish->id ? wish->id : entry->record.id;

	if (id == 0 && entry->is_damaged) {
		error_set(err, -EINVAL,
			"what the store says of model '%s' cannot be read (%.200s): say which id "
			"it has on the wire, as {\"id\": 7, \"live\": %u}",
			entry->name, entry->reason, wish->live ? wish->live : 1);
		return 409;
	}
	if (id == 0) {
		error_set(err, -EINVAL,
			"model '%s' was never deployed: say which id it has on the wire, as "
			"{\"id\": 7, \"live\": %u}",
			entry->name, wish->live ? wish->live : 1);
		return 400;
	}
	if (entry->record.id && entry->record.id != id) {
		error_set(err, -EEXIST,
			"model '%s' has id %u; clients know it by that: leave \"id\" out",
			entry->name, entry->record.id);
		return 409;
	}
	holder = models_find_id(models, id);
	if (holder && holder != entry) {
		error_set(
			err, -EEXIST, "id %u is model '%s' already; use another", id, holder->name);
		return 409;
	}
	record->id = id;
	return 0;
}

static int wish_take_version(const struct model_entry *entry, uint16_t version,
	struct record_version *out, struct error *err)
{
	const struct model_version *stored = model_entry_version(entry, version);

	if (version && !stored) {
		error_set(err, -ENOENT,
			"there is no version %u of model '%s' in the store; push it first", version,
			entry->name);
		return 404;
	}
	record_set_version(out, version, stored ? stored->sha256 : "");
	return 0;
}

// A role that its version has left for another one ends.
static void wish_end_roles(const struct wish *wish, struct record *r)
{
	if (!wish->has_canary && r->canary.version == r->live.version)
		record_set_version(&r->canary, 0, "");
	if (!wish->has_shadow &&
		(r->shadow.version == r->live.version || r->shadow.version == r->canary.version))
		record_set_version(&r->shadow, 0, "");
	if (!r->canary.version) {
		r->permille = 0;
		r->key = RECORD_KEY_ID;
		r->bounds = (struct bounds){ 0 };
	}
}

// A share needs a canary, and a new canary a share.
static int wish_check_share(const struct model_entry *entry, const struct wish *wish,
	const struct record *r, struct error *err)
{
	if ((wish->has_permille || wish->has_key || wish->has_bounds) && !r->canary.version) {
		error_set(err, -EINVAL,
			"model '%s' has no canary: say its \"version\", too, as {\"canary\": "
			"{\"version\": 4, \"permille\": 50}}",
			entry->name);
		return 409;
	}
	if (!wish->canary || wish->has_permille || wish->canary == entry->record.canary.version)
		return 0;
	error_set(err, -EINVAL,
		"how many of 1000 requests are version %u's? say it as {\"canary\": {\"version\": "
		"%u, \"permille\": 50}}",
		wish->canary, wish->canary);
	return 400;
}

static int wish_check_roles(const struct record *r, struct error *err)
{
	const char *with = NULL;

	if (r->canary.version && r->canary.version == r->live.version) {
		error_set(err, -EINVAL, "version %u is live: it cannot be its own canary",
			r->live.version);
		return 409;
	}
	if (!r->shadow.version)
		return 0;
	if (r->shadow.version == r->live.version)
		with = "live";
	else if (r->shadow.version == r->canary.version)
		with = "the canary";
	for (uint32_t i = 0; i < r->n_pinned; i++)
		if (r->pinned[i].version == r->shadow.version)
			with = "pinned";
	if (!with)
		return 0;
	error_set(err, -EINVAL,
		"version %u is %s, and so answers: it cannot be a shadow, which never does",
		r->shadow.version, with);
	return 409;
}

static int wish_take_pinned(const struct model_entry *entry, const struct wish *wish,
	struct record *record, struct error *err)
{
	int status = 0;

	memset(record->pinned, 0, sizeof(record->pinned));
	record->n_pinned = 0;
	for (uint32_t i = 0; i < wish->n_pinned && status == 0; i++)
		status = wish_take_version(
			entry, wish->pinned[i], &record->pinned[record->n_pinned++], err);
	return status;
}

static int wish_take_live(const struct model_entry *entry, const struct wish *wish,
	struct record *record, struct error *err)
{
	struct record_version live;
	int status;

	if (!wish->live && !record->live.version) {
		error_set(err, -EINVAL,
			"\"live\" is missing: the version to put into service, as {\"id\": 7, "
			"\"live\": 3}");
		return 400;
	}
	status = wish_take_version(
		entry, wish->live ? wish->live : record->live.version, &live, err);
	if (status == 0)
		record_promote(record, live.version, live.sha256);
	return status;
}

int wish_record(const struct models *models, const struct model_entry *entry,
	const struct wish *wish, struct record *record, struct error *err)
{
	int status;

	*record = entry->record;
	if (!record->id)
		record->key = RECORD_KEY_ID;
	record->loaded = true;
	status = wish_take_live(entry, wish, record, err);
	if (status == 0)
		status = wish_take_id(models, entry, wish, record, err);
	if (status == 0 && wish->has_canary)
		status = wish_take_version(entry, wish->canary, &record->canary, err);
	if (status == 0 && wish->has_shadow)
		status = wish_take_version(entry, wish->shadow, &record->shadow, err);
	if (status == 0 && wish->has_pinned)
		status = wish_take_pinned(entry, wish, record, err);
	if (status != 0)
		return status;
	if (wish->has_permille)
		record->permille = wish->permille;
	if ((wish->has_key && !wish->key[0]) ||
		record->canary.version != entry->record.canary.version)
		record->key = RECORD_KEY_ID;
	if (record->canary.version != entry->record.canary.version)
		record->bounds = (struct bounds){ 0 };
	if (wish->has_bounds)
		record->bounds = wish->bounds;
	wish_end_roles(wish, record);
	status = wish_check_share(entry, wish, record, err);
	return status ? status : wish_check_roles(record, err);
}

int wish_back(const struct model_entry *entry, uint16_t to, struct wish *wish, struct error *err)
{
	const struct record *r = &entry->record;

	*wish = (struct wish){ .force = true, // it was in service
		.has_canary = true,
		.has_shadow = true,
		.live = to };
	if (r->n_previous == 0) {
		error_set(
			err, -EINVAL, "model '%s' has no deployment before this one", entry->name);
		return 409;
	}
	if (!to)
		wish->live = r->previous[0].live.version;
	for (uint32_t i = 0; i < r->n_previous; i++)
		if (r->previous[i].live.version == wish->live)
			return 0;
	error_set(err, -EINVAL,
		"version %u of model '%s' was not live before: promote it, or roll back to one "
		"that was, as version %u",
		to, entry->name, r->previous[0].live.version);
	return 409;
}

int wish_key(const struct wish *wish, const struct model_info *info, struct record *record,
	struct error *err)
{
	char *end;
	unsigned long index;

	if (wish->has_key && wish->key[0] && record->canary.version) {
		for (uint32_t i = 0; i < info->n_features; i++)
			if (strcmp(info->feature_names[i], wish->key) == 0) {
				record->key = (int32_t)i;
				return 0;
			}
		index = strtoul(wish->key, &end, 10);
		if (*end || wish->key[0] < '0' || wish->key[0] > '9' || index > INT32_MAX)
			return error_set(err, -EINVAL,
				"the model has no feature '%.64s' to choose the canary by: give "
				"the name of one of its %u, its index from 0, or \"request_id\"",
				wish->key, info->n_features);
		record->key = (int32_t)index;
	}
	if (record->key == RECORD_KEY_ID || (uint32_t)record->key < info->n_features)
		return 0;
	return error_set(err, -EINVAL,
		"the canary's key is feature %d (from 0), and the model has %u features",
		record->key, info->n_features);
}

// --- What is changed -----------------------------------------------------------------------------

__attribute__((format(printf, 2, 3))) static void say(struct record *r, const char *format, ...)
{
	const size_t used = strlen(r->change);
	char text[RECORD_CHANGE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(r->change + used, sizeof(r->change) - used, "%s%s", used ? ", " : "", text);
}

static void say_role(const char *role, const struct record_version *before,
	const struct record_version *after, struct record *r)
{
	if (before->version == after->version)
		return;
	if (!after->version)
		say(r, "%s %u ended", role, before->version);
	else if (before->version)
		say(r, "%s %u to %u", role, before->version, after->version);
	else
		say(r, "%s %u", role, after->version);
}

static bool wish_has_pinned(const struct record *r, const struct record *as)
{
	bool same = r->n_pinned == as->n_pinned;

	for (uint32_t i = 0; same && i < r->n_pinned; i++)
		same = r->pinned[i].version == as->pinned[i].version;
	return same;
}

void wish_say_change(const struct record *before, struct record *after)
{
	after->change[0] = '\0';
	if (before->id && before->loaded != after->loaded)
		say(after, after->loaded ? "loaded" : "unloaded");
	say_role("live", &before->live, &after->live, after);
	say_role("canary", &before->canary, &after->canary, after);
	if (after->canary.version &&
		(before->permille != after->permille ||
			before->canary.version != after->canary.version))
		say(after, "%u per mille", after->permille);
	if (after->canary.version && !bounds_equal(&before->bounds, &after->bounds))
		say(after, "bounds");
	say_role("shadow", &before->shadow, &after->shadow, after);
	if (!wish_has_pinned(after, before))
		say(after, "%u pinned", after->n_pinned);
	if (!after->change[0])
		say(after, "nothing");
}
