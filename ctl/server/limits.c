// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/limits.h"

struct gate_limits limits_of(const struct config *config)
{
	const struct config_control *control = &config->control;

	return (struct gate_limits){
		.each = { .head_bytes = control->header_bytes,
			.head_seconds = control->header_seconds,
			.idle_seconds = control->idle_seconds,
			.bytes_per_second = control->bytes_per_second,
			.pipeline = control->pipeline,
			.streams = control->streams,
			.resets_per_second = control->resets_per_second },
		.connections = control->connections,
		.address_connections = control->address_connections,
		.handshakes = control->handshakes,
		.handshakes_per_second = control->handshakes_per_second,
		.bodies_bytes = (size_t)control->upload_megabytes << 20,
	};
}
