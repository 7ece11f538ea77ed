// SPDX-License-Identifier: BSD-3-Clause
// registry: publish, replace, retire; grace periods; refusals leave everything as it was.
#include "dataplane/hold.h"

#include "tests/unit/stand_in_model.h"

#include <rte_malloc.h>
// cmocka wants the three above first

// Under test, calling the stand-in model.
#include "dataplane/hold.c"
#include "dataplane/registry.c"
#include "tests/cmocka.h"

static struct registry *registry;
static struct rte_rcu_qsbr *qsbr;
static struct error err;

static int publish(uint16_t id, const char *name, uint16_t version, struct model *model)
{
	const struct deployment_request request = {
		.id = id, .name = name, .version = version, .model = model
	};
	int code = registry_publish(registry, &request, &err);

	if (code)
		model_close(model); // a refused model is still the caller's
	return code;
}

static int set_up(void **state)
{
	stand_in_models_closed = 0;
	qsbr = aligned_alloc(64, rte_rcu_qsbr_get_memsize(2));
	if (rte_rcu_qsbr_init(qsbr, 2) != 0)
		return -1;
	for (unsigned i = 0; i < 2; i++) {
		rte_rcu_qsbr_thread_register(qsbr, i);
		rte_rcu_qsbr_thread_online(qsbr, i);
	}
	return registry_create(2, 64 * 1024, 1500, qsbr, &registry, &err);
}

static int tear_down(void **state)
{
	registry_destroy(registry);
	free(qsbr);
	return 0;
}

static void both_quiescent(void)
{
	rte_rcu_qsbr_quiescent(qsbr, 0);
	rte_rcu_qsbr_quiescent(qsbr, 1);
}

static void published_model_is_found(void **state)
{
	struct model *model = stand_in_model(4, 3, 0);
	const struct deployment *deployment;

	assert_null(registry_lookup(registry, 7));
	assert_int_equal(publish(7, "lab", 2, model), 0);
	deployment = registry_lookup(registry, 7);
	assert_ptr_equal(deployment->model, model);
	assert_int_equal(deployment->version, 2);
	assert_int_equal(deployment->n_features, 4);
	assert_int_equal(deployment->n_outputs, 3);
	assert_string_equal(deployment->name, "lab");
	assert_true(deployment->stats[0] != deployment->stats[1]);
	assert_null(registry_lookup(registry, 8));
}

static void replaced_model_waits_for_its_grace_period(void **state)
{
	publish(7, "lab", 1, stand_in_model(4, 3, 0));
	publish(7, "lab", 2, stand_in_model(4, 3, 0));
	assert_int_equal(registry_lookup(registry, 7)->version, 2);
	registry_reclaim(registry);
	assert_int_equal(stand_in_models_closed, 0);
	rte_rcu_qsbr_quiescent(qsbr, 0);
	registry_reclaim(registry);
	assert_int_equal(stand_in_models_closed, 0); // lcore 1 may still read it
	rte_rcu_qsbr_quiescent(qsbr, 1);
	registry_reclaim(registry);
	assert_int_equal(stand_in_models_closed, 1);
}

static void sleeping_lcore_is_not_waited_for(void **state)
{
	publish(7, "lab", 1, stand_in_model(4, 3, 0));
	rte_rcu_qsbr_thread_offline(qsbr, 1);
	publish(7, "lab", 2, stand_in_model(4, 3, 0));
	rte_rcu_qsbr_quiescent(qsbr, 0);
	registry_reclaim(registry);
	assert_int_equal(stand_in_models_closed, 1);
}

static void retired_model_is_gone_then_freed(void **state)
{
	publish(7, "lab", 1, stand_in_model(4, 3, 0));
	assert_int_equal(registry_retire(registry, 7, &err), 0);
	assert_null(registry_lookup(registry, 7));
	assert_int_equal(stand_in_models_closed, 0);
	both_quiescent();
	registry_reclaim(registry);
	assert_int_equal(stand_in_models_closed, 1);
	assert_int_equal(registry_retire(registry, 7, &err), -ENOENT);
	assert_non_null(strstr(err.text, "7"));
}

static void held_model_stays_until_it_is_given_back(void **state)
{
	struct deployment_hold hold, other;

	publish(7, "lab", 1, stand_in_model(4, 3, 0));
	assert_false(hold_take(registry, 8, 0, &other));
	assert_null(other.deployment);
	assert_true(hold_take(registry, 7, 0, &hold));
	assert_string_equal(hold.name, "lab");
	assert_int_equal(hold.version, 1);
	publish(7, "lab", 2, stand_in_model(4, 3, 0));
	publish(7, "lab", 3, stand_in_model(4, 3, 0));
	both_quiescent();
	registry_reclaim(registry);
	assert_int_equal(stand_in_models_closed, 1); // version 2, though it was retired later
	assert_int_equal(model_info(hold.model)->n_features, 4);
	hold_release(registry, &hold);
	assert_int_equal(stand_in_models_closed, 2);
	hold_release(registry, &other); // nothing is held there
}

