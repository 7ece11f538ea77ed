// SPDX-License-Identifier: BSD-3-Clause
// Paths to routes, JSON bodies, and deployment.json: what is taken and what each mistake is told.
#include "ctl/server/http/body.h"
#include "ctl/server/resources/infer.h"
#include "ctl/server/resources/status.h"
#include "ctl/server/resources/v2_model.h"
#include "ctl/server/resources/versions.h"
#include "ctl/server/routes.h"
#include "ctl/server/store/record.h"
#include "tests/cmocka.h"

#include <stdlib.h>
#include <string.h>

static const struct route *route;
static struct route_params params;
static char allow[ROUTE_ALLOW_BYTES];
static struct error err;

static int find(enum http_method method, const char *path)
{
	route = NULL;
	err.text[0] = '\0';
	return route_find(ROUTES, N_ROUTES, ROUTE_ALL, method, path, &route, &params, allow, &err);
}

static void find_known_path_gives_route_and_params(void **state)
{
	assert_int_equal(find(HTTP_GET, "/v1/status"), 200);
	assert_ptr_equal(route->handle, status_get);
	assert_int_equal(find(HTTP_PUT, "/v1/models/a.b-c_1/versions/65535"), 200);
	assert_ptr_equal(route->handle, version_put);
	assert_string_equal(params.model, "a.b-c_1");
	assert_int_equal(params.version, 65535);
	assert_int_equal(find(HTTP_GET, "/v2"), 200);
	assert_int_equal(find(HTTP_GET, "/v2/models/l%61b"), 200);
	assert_string_equal(params.model, "lab");
	assert_int_equal(params.version, 0);
	assert_int_equal(find(HTTP_POST, "/v1/models/l%61b:predict"), 200);
	assert_ptr_equal(route->handle, predict_post);
	assert_string_equal(params.model, "lab");
	assert_int_equal(find(HTTP_GET, "/v2/models/stats"), 200);
	assert_ptr_equal(route->handle, v2_stats_get_all);
}

static void find_takes_what_stands_behind_a_name(void **state)
{
	assert_int_equal(find(HTTP_POST, "/v1/models/lab"), 405);
	assert_int_equal(find(HTTP_GET, "/v1/models/lab:predict"), 405);
	assert_string_equal(allow, "POST");
	assert_int_equal(
		find(HTTP_PUT, "/v2/models/stats"), 405); // a model may have that name, too
	assert_string_equal(allow, "GET, HEAD");
	assert_int_equal(find(HTTP_POST, "/v1/models/:predict"), 404);
	assert_int_equal(find(HTTP_POST, "/v1/models/a:b:predict"), 404);
	assert_int_equal(find(HTTP_POST, "/v1/models/-a:predict"), 400);
}

static void body_drain_is_read_strictly(void **state)
{
	static const char *const BAD[] = { "{\"now\": 1}", "{\"later\": true}", "[]", "{" };
	struct body_drain body;

	assert_int_equal(body_drain_parse("", 0, &body, &err), 0);
	assert_int_equal(body.now, 0);
	assert_int_equal(body_drain_parse("{\"now\": true}", 13, &body, &err), 0);
	assert_int_equal(body.now, 1);
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		assert_int_equal(body_drain_parse(BAD[i], strlen(BAD[i]), &body, &err), -EINVAL);
}

static void body_logging_is_read_strictly(void **state)
{
	static const char *const WRONG[] = { "{\"log_info\":1}", "{\"log_file\":\"/x\"}",
		"{\"log_verbose_level\":-1}", "{\"log_verbose_level\":true}", "{\"level\":1}",
		"[]" };
	static const char ALL[] =
		"{\"log_file\":\"\",\"log_info\":false,\"log_warning\":true,"
		"\"log_error\":true,\"log_verbose_level\":2,\"log_format\":\"default\"}";
	struct body_logging body;

	assert_int_equal(body_logging_parse(ALL, strlen(ALL), &body, &err), 0);
	assert_int_equal(body.info, 0);
	assert_int_equal(body.warning, 1);
	assert_int_equal(body.error, 1);
	assert_int_equal(body.verbose_level, 1);
	assert_int_equal(body_logging_parse("", 0, &body, &err), 0);
	assert_int_equal(body.info, -1);
	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++)
		assert_int_equal(
			body_logging_parse(WRONG[i], strlen(WRONG[i]), &body, &err), -EINVAL);
}

