// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/route.h"

#include "infer/infer.h"

const struct deployment *route_version(const struct model_route *route, uint16_t version)
{
	if (route->live_version == version)
		return route->live;
	if (route->canary && route->canary_version == version)
		return route->canary;
	for (uint32_t i = 0; i < route->n_pinned; i++)
		if (route->pinned_versions[i] == version)
			return route->pinned[i];
	return NULL;
}

const struct deployment *route_choose_rarely(
	const struct model_route *route, const struct wire_header *header)
{
	const struct route_share *share = &route->share;
	uint64_t key = header->request_id;

	if (header->model_version)
		return route_version(route, header->model_version);
	if (share->by_feature) {
		const size_t bytes = row_dtype_bytes(header->dtype);

		if (share->feature >= header->columns) // BAD_SHAPE, as the live one has it
			return route->live;
		key = route_key_of_value(
			(const uint8_t *)(header + 1) + share->feature * bytes, (uint32_t)bytes);
	}
	return route_is_canarys(share, key) ? route->canary : route->live;
}
