// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/stored_image.h"

#include "ctl/server/server_state.h"

int stored_image_open(const struct server *server, const void *bytes, size_t size,
	const struct model_options *options, struct model **model, struct error *err)
{
	return model_open(bytes, size, options, model, err);
}

int stored_image_source(const struct server *server, const void *bytes, size_t size,
	struct model_source *source, struct error *err)
{
	return model_source(bytes, size, source, err);
}
