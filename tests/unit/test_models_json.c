// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/models_json.h"

#include "ctl/server/server_state.h"
#include "dataplane/state.h"
#include "tests/cmocka.h"

#include <stdlib.h>
#include <string.h>

// A sentence of the importer is cut to its size, and may quote a file: it need not be UTF-8.
static void reason_that_is_cut_hides_no_model(void **state)
{
	struct server *server = calloc(1, sizeof(*server));
	struct dataplane dp = { 0 };
	struct model_entry *entry;
	struct error err;
	json_t *models;

	assert_int_equal(registry_create(1, 1 << 20, 1500, NULL, &dp.registry, &err), 0);
	server->dataplane = &dp;
	entry = models_get(&server->models, "lab");
	strcpy(entry->reason, "feature 'Gr\xc3\xb6\xc3");
	models = models_json(server);
	assert_int_equal(json_array_size(models), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(models, 0), "reason")),
		"feature 'Gr???");
	json_decref(models);
	strcpy(entry->reason, "feature 'Gr\xc3\xb6");
	models = models_json(server);
	assert_string_equal(json_string_value(json_object_get(json_array_get(models, 0), "reason")),
		"feature 'Gr\xc3\xb6");
	json_decref(models);
	models_fini(&server->models);
	registry_destroy(dp.registry);
	free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reason_that_is_cut_hides_no_model) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