// tritonclient always says "unload_dependents".
static void body_of_load_and_unload_brings_no_model(void **state)
{
	static const char FINE[] = "{\"parameters\":{\"unload_dependents\":false}}";
	static const char *const WRONG[] = { "{\"parameters\":{\"config\":\"{}\"}}",
		"{\"parameters\":{\"file:1/model.onnx\":\"\"}}", "{\"parameters\":1}",
		"{\"a\":1}" };

	assert_int_equal(body_repository_parse("", 0, NULL, &err), 0);
	assert_int_equal(body_repository_parse("{}", 2, NULL, &err), 0);
	assert_int_equal(body_repository_parse(FINE, strlen(FINE), NULL, &err), 0);
	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++)
		assert_int_equal(
			body_repository_parse(WRONG[i], strlen(WRONG[i]), NULL, &err), -EINVAL);
}

static void find_unknown_path_is_404(void **state)
{
	static const char *const PATHS[] = { "", "/", "/v1", "/v1/", "/v1/status/", "/v1//status",
		"/v1/models/", "/v1/models//deployment", "/v1/models/a/versions/", "/V1/STATUS",
		"/v1/statusx", "/v2/models/a/versions/1/ready/x", "v1/status" };

	for (size_t i = 0; i < sizeof(PATHS) / sizeof(PATHS[0]); i++)
		if (find(HTTP_GET, PATHS[i]) != 404 || !err.text[0])
			fail_msg("'%s' is not 404", PATHS[i]);
}

static void find_wrong_method_is_405_with_allow(void **state)
{
	assert_int_equal(find(HTTP_DELETE, "/v1/status"), 405);
	assert_string_equal(allow, "GET, HEAD");
	assert_int_equal(find(HTTP_POST, "/v1/models/lab/versions/1"), 405);
	assert_string_equal(allow, "PUT, GET, HEAD, DELETE");
}

static void find_bad_name_or_version_is_400(void **state)
{
	static const char *const PATHS[] = { "/v1/models/../versions/1",
		"/v1/models/..%2fa/versions/1", "/v1/models/a%/versions/1",
		"/v1/models/a%6/versions/1", "/v1/models/a%g0/versions/1",
		"/v1/models/a%00b/versions/1", "/v1/models/.hidden/versions/1",
		"/v1/models/a%20b/versions/1", "/v1/models/\xff/versions/1",
		("/v1/models/a123456789b123456789c123456789d123456789e123456789f123456789g123/"
		 "versions/1"),
		"/v1/models/a/versions/0", "/v1/models/a/versions/65536",
		"/v1/models/a/versions/01", "/v1/models/a/versions/-1",
		"/v1/models/a/versions/1.mlt", "/v1/models/a/versions/99999999999999999999" };

	for (size_t i = 0; i < sizeof(PATHS) / sizeof(PATHS[0]); i++)
		if (find(HTTP_PUT, PATHS[i]) != 400 || !err.text[0])
			fail_msg("'%s' is not 400", PATHS[i]);
}

// A route's path with its {model} and {version} filled in.
static void fill(char path[256], const char *pattern, const char *model, const char *version)
{
	size_t n = 0;

	while (*pattern) {
		const char *with = NULL;

		if (strncmp(pattern, "{model}", 7) == 0)
			with = model;
		else if (strncmp(pattern, "{version}", 9) == 0)
			with = version;
		if (with)
			n += (size_t)snprintf(path + n, 256 - n, "%s", with);
		else
			path[n++] = *pattern;
		pattern += with ? strcspn(pattern, "}") + 1 : 1;
	}
	path[n] = '\0';
}

static bool is_taken(enum http_method method, const char *pattern)
{
	method = method == HTTP_HEAD ? HTTP_GET : method;
	for (size_t i = 0; i < N_ROUTES; i++)
		if (ROUTES[i].method == method && strcmp(ROUTES[i].path, pattern) == 0)
			return true;
	return false;
}