static void count_of_the_api_goes_beside_that_of_the_lcores(void **state)
{
	const struct api_outcome scored = { .status = WIRE_STATUS_OK,
		.rows = 3,
		.not_finite = 1,
		.total_ns = 10,
		.queue_ns = 1,
		.input_ns = 2,
		.infer_ns = 3,
		.output_ns = 4 };
	const struct api_outcome late = { .status = WIRE_STATUS_EXPIRED, .total_ns = 7 };
	struct deployment_hold hold;
	struct registry_api *api;

	publish(7, "lab", 1, stand_in_model(4, 3, 0));
	assert_true(hold_take(registry, 7, 0, &hold));
	hold_count(&hold, &scored);
	hold_count(&hold, &scored);
	hold_count(&hold, &late);
	api = registry_api(registry, 7);
	assert_int_equal(api->figures.requests, 2);
	assert_int_equal(api->figures.rows, 6);
	assert_int_equal(api->figures.not_finite, 2);
	assert_int_equal(api->figures.total_ns, 20);
	assert_int_equal(api->figures.queue_ns + api->figures.input_ns, 6);
	assert_int_equal(api->figures.infer_ns + api->figures.output_ns, 14);
	assert_int_equal(api->figures.refused[WIRE_STATUS_EXPIRED], 1);
	assert_int_equal(api->figures.refused_ns, 7);
	assert_int_equal(api->latency.count, 3);
	assert_int_not_equal(api->figures.last_ms, 0);
	assert_int_equal(registry_lookup(registry, 7)->stats[0]->requests, 0);
	assert_int_equal(registry_retire(registry, 7, &err), 0);
	both_quiescent();
	hold_count(&hold, &scored); // its counters are going: nowhere to count
	assert_null(registry_api(registry, 7));
	hold_release(registry, &hold);
	assert_int_equal(stand_in_models_closed, 1);
}

// While a request waited its model went, and its id became another's.
static void count_of_the_api_is_not_that_of_the_next_model(void **state)
{
	const struct api_outcome scored = { .status = WIRE_STATUS_OK, .rows = 3 };
	struct deployment_hold hold;

	publish(7, "lab", 1, stand_in_model(4, 3, 0));
	assert_true(hold_take(registry, 7, 0, &hold));
	assert_int_equal(registry_retire(registry, 7, &err), 0);
	publish(7, "other", 1, stand_in_model(4, 3, 0));
	hold_count(&hold, &scored);
	assert_int_equal(registry_api(registry, 7)->figures.requests, 0);
	hold_release(registry, &hold);
	assert_true(hold_take(registry, 7, 0, &hold));
	hold_count(&hold, &scored);
	assert_int_equal(registry_api(registry, 7)->figures.requests, 1);
	hold_release(registry, &hold);
}

static void counters_outlive_versions(void **state)
{
	struct slot_stats *stats, total;

	publish(7, "lab", 1, stand_in_model(4, 3, 0));
	stats = registry_lookup(registry, 7)->stats[1];
	stats->rows = 5;
	histogram_record_many(&stats->latency, 100, 5);
	publish(7, "lab", 2, stand_in_model(9, 1, 0));
	assert_int_equal(
		registry_lookup(registry, 7)->stats[1]->rows, 0); // each version has its own
	registry_lookup(registry, 7)->stats[0]->rows = 2;
	assert_true(registry_total(registry, 7, &total));
	assert_int_equal(total.rows, 7);
	stats->rows++; // an lcore that is not quiescent yet may still count
	both_quiescent();
	registry_reclaim(registry);
	assert_int_equal(stand_in_models_closed, 1);
	assert_true(registry_total(registry, 7, &total));
	assert_int_equal(total.rows, 8);
	assert_int_equal(total.latency.count, 5);
}

static void counts_are_the_total_without_latencies(void **state)
{
	struct slot_stats total, counts = { 0 }, of_one = { 0 };

	publish(7, "lab", 1, stand_in_model(4, 3, 0));
	registry_lookup(registry, 7)->stats[0]->rows = 4;
	publish(7, "lab", 2, stand_in_model(4, 3, 0));
	registry_lookup(registry, 7)->stats[0]->rows = 2;
	registry_lookup(registry, 7)->stats[1]->requests = 3;
	registry_lookup(registry, 7)->stats[1]->refused[WIRE_STATUS_BUSY] = 9;
	assert_true(registry_total(registry, 7, &total));
	registry_counts(registry, 7, &counts);
	registry_counts_of(registry, registry_lookup(registry, 7), &of_one);
	assert_int_equal(counts.rows, 6);
	assert_int_equal(counts.rows, total.rows);
	assert_int_equal(counts.requests, total.requests);
	assert_int_equal(counts.refused[WIRE_STATUS_BUSY], 9);
	assert_int_equal(of_one.rows, 2);
	assert_int_equal(of_one.requests, 3);
}

