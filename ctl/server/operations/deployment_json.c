// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/deployment_json.h"

#include "base/bounds.h"
#include "ctl/server/store/record.h"

static json_t *deployment_version(const struct record_version *version)
{
	return version->version ? json_integer(version->version) : json_null();
}

json_t *deployment_canary_json(const struct record *r)
{
	json_t *canary, *bounds;

	if (!r->canary.version)
		return json_null();
	canary = json_pack("{s:i, s:i, s:o}", "version", (int)r->canary.version, "permille",
		(int)r->permille, "key",
		r->key == RECORD_KEY_ID ? json_string("request_id") : json_integer(r->key));
	if (!bounds_any(&r->bounds))
		return canary;
	bounds = json_object();
	for (int b = 0; b < BOUND_COUNT; b++)
		if (r->bounds.is_given[b])
			json_object_set_new(
				bounds, BOUND_KINDS[b].name, json_real(r->bounds.value[b]));
	json_object_set_new(canary, "bounds", bounds);
	return canary;
}

json_t *deployment_json(const char *model, const struct record *r)
{
	json_t *pinned = json_array();

	for (uint32_t i = 0; i < r->n_pinned; i++)
		json_array_append_new(pinned, json_integer(r->pinned[i].version));
	return json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:b, s:I, s:s, s:I, s:s}", "model",
		model, "id", (int)r->id, "live",
		r->loaded ? deployment_version(&r->live) : json_null(), "previous",
		r->loaded ? (r->n_previous ? deployment_version(&r->previous[0].live) : json_null())
			  : deployment_version(&r->live),
		"canary", deployment_canary_json(r), "shadow", deployment_version(&r->shadow),
		"pinned", pinned, "loaded", (int)r->loaded, "revision", (json_int_t)r->revision,
		"by", r->by, "at", (json_int_t)r->at, "change", r->change);
}
