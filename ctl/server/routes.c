// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/routes.h"

#include "ctl/server/resources/deployment.h"
#include "ctl/server/resources/log_level.h"
#include "ctl/server/resources/metrics_get.h"
#include "ctl/server/resources/models_json.h"
#include "ctl/server/resources/stats.h"
#include "ctl/server/resources/status.h"
#include "ctl/server/resources/v2.h"
#include "ctl/server/resources/versions.h"

#include <event2/http.h>

const struct route ROUTES[] = {
	{ EVHTTP_REQ_GET, "/v1/status", status_get },
	{ EVHTTP_REQ_GET, "/v1/models", models_get_all },
	{ EVHTTP_REQ_PUT, "/v1/models/{model}/versions/{version}", version_put },
	{ EVHTTP_REQ_DELETE, "/v1/models/{model}/versions/{version}", version_delete },
	{ EVHTTP_REQ_PUT, "/v1/models/{model}/deployment", deployment_put },
	{ EVHTTP_REQ_POST, "/v1/models/{model}/rollback", rollback_post },
	{ EVHTTP_REQ_GET, "/v1/stats", stats_get },
	{ EVHTTP_REQ_GET, "/v1/drops", drops_get },
	{ EVHTTP_REQ_GET, "/v1/ports", ports_get },
	{ EVHTTP_REQ_GET, "/v1/lcores", lcores_get },
	{ EVHTTP_REQ_GET, "/v1/latency", latency_get },
	{ EVHTTP_REQ_GET, "/v1/log", log_level_get },
	{ EVHTTP_REQ_PUT, "/v1/log", log_level_put },
	{ EVHTTP_REQ_GET, "/v2", v2_get },
	{ EVHTTP_REQ_GET, "/v2/health/live", v2_live_get },
	{ EVHTTP_REQ_GET, "/v2/health/ready", v2_ready_get },
	{ EVHTTP_REQ_GET, "/v2/models/{model}", v2_model_get },
	{ EVHTTP_REQ_GET, "/v2/models/{model}/ready", v2_model_ready_get },
	{ EVHTTP_REQ_GET, "/v2/models/{model}/versions/{version}", v2_model_get },
	{ EVHTTP_REQ_GET, "/v2/models/{model}/versions/{version}/ready", v2_model_ready_get },
	{ EVHTTP_REQ_POST, "/v2/repository/index", index_post },
	{ EVHTTP_REQ_POST, "/v2/repository/models/{model}/load", load_post },
	{ EVHTTP_REQ_POST, "/v2/repository/models/{model}/unload", unload_post },
	{ EVHTTP_REQ_GET, "/metrics", metrics_get },
};

const size_t N_ROUTES = sizeof(ROUTES) / sizeof(ROUTES[0]);