static void ids_in_service_are_found_in_order(void **state)
{
	static const uint16_t IDS[] = { 65535, 63, 64 }, ORDER[] = { 63, 65535 };
	static const char *const NAMES[] = { "a", "b", "c" };
	uint32_t id = 0;

	assert_int_equal(registry_next(registry, 0), 0);
	for (size_t i = 0; i < sizeof(IDS) / sizeof(IDS[0]); i++)
		assert_int_equal(publish(IDS[i], NAMES[i], 1, stand_in_model(4, 3, 0)), 0);
	assert_int_equal(registry_next(registry, 63), 64);
	assert_int_equal(registry_retire(registry, 64, &err), 0);
	for (size_t i = 0; i < sizeof(ORDER) / sizeof(ORDER[0]); i++) {
		id = registry_next(registry, id);
		assert_int_equal(id, ORDER[i]);
	}
	assert_int_equal(registry_next(registry, id), 0);
}

static void counters_go_with_the_model(void **state)
{
	struct slot_stats *stats, total;

	publish(7, "lab", 1, stand_in_model(4, 3, 0));
	publish(7, "lab", 2, stand_in_model(4, 3, 0));
	stats = registry_lookup(registry, 7)->stats[1];
	stats->requests = stats->rows = 5;
	histogram_record_many(&stats->latency, 100, 5);
	assert_int_equal(registry_retire(registry, 7, &err), 0);
	assert_false(registry_total(registry, 7, &total));
	stats->rows++; // an lcore that is not quiescent yet may still count
	publish(7, "other", 1, stand_in_model(9, 1, 0));
	assert_true(registry_total(registry, 7, &total));
	assert_int_equal(total.requests, 0);
	assert_int_equal(total.rows, 0);
	assert_int_equal(total.latency.count, 0);
	both_quiescent();
	registry_reclaim(registry);
	assert_int_equal(stand_in_models_closed, 2);
}

static struct deployment *prepare(uint16_t version)
{
	const struct deployment_request request = {
		.id = 7, .name = "lab", .version = version, .model = stand_in_model(4, 3, 0)
	};
	struct deployment *deployment;

	assert_int_equal(registry_prepare(registry, &request, &deployment, &err), 0);
	return deployment;
}

static void commit(const struct route_request *request)
{
	struct model_route *route;

	assert_int_equal(registry_make_route(registry, request, &route, &err), 0);
	registry_commit(registry, route);
	both_quiescent();
	registry_reclaim(registry);
}

static void deployments_stay_while_they_are_in_a_route(void **state)
{
	struct route_request request = { .id = 7, .live = prepare(1) };
	struct deployment_hold hold;
	unsigned n_canary = 0;
	struct deployment *canary;

	commit(&request);
	request.canary = canary = prepare(2);
	request.share.permille = 500;
	request.shadow = prepare(3);
	request.pinned[0] = prepare(4);
	request.n_pinned = 1;
	commit(&request);
	assert_ptr_equal(registry_find(registry, 7, 3), request.shadow);
	assert_null(registry_find(registry, 7, 9));
	assert_false(hold_take(registry, 7, 3, &hold)); // nobody is answered by a shadow
	for (uint64_t id = 0; id < 1000; id++) {
		const uint64_t *const key = id % 2 ? &id : NULL;

		assert_true(hold_take(registry, 7, 0, &hold));
		hold_choose(&hold, key, NULL);
		n_canary += hold.version == 2;
		hold_choose(&hold, key, NULL); // once chosen it stays
		if (id == 999)
			break;
		hold_release(registry, &hold);
	}
	assert_in_range(n_canary, 420, 580);
	request = (struct route_request){ .id = 7, .live = canary };
	commit(&request); // it is promoted: the same deployment, and its counters
	assert_int_equal(stand_in_models_closed, 2);
	hold_release(registry, &hold);
	assert_int_equal(stand_in_models_closed, 3);
	assert_ptr_equal(registry_lookup(registry, 7), canary);
	assert_int_equal(canary->n_holds, 0);
}