static void check_route(const struct route *r)
{
	static const enum http_method METHODS[] = { HTTP_GET, HTTP_PUT, HTTP_POST, HTTP_DELETE,
		HTTP_PATCH, HTTP_OPTIONS, HTTP_HEAD };
	char path[256];

	fill(path, r->path, "lab", "3");
	assert_int_equal(find(r->method, path), 200);
	assert_ptr_equal(route, r);
	for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++)
		assert_int_equal(find(METHODS[i], path), is_taken(METHODS[i], r->path) ? 200 : 405);
	strcat(path, "/x/y");
	assert_int_equal(find(r->method, path), 404);
	if (strstr(r->path, "{model}")) {
		fill(path, r->path, "-lab", "3");
		assert_int_equal(find(r->method, path), 400);
		assert_non_null(strstr(err.text, "is no model's name"));
	}
	if (strstr(r->path, "{version}")) {
		fill(path, r->path, "lab", "0");
		assert_int_equal(find(r->method, path), 400);
		assert_non_null(strstr(err.text, "is no version"));
	}
}

// A path that the listener serves by another method.
static bool is_served_otherwise(const char *path, unsigned serves)
{
	for (size_t i = 0; i < N_ROUTES; i++)
		if (serves & ROUTES[i].service && strcmp(ROUTES[i].path, path) == 0)
			return true;
	return false;
}

// A listener has the routes of what it serves, and to it there are no others.
static void find_of_another_service_is_404(void **state)
{
	for (size_t i = 0; i < N_ROUTES; i++) {
		const struct route *r = &ROUTES[i];
		char path[256];

		fill(path, r->path, "lab", "3");
		for (unsigned serves = 1; serves <= ROUTE_ALL; serves++)
			assert_int_equal(route_find(ROUTES, N_ROUTES, serves, r->method, path,
						 &route, &params, allow, &err),
				serves & r->service                            ? 200
					: is_served_otherwise(r->path, serves) ? 405
									       : 404);
	}
	assert_int_equal(route_find(ROUTES, N_ROUTES, ROUTE_METRICS, HTTP_GET, "/v1/status", &route,
				 &params, allow, &err),
		404);
	assert_string_equal(err.text, "there is no /v1/status here; see /metrics");
}

static void every_route_refuses_what_it_must(void **state)
{
	for (size_t i = 0; i < N_ROUTES; i++)
		check_route(&ROUTES[i]);
}

