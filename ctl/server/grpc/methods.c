// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/grpc/methods.h"

#include "ctl/server/grpc/call.h"
#include "ctl/server/grpc/infer_call.h"
#include "ctl/server/grpc/reflection.h"
#include "ctl/server/grpc/services.h"
#include "ctl/server/grpc/unary.h"
#include "ctl/server/grpc/watch.h"
#include "ctl/server/resources/deployment.h"
#include "ctl/server/resources/models_json.h"
#include "ctl/server/resources/v2.h"
#include "ctl/server/resources/v2_model.h"

#include "inference.pb-c.h"
#include <string.h>

// X(method, service, role, whether it changes something, what is asked, handler, of all models, message, within, "no" is an answer)
#define METHODS_UNARY(X)                                                                           \
	X(ServerLive, ROUTE_INFER, ROLE_NONE, false, UNARY_NOTHING, v2_live_get, NULL,             \
		server_live, NULL, false)                                                          \
	X(ServerReady, ROUTE_INFER, ROLE_NONE, false, UNARY_NOTHING, v2_ready_get, NULL,           \
		server_ready, NULL, true)                                                          \
	X(ModelReady, ROUTE_INFER, ROLE_CLIENT, false, UNARY_MODEL, v2_model_ready_get, NULL,      \
		model_ready, NULL, true)                                                           \
	X(ServerMetadata, ROUTE_INFER, ROLE_CLIENT, false, UNARY_NOTHING, v2_get, NULL,            \
		server_metadata, NULL, false)                                                      \
	X(ModelMetadata, ROUTE_INFER, ROLE_CLIENT, false, UNARY_MODEL, v2_model_get, NULL,         \
		model_metadata, NULL, false)                                                       \
	X(ModelConfig, ROUTE_INFER, ROLE_CLIENT, false, UNARY_MODEL, v2_config_get, NULL,          \
		model_config, "config", false)                                                     \
	X(ModelStatistics, ROUTE_INFER, ROLE_CLIENT, false, UNARY_MODEL, v2_stats_get,             \
		v2_stats_get_all, model_statistics, NULL, false)                                   \
	X(RepositoryIndex, ROUTE_MANAGE, ROLE_VIEWER, false, UNARY_INDEX, index_post, NULL,        \
		repository_index, "models", false)                                                 \
	X(RepositoryModelLoad, ROUTE_MANAGE, ROLE_OPERATOR, true, UNARY_CHANGE, load_post, NULL,   \
		repository_model_load, NULL, false)                                                \
	X(RepositoryModelUnload, ROUTE_MANAGE, ROLE_OPERATOR, true, UNARY_CHANGE, unload_post,     \
		NULL, repository_model_unload, NULL, false)

#define X(name, service, role, changes, asks, handle, all, message, within, no)                    \
	static const struct unary UNARY_##name = { asks, handle, all,                              \
		&inference__##message##_response__descriptor, within, no };
METHODS_UNARY(X)
#undef X

#define INFERENCE "/" SERVICE_INFERENCE "/"
#define HEALTH    "/" SERVICE_HEALTH "/"

static const struct call_method METHODS[] = {
	{ .path = INFERENCE "ModelInfer",
		.service = ROUTE_INFER,
		.role = ROLE_CLIENT,
		.message = infer_call_message },
#define X(name, its_service, its_role, is_change, asks, handle, all, its_message, within, no)      \
	{ .path = INFERENCE #name,                                                                 \
		.service = its_service,                                                            \
		.role = its_role,                                                                  \
		.changes = is_change,                                                              \
		.message = unary_message,                                                          \
		.arg = &UNARY_##name },
	METHODS_UNARY(X)
#undef X
		{ .path = HEALTH "Check", .message = health_check },
	{ .path = HEALTH "Watch", .is_long = true, .message = health_watch },
	{ .path = "/" SERVICE_REFLECTION "/ServerReflectionInfo",
		.role = ROLE_CLIENT,
		.has_stream = true,
		.is_long = true,
		.message = reflection_message,
		.end = reflection_end },
	{ .path = "/" SERVICE_REFLECTION_ALPHA "/ServerReflectionInfo",
		.role = ROLE_CLIENT,
		.has_stream = true,
		.is_long = true,
		.message = reflection_message,
		.end = reflection_end },
};

const struct call_method *methods_find(const char *path)
{
	for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++)
		if (strcmp(METHODS[i].path, path) == 0)
			return &METHODS[i];
	return NULL;
}