static void version_of_two_roles_is_refused(void **state)
{
	struct route_request request = { .id = 7, .live = prepare(1) };
	struct model_route *route;

	request.shadow = request.live;
	assert_int_equal(registry_make_route(registry, &request, &route, &err), -EINVAL);
	assert_non_null(strstr(err.text, "two roles"));
	request.shadow = NULL;
	commit(&request);
}

static void name_and_id_belong_together(void **state)
{
	publish(7, "lab", 1, stand_in_model(4, 3, 0));
	assert_int_equal(publish(8, "lab", 1, stand_in_model(4, 3, 0)), -EEXIST);
	assert_non_null(strstr(err.text, "lab"));
	assert_int_equal(publish(7, "other", 1, stand_in_model(4, 3, 0)), -EEXIST);
	assert_non_null(strstr(err.text, "other"));
	assert_null(registry_lookup(registry, 8));
	assert_string_equal(registry_lookup(registry, 7)->name, "lab");
}

static void model_larger_than_scratch_is_refused(void **state)
{
	struct model *model = stand_in_model(4, 3, 0);

	model->scratch_bytes_per_row = 64 * 1024;
	assert_int_equal(publish(7, "big", 1, model), -EINVAL);
	assert_non_null(strstr(err.text, "memory.scratch_kilobytes"));
	assert_null(registry_lookup(registry, 7));
	model = stand_in_model(16384, 1, 0);
	assert_int_equal(publish(7, "wide", 1, model), -EINVAL);
}

static void scratch_regions_fit_and_do_not_overlap(void **state)
{
	for (uint32_t features = 1; features < 3000; features += 97) {
		for (uint32_t outputs = 1; outputs < 3000; outputs += 331) {
			struct deployment d = { .n_features = features, .n_outputs = outputs };
			struct model *model = stand_in_model(features, outputs, 0);

			d.model = model;
			assert_int_equal(registry_fit_scratch(registry, &d, &err), 0);
			assert_in_range(d.batch_rows, 1, MODEL_BATCH_MAX);
			assert_true(d.outputs_offset >= d.batch_rows * features * 4);
			assert_true(
				d.model_offset >= d.outputs_offset + d.batch_rows * outputs * 4);
			assert_true(d.model_offset >= d.outputs_offset + 1500);
			assert_int_equal(d.model_offset % 64, 0);
			assert_true(d.model_offset + model_scratch_bytes(model, d.batch_rows) <=
				64 * 1024);
			model_close(model);
		}
	}
}

static void failing_golden_rows_change_nothing(void **state)
{
	struct model *model = stand_in_model(4, 3, 0);

	publish(7, "lab", 1, stand_in_model(4, 3, 0));
	model->golden_fails = true;
	assert_int_equal(publish(7, "lab", 2, model), -EINVAL);
	assert_non_null(strstr(err.text, "golden"));
	assert_int_equal(registry_lookup(registry, 7)->version, 1);
}

static void nonsense_is_refused(void **state)
{
	char name[CONFIG_NAME_MAX + 1];

	memset(name, 'a', sizeof(name));
	name[CONFIG_NAME_MAX] = '\0';
	assert_int_equal(publish(0, "lab", 1, stand_in_model(4, 3, 0)), -EINVAL);
	assert_int_equal(publish(7, "lab", 0, stand_in_model(4, 3, 0)), -EINVAL);
	assert_int_equal(publish(7, name, 1, stand_in_model(4, 3, 0)), -EINVAL);
}

static void publish_ends_loading(void **state)
{
	registry_set_loading(registry, 7, true);
	registry_set_loading(registry, 71, true);
	assert_true(registry_is_loading(registry, 7));
	publish(7, "lab", 1, stand_in_model(4, 3, 0));
	assert_false(registry_is_loading(registry, 7));
	assert_true(registry_is_loading(registry, 71));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(published_model_is_found),
		CASE(replaced_model_waits_for_its_grace_period),
		CASE(sleeping_lcore_is_not_waited_for),
		CASE(retired_model_is_gone_then_freed),
		CASE(held_model_stays_until_it_is_given_back),
		CASE(count_of_the_api_goes_beside_that_of_the_lcores),
		CASE(count_of_the_api_is_not_that_of_the_next_model),
		CASE(counters_outlive_versions),
		CASE(counters_go_with_the_model),
		CASE(counts_are_the_total_without_latencies),
		CASE(ids_in_service_are_found_in_order),
		CASE(deployments_stay_while_they_are_in_a_route),
		CASE(version_of_two_roles_is_refused),
		CASE(name_and_id_belong_together),
		CASE(model_larger_than_scratch_is_refused),
		CASE(scratch_regions_fit_and_do_not_overlap),
		CASE(failing_golden_rows_change_nothing),
		CASE(nonsense_is_refused),
		CASE(publish_ends_loading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