static void body_deployment_is_read_strictly(void **state)
{
	static const struct {
		const char *text, *sentence;
	} bad[] = {
		{ "", "\"live\" is missing" },
		{ "{}", "\"live\" is missing" },
		{ "{\"live\":", "not JSON: line 1" },
		{ "[1]", "must be a JSON object" },
		{ "{\"live\":1,\"live\":2}", "duplicate" },
		{ "{\"live\":1,\"cannery\":{}}",
			"unknown key \"cannery\"; known here: \"id\", \"live\", \"canary\"" },
		{ "{\"canary\":{}}", "\"canary\" needs \"version\" and \"permille\"" },
		{ "{\"canary\":4}", "\"canary\" must be null or as" },
		{ "{\"canary\":{\"version\":4,\"permille\":1001}}", "from 0 to 1000" },
		{ "{\"canary\":{\"version\":4,\"percent\":5}}", "unknown key \"percent\"" },
		{ "{\"canary\":{\"version\":4,\"key\":\"\"}}", "\"key\" must be" },
		{ "{\"canary\":{\"version\":4,\"key\":-1}}", "\"key\" must be" },
		{ "{\"canary\":{\"bounds\":[1]}}", "\"bounds\" must be null or as" },
		{ "{\"canary\":{\"bounds\":{\"differs\":1}}}",
			"unknown key \"differs\"; known here: \"differ\", \"mean\"" },
		{ "{\"canary\":{\"bounds\":{\"differ\":1.5}}}",
			"\"differ\" must be a number from 0 to 1" },
		{ "{\"canary\":{\"bounds\":{\"mean\":\"1\"}}}",
			"\"mean\" must be a number from 0 to 1e30" },
		{ "{\"canary\":{\"bounds\":{\"alpha\":0}}}",
			"\"alpha\" must be a number from 1e-9 to 0.5" },
		{ "{\"canary\":{\"bounds\":{\"rows_min\":1.5}}}",
			"\"rows_min\" must be a whole number from 1 to 4294967295" },
		{ "{\"shadow\":0}", "\"shadow\" must be a whole number" },
		{ "{\"pinned\":[1,2,3,4,5]}", "at most 4 versions" },
		{ "{\"pinned\":[1,1]}", "holds version 1 twice" },
		{ "{\"pinned\":[0]}", "from 1 to 65535" },
		{ "{\"live\":\"1\"}", "\"live\" must be a whole number from 1 to 65535" },
		{ "{\"live\":1.0}", "\"live\" must be a whole number" },
		{ "{\"live\":0}", "\"live\" must be a whole number" },
		{ "{\"live\":65536}", "\"live\" must be a whole number" },
		{ "{\"live\":1,\"id\":true}", "\"id\" must be a whole number" },
		{ "{\"live\":1} x", "not JSON" },
	};
	static const char BOUNDS[] =
		"{\"canary\":{\"bounds\":{\"differ\":0.02,\"latency\":2,\"rows_min\":100}}}";
	static const char WHOLE[] =
		"{\"canary\":{\"version\":4,\"permille\":50,\"key\":2},"
		"\"shadow\":null,\"pinned\":[1,2]}";
	struct body_deployment body;

	assert_int_equal(body_deployment_parse("{\"id\":7,\"live\":3}", 17, &body, &err), 0);
	assert_int_equal(body.id, 7);
	assert_int_equal(body.live, 3);
	assert_int_equal(body_deployment_parse(WHOLE, strlen(WHOLE), &body, &err), 0);
	assert_true(body.has_canary && body.has_permille && body.has_key && body.has_shadow);
	assert_int_equal(body.canary, 4);
	assert_int_equal(body.permille, 50);
	assert_string_equal(body.key, "2");
	assert_int_equal(body.shadow, 0);
	assert_true(body.has_pinned && body.n_pinned == 2 && body.pinned[1] == 2);
	assert_false(body.has_bounds);
	assert_int_equal(body_deployment_parse(BOUNDS, strlen(BOUNDS), &body, &err), 0);
	assert_true(body.has_bounds && body.bounds.is_given[BOUND_LATENCY] &&
		!body.bounds.is_given[BOUND_MEAN] && body.bounds.value[BOUND_DIFFER] == 0.02);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int rc = body_deployment_parse(bad[i].text, strlen(bad[i].text), &body, &err);

		if (rc != -EINVAL || !strstr(err.text, bad[i].sentence))
			fail_msg("'%s': %d '%s'", bad[i].text, rc, err.text);
	}
}

static void body_empty_takes_nothing_else(void **state)
{
	struct body_index index;

	assert_int_equal(body_empty_parse("", 0, NULL, &err), 0);
	assert_int_equal(body_empty_parse("{}", 2, NULL, &err), 0);
	assert_int_equal(body_empty_parse("{\"a\":1}", 7, NULL, &err), -EINVAL);
	assert_int_equal(body_index_parse("{\"ready\":true}", 14, &index, &err), 0);
	assert_int_equal(index.ready, 1);
	assert_int_equal(body_index_parse("{\"ready\":1}", 11, &index, &err), -EINVAL);
}

static void body_too_large_is_refused(void **state)
{
	static char big[BODY_JSON_BYTES_MAX + 1];

	memset(big, ' ', sizeof(big));
	assert_int_equal(body_empty_parse(big, sizeof(big), NULL, &err), -EFBIG);
	assert_non_null(strstr(err.text, "65537 bytes"));
}

