// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/routes.h"

#include "ctl/server/resources/announce.h"
#include "ctl/server/resources/audit_get.h"
#include "ctl/server/resources/change.h"
#include "ctl/server/resources/clients_get.h"
#include "ctl/server/resources/compare_get.h"
#include "ctl/server/resources/config.h"
#include "ctl/server/resources/deployment.h"
#include "ctl/server/resources/drain_get.h"
#include "ctl/server/resources/drift_get.h"
#include "ctl/server/resources/infer.h"
#include "ctl/server/resources/log_level.h"
#include "ctl/server/resources/metrics_get.h"
#include "ctl/server/resources/models_json.h"
#include "ctl/server/resources/retention.h"
#include "ctl/server/resources/stats.h"
#include "ctl/server/resources/status.h"
#include "ctl/server/resources/tokens_get.h"
#include "ctl/server/resources/v2.h"
#include "ctl/server/resources/v2_model.h"
#include "ctl/server/resources/version_get.h"
#include "ctl/server/resources/versions.h"

// Whether it changes something, by which it is recorded who asked.
enum { READS, CHANGES };

const struct route ROUTES[] = {
	{ HTTP_GET, "/v1/status", ROUTE_MANAGE, ROLE_VIEWER, READS, status_get, NULL },
	{ HTTP_GET, "/v1/models", ROUTE_MANAGE, ROLE_VIEWER, READS, models_get_all, NULL },
	{ HTTP_PUT, "/v1/models/{model}/versions/{version}", ROUTE_MANAGE, ROLE_OPERATOR, CHANGES,
		version_put, version_accepts },
	{ HTTP_GET, "/v1/models/{model}/versions/{version}", ROUTE_MANAGE, ROLE_OPERATOR, READS,
		version_get, NULL },
	{ HTTP_GET, "/v1/models/{model}/versions/{version}/signature", ROUTE_MANAGE, ROLE_VIEWER,
		READS, signature_get, NULL },
	{ HTTP_DELETE, "/v1/models/{model}/versions/{version}", ROUTE_MANAGE, ROLE_OPERATOR,
		CHANGES, version_delete, NULL },
	{ HTTP_GET, "/v1/models/{model}/versions", ROUTE_MANAGE, ROLE_VIEWER, READS, versions_get,
		NULL },
	{ HTTP_DELETE, "/v1/models/{model}", ROUTE_MANAGE, ROLE_OPERATOR, CHANGES, model_delete,
		NULL },
	{ HTTP_GET, "/v1/models/{model}/retention", ROUTE_MANAGE, ROLE_VIEWER, READS, retention_get,
		NULL },
	{ HTTP_PUT, "/v1/models/{model}/retention", ROUTE_MANAGE, ROLE_OPERATOR, CHANGES,
		retention_put, NULL },
	{ HTTP_PUT, "/v1/models/{model}/deployment", ROUTE_MANAGE, ROLE_OPERATOR, CHANGES,
		deployment_put, NULL },
	{ HTTP_GET, "/v1/models/{model}/deployment", ROUTE_MANAGE, ROLE_VIEWER, READS,
		deployment_get, NULL },
	{ HTTP_GET, "/v1/models/{model}/deployments", ROUTE_MANAGE, ROLE_VIEWER, READS,
		deployments_get, NULL },
	{ HTTP_GET, "/v1/models/{model}/drift", ROUTE_MANAGE, ROLE_VIEWER, READS, drift_get, NULL },
	{ HTTP_POST, "/v1/models/{model}/rollback", ROUTE_MANAGE, ROLE_OPERATOR, CHANGES,
		rollback_post, NULL },
	{ HTTP_GET, "/v1/models/{model}/change", ROUTE_MANAGE, ROLE_VIEWER, READS, change_get,
		NULL },
	{ HTTP_GET, "/v1/models/{model}/compare", ROUTE_MANAGE, ROLE_VIEWER, READS, compare_get,
		NULL },
	{ HTTP_GET, "/v1/stats", ROUTE_MANAGE, ROLE_VIEWER, READS, stats_get, NULL },
	{ HTTP_POST, "/v1/stats/reset", ROUTE_MANAGE, ROLE_OPERATOR, CHANGES, stats_reset_post,
		NULL },
	{ HTTP_GET, "/v1/drops", ROUTE_MANAGE, ROLE_VIEWER, READS, drops_get, NULL },
	{ HTTP_GET, "/v1/clients", ROUTE_MANAGE, ROLE_VIEWER, READS, clients_get, NULL },
	{ HTTP_GET, "/v1/ports", ROUTE_MANAGE, ROLE_VIEWER, READS, ports_get, NULL },
	{ HTTP_POST, "/v1/announce", ROUTE_MANAGE, ROLE_OPERATOR, CHANGES, announce_post, NULL },
	{ HTTP_GET, "/v1/drain", ROUTE_MANAGE, ROLE_VIEWER, READS, drain_get, NULL },
	{ HTTP_POST, "/v1/drain", ROUTE_MANAGE, ROLE_OPERATOR, CHANGES, drain_post, NULL },
	{ HTTP_GET, "/v1/lcores", ROUTE_MANAGE, ROLE_VIEWER, READS, lcores_get, NULL },
	{ HTTP_GET, "/v1/latency", ROUTE_MANAGE, ROLE_VIEWER, READS, latency_get, NULL },
	{ HTTP_GET, "/v1/config", ROUTE_MANAGE, ROLE_VIEWER, READS, config_get, NULL },
	{ HTTP_PUT, "/v1/config", ROUTE_MANAGE, ROLE_ADMIN, CHANGES, config_put, config_accepts },
	{ HTTP_POST, "/v1/config/check", ROUTE_MANAGE, ROLE_ADMIN, READS, config_check_post,
		config_accepts },
	{ HTTP_GET, "/v1/tokens", ROUTE_MANAGE, ROLE_ADMIN, READS, tokens_get, NULL },
	{ HTTP_GET, "/v1/audit", ROUTE_MANAGE, ROLE_OPERATOR, READS, audit_get, NULL },
	{ HTTP_GET, "/v1/log", ROUTE_MANAGE, ROLE_VIEWER, READS, log_level_get, NULL },
	{ HTTP_PUT, "/v1/log", ROUTE_MANAGE, ROLE_OPERATOR, CHANGES, log_level_put, NULL },
	{ HTTP_GET, "/v2", ROUTE_INFER, ROLE_CLIENT, READS, v2_get, NULL },
	{ HTTP_GET, "/v2/health/live", ROUTE_INFER, ROLE_NONE, READS, v2_live_get, NULL },
	{ HTTP_GET, "/v2/health/ready", ROUTE_INFER, ROLE_NONE, READS, v2_ready_get, NULL },
	{ HTTP_GET, "/v2/models/stats", ROUTE_INFER, ROLE_CLIENT, READS, v2_stats_get_all, NULL },
	{ HTTP_GET, "/v2/models/{model}", ROUTE_INFER, ROLE_CLIENT, READS, v2_model_get, NULL },
	{ HTTP_GET, "/v2/models/{model}/config", ROUTE_INFER, ROLE_CLIENT, READS, v2_config_get,
		NULL },
	{ HTTP_GET, "/v2/models/{model}/stats", ROUTE_INFER, ROLE_CLIENT, READS, v2_stats_get,
		NULL },
	{ HTTP_GET, "/v2/models/{model}/versions/{version}/config", ROUTE_INFER, ROLE_CLIENT, READS,
		v2_config_get, NULL },
	{ HTTP_GET, "/v2/models/{model}/versions/{version}/stats", ROUTE_INFER, ROLE_CLIENT, READS,
		v2_stats_get, NULL },
	{ HTTP_GET, "/v2/models/{model}/ready", ROUTE_INFER, ROLE_CLIENT, READS, v2_model_ready_get,
		NULL },
	{ HTTP_GET, "/v2/models/{model}/versions/{version}", ROUTE_INFER, ROLE_CLIENT, READS,
		v2_model_get, NULL },
	{ HTTP_GET, "/v2/models/{model}/versions/{version}/ready", ROUTE_INFER, ROLE_CLIENT, READS,
		v2_model_ready_get, NULL },
	{ HTTP_POST, "/v2/models/{model}/infer", ROUTE_INFER, ROLE_CLIENT, READS, infer_post,
		infer_accepts },
	{ HTTP_POST, "/v2/models/{model}/versions/{version}/infer", ROUTE_INFER, ROLE_CLIENT, READS,
		infer_post, infer_accepts },
	{ HTTP_GET, "/v1/models/{model}", ROUTE_INFER, ROLE_CLIENT, READS, v2_model_ready_get,
		NULL },
	{ HTTP_POST, "/v1/models/{model}:predict", ROUTE_INFER, ROLE_CLIENT, READS, predict_post,
		infer_accepts },
	{ HTTP_GET, "/v2/logging", ROUTE_MANAGE, ROLE_VIEWER, READS, logging_get, NULL },
	{ HTTP_POST, "/v2/logging", ROUTE_MANAGE, ROLE_OPERATOR, CHANGES, logging_post, NULL },
	{ HTTP_POST, "/v2/repository/index", ROUTE_MANAGE, ROLE_VIEWER, READS, index_post, NULL },
	{ HTTP_POST, "/v2/repository/models/{model}/load", ROUTE_MANAGE, ROLE_OPERATOR, CHANGES,
		load_post, NULL },
	{ HTTP_POST, "/v2/repository/models/{model}/unload", ROUTE_MANAGE, ROLE_OPERATOR, CHANGES,
		unload_post, NULL },
	{ HTTP_GET, "/metrics", ROUTE_METRICS, ROLE_CLIENT, READS, metrics_get, NULL },
};

const size_t N_ROUTES = sizeof(ROUTES) / sizeof(ROUTES[0]);