#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void record_promote_keeps_history(void **state)
{
	struct record r = { .id = 7 };

	record_promote(&r, 1, SUM);
	assert_int_equal(r.n_previous, 0);
	record_promote(&r, 2, SUM);
	record_promote(&r, 3, SUM);
	assert_int_equal(r.previous[0].live.version, 2);
	assert_int_equal(r.previous[1].live.version, 1);
	record_promote(&r, r.previous[0].live.version, SUM); // a rollback
	assert_int_equal(r.live.version, 2);
	assert_int_equal(r.n_previous, 2);
	assert_int_equal(r.previous[0].live.version, 3);
	record_promote(&r, 2, SUM); // again: nothing changes
	assert_int_equal(r.previous[0].live.version, 3);
	assert_true(record_forget(&r, 3));
	assert_false(record_forget(&r, 3));
	assert_int_equal(r.previous[0].live.version, 1);
	for (uint16_t v = 10; v < 40; v++)
		record_promote(&r, v, SUM);
	assert_int_equal(r.n_previous, RECORD_PREVIOUS_MAX);
	assert_int_equal(r.previous[0].live.version, 38);
}

static void record_format_comes_back(void **state)
{
	struct record r = { .id = 7,
		.loaded = true,
		.revision = 12,
		.by = "uid 1000",
		.change = "live 2 to 3, canary 4",
		.at = 1764398000,
		.live = { 3, SUM },
		.canary = { 4, SUM },
		.permille = 50,
		.key = 2,
		.bounds = { { true, false, true, true, true }, { 0.02, 0, 1.5, 0.1, 1000 } },
		.shadow = { 5, SUM },
		.pinned = { { 1, SUM }, { 3, "" } },
		.n_pinned = 2,
		.previous = { { .live = { 2, SUM }, .revision = 9, .by = "uid 0", .at = 17 },
			{ .live = { 1, "" } } },
		.n_previous = 2 };
	struct record back;
	char *text = record_format(&r);

	assert_int_equal(record_parse(text, strlen(text), &back, &err), 0);
	assert_true(record_is_same(&r, &back));
	assert_true(bounds_equal(&r.bounds, &back.bounds));
	assert_non_null(strstr(text, "\"bounds\":[0.02,null,1.5,"));
	for (size_t n = 0; n < strlen(text); n++) // every torn one is refused
		assert_int_equal(record_parse(text, n, &back, &err), -EINVAL);
	for (size_t n = 0; n < 8 * strlen(text); n++) { // and every flipped bit that changes it
		text[n / 8] ^= (char)(1 << n % 8);
		if (record_parse(text, strlen(text), &back, &err) == 0)
			assert_true(record_is_same(&r, &back));
		text[n / 8] ^= (char)(1 << n % 8);
	}
	free(text);
}

static void record_of_the_longest_fits(void **state)
{
	struct record back, r = { .id = 65535, .revision = UINT64_MAX / 2, .at = INT64_MAX };
	char *text;

	memset(r.by, 'x', sizeof(r.by) - 1);
	memset(r.change, 'x', sizeof(r.change) - 1);
	for (uint16_t v = 65535; v > 65515; v--)
		record_promote(&r, v, SUM);
	record_set_version(&r.canary, 65500, SUM);
	record_set_version(&r.shadow, 65501, SUM);
	r.permille = 1000;
	r.key = UINT16_MAX;
	r.bounds = (struct bounds){ { true, true, true, true, true },
		{ 1.0 / 3 * 1e-300, 1.0 / 3 * 1e-300, 1.0 / 3 * 1e-300, 1.0 / 3, 4294967295.0 } };
	for (r.n_pinned = 0; r.n_pinned < RECORD_PINNED_MAX; r.n_pinned++)
		record_set_version(&r.pinned[r.n_pinned], (uint16_t)(65502 + r.n_pinned), SUM);
	text = record_format(&r);
	assert_int_equal(record_parse(text, strlen(text), &back, &err), 0);
	assert_true(record_is_same(&r, &back));
	free(text);
}

// What a martletd before wrote is read; what a later one writes is not taken for damaged.
static void record_of_another_martletd(void **state)
{
	static const char OLD[] = "{\"id\":7,\"live\":3,\"previous\":[2,1],\"loaded\":true}";
	static const char OLD_2[] =
		"{\"format\":2,\"id\":7,\"live\":3,\"sha256\":\"" SUM
		"\",\"previous\":[2,1],\"loaded\":true,\"checksum\":"
		"\"b06fa3b7c4ab492a7a04b9942f0ad4e823c88d3ebcd082a86fe06e0e01338cad\"}";
	static const char LATER[] = "{\"format\":4,\"id\":7}";
	struct record want = { .id = 7,
		.loaded = true,
		.revision = 1,
		.live = { 3, "" },
		.key = RECORD_KEY_ID,
		.previous = { { .live = { 2, "" } }, { .live = { 1, "" } } },
		.n_previous = 2 };
	struct record r;
	char *text;

	assert_int_equal(record_parse(OLD, strlen(OLD), &r, &err), 0);
	assert_true(record_is_same(&r, &want));
	text = record_format(&r); // written anew without the sum of an image that is not known
	assert_int_equal(record_parse(text, strlen(text), &r, &err), 0);
	assert_true(record_is_same(&r, &want));
	free(text);
	assert_int_equal(record_parse(OLD_2, strlen(OLD_2), &r, &err), 0);
	record_set_version(&want.live, 3, SUM);
	assert_true(record_is_same(&r, &want));
	assert_int_equal(record_parse(LATER, strlen(LATER), &r, &err), -ENOTSUP);
	assert_string_equal(err.text, "is of format 4, of a later martletd; this one reads 1 to 3");
}

static void record_says_what_a_version_is_there_for(void **state)
{
	struct record r = { .id = 7,
		.loaded = true,
		.live = { 3, "" },
		.canary = { 4, "" },
		.shadow = { 5, "" },
		.pinned = { { 1, "" } },
		.n_pinned = 1,
		.previous = { { .live = { 2, "" } }, { .live = { 9, "" } } },
		.n_previous = 2 };

	assert_string_equal(record_holds(&r, 3), "live");
	assert_string_equal(record_holds(&r, 4), "canary");
	assert_string_equal(record_holds(&r, 5), "shadow");
	assert_string_equal(record_holds(&r, 1), "pinned");
	assert_string_equal(record_holds(&r, 2), "the deployment before");
	assert_null(record_holds(&r, 9));
	r.loaded = false;
	assert_null(record_holds(&r, 3));
	assert_string_equal(record_role(&r, 3), "live");
}

static void record_that_is_none_is_refused(void **state)
{
	static const char *const TEXTS[] = { "", "[]", "{}", "7", "null",
		"{\"id\":0,\"live\":3,\"previous\":[],\"loaded\":true}",
		"{\"id\":7,\"live\":3,\"previous\":[0],\"loaded\":true}",
		"{\"id\":7,\"live\":3,\"previous\":[],\"loaded\":1}",
		"{\"id\":7,\"live\":3,\"previous\":[],\"loaded\":true,\"more\":1}",
		"{\"format\":1,\"id\":7,\"live\":3,\"previous\":[],\"loaded\":true}",
		"{\"format\":2,\"id\":7,\"live\":3,\"previous\":[],\"loaded\":true}",
		"{\"format\":3,\"id\":7,\"live\":3,\"previous\":[],\"loaded\":true}" };
	struct record r;

	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		assert_int_equal(record_parse(TEXTS[i], strlen(TEXTS[i]), &r, &err), -EINVAL);
		assert_int_equal(r.id, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(find_known_path_gives_route_and_params),
		cmocka_unit_test(find_takes_what_stands_behind_a_name),
		cmocka_unit_test(body_drain_is_read_strictly),
		cmocka_unit_test(body_logging_is_read_strictly),
		cmocka_unit_test(body_of_load_and_unload_brings_no_model),
		cmocka_unit_test(find_unknown_path_is_404),
		cmocka_unit_test(find_wrong_method_is_405_with_allow),
		cmocka_unit_test(find_bad_name_or_version_is_400),
		cmocka_unit_test(every_route_refuses_what_it_must),
		cmocka_unit_test(find_of_another_service_is_404),
		cmocka_unit_test(body_deployment_is_read_strictly),
		cmocka_unit_test(body_empty_takes_nothing_else),
		cmocka_unit_test(body_too_large_is_refused),
		cmocka_unit_test(record_promote_keeps_history),
		cmocka_unit_test(record_format_comes_back),
		cmocka_unit_test(record_says_what_a_version_is_there_for),
		cmocka_unit_test(record_of_the_longest_fits),
		cmocka_unit_test(record_of_another_martletd),
		cmocka_unit_test(record_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
