// SPDX-License-Identifier: BSD-3-Clause
// A fault table of what changes what is in service: each system call of the store fails in turn, alone
// or with all that follow. What the client hears, what is in service, and what a restart would find are
// one truth.
#include "ctl/server/operations/cost.h"
#include "ctl/server/operations/deploy.h"
#include "ctl/server/operations/jobs.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/recording.h"
#include "ctl/server/operations/remove.h"
#include "ctl/server/operations/unload.h"
#include "dataplane/state.h"
#include "infer/image/image.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"
#include "tests/unit/store_case.h"
#include "tests/unit/store_faulty.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#define ID 7

struct deploy_case {
	struct store_case *c;
	struct server *server;
	struct config config;
	struct dataplane dp;
	int saved_stderr;
	bool is_answered;
	int status;
	char refusal[ERROR_TEXT_BYTES + 128];
};

static void reply(void *arg, int status, json_t *body, const char *refusal)
{
	struct deploy_case *d = arg;

	d->is_answered = true;
	d->status = status;
	snprintf(d->refusal, sizeof(d->refusal), "%s", refusal ? refusal : "");
	json_decref(body);
}

static void run(struct deploy_case *d, void (*begin)(struct operation *op), uint16_t version)
{
	const struct operation_client client = { .reply = reply, .arg = d };
	struct operation *op = operation_create(d->server, client, "test", begin, "lab", version);

	if (begin == deploy_begin)
		op->wish = (struct wish){ .id = ID, .live = version };
	op->wish.force = true;
	d->is_answered = false;
	operation_start(op);
	while (!d->is_answered)
		event_base_loop(d->c->base, EVLOOP_ONCE);
}

// An image into the store and into the list, as a push brings it there.
static void store_image(struct deploy_case *d, uint16_t version)
{
	struct graph *graph = graph_mlp(2, (uint32_t[]){ 3, 2 }, false, version);
	struct model_version stored = { .version = version };
	unsigned char hash[crypto_hash_sha256_BYTES];
	char file[STORE_FILE_MAX];
	struct error err;
	void *image;
	size_t size;

	assert_int_equal(image_write(graph, &image, &size, &err), 0);
	graph_destroy(graph);
	store_image_file(file, version);
	assert_int_equal(store_case_write(d->c, "lab", file, image, size), 0);
	crypto_hash_sha256(hash, image, size);
	sodium_bin2hex(stored.sha256, sizeof(stored.sha256), hash, sizeof(hash));
	free(image);
	assert_int_equal(model_entry_add(models_get(&d->server->models, "lab"), &stored), 0);
}

static int begin(void **state)
{
	struct deploy_case *d = calloc(1, sizeof(*d));
	struct error err;
	int null = open("/dev/null", O_WRONLY);

	d->saved_stderr = dup(STDERR_FILENO);
	dup2(null, STDERR_FILENO); // a line of log each
	close(null);
	if (store_case_begin_plain((void **)&d->c) != 0)
		return -1;
	d->server = calloc(1, sizeof(*d->server));
	d->server->cost = cost_create(d->server);
	d->server->config = &d->config;
	d->server->base = d->c->base;
	d->server->store = d->c->store;
	d->server->dataplane = &d->dp;
	d->server->phase = SERVER_READY;
	*state = d;
	if (registry_create(1, 1 << 20, 1500, NULL, &d->dp.registry, &err) != 0 ||
		jobs_create(d->c->base, &d->server->jobs, &err) != 0)
		return -1;
	store_image(d, 1);
	store_image(d, 2);
	return 0;
}

static int end(void **state)
{
	struct deploy_case *d = *state;
	void *c = d->c;
	int rc;

	jobs_destroy(d->server->jobs);
	registry_destroy(d->dp.registry);
	models_fini(&d->server->models);
	cost_destroy(d->server->cost);
	free(d->server);
	dup2(d->saved_stderr, STDERR_FILENO);
	close(d->saved_stderr);
	rc = store_case_end(&c);
	free(d);
	return rc;
}

// The version in service; 0: none.
static uint16_t in_service(const struct deploy_case *d)
{
	const struct deployment *deployment = registry_lookup(d->dp.registry, ID);

	return deployment ? deployment->version : 0;
}

// The version that a restart would bring back; 0: none.
static uint16_t after_restart(struct deploy_case *d)
{
	struct record record;
	struct error err;
	void *text;
	size_t size;

	if (store_read(d->c->store, "lab", STORE_DEPLOYMENT, &text, &size, &err) != 0) {
		assert_int_equal(err.code, -ENOENT);
		return 0;
	}
	if (record_parse(text, size, &record, &err) != 0)
		fail_msg("%s", err.text);
	free(text);
	return record.loaded ? record.live.version : 0;
}

// What is done, from which state, and which version is in service before and after.
struct deploy_change {
	const char *name;
	void (*begin)(struct operation *op);
	uint16_t version, before, after;
	unsigned n_calls;
};

static const struct deploy_change CHANGES[] = {
	{ "a first deployment", deploy_begin, 1, 0, 1, 8 },
	{ "a promotion", deploy_begin, 2, 1, 2, 8 },
	{ "a rollback", deploy_begin_rollback, 0, 2, 1, 8 },
	{ "an unloading", unload_begin, 0, 1, 0, 8 },
	{ "a loading", deploy_begin_load, 0, 0, 1, 8 },
};
#define N_CHANGES (sizeof(CHANGES) / sizeof(CHANGES[0]))

// Brings the model to where `change` begins.
static void prepare(struct deploy_case *d, const struct deploy_change *change)
{
	struct model_entry *entry = models_find(&d->server->models, "lab");
	struct error err;

	dataplane_retire(&d->dp, ID, &err);
	memset(&entry->record, 0, sizeof(entry->record));
	entry->state = MODEL_STATE_UNAVAILABLE;
	assert_int_equal(store_case_remove(d->c, "lab", STORE_DEPLOYMENT), 0);
	if (change == &CHANGES[0])
		return;
	run(d, deploy_begin, 1);
	assert_int_equal(d->status, 200);
	if (change->before == 2)
		run(d, deploy_begin, 2);
	if (change->begin == deploy_begin_load)
		run(d, unload_begin, 0);
	assert_int_equal(d->status, 200);
	assert_int_equal(in_service(d), change->before);
}

// What the server's tick does when it is time, until the operation is over.
static void record_again(struct deploy_case *d)
{
	d->server->record_again_ns = 0;
	recording_again(d->server);
	while (d->server->operations.first)
		event_base_loop(d->c->base, EVLOOP_ONCE);
}

static bool is_said(const struct deploy_case *d)
{
	return strstr(d->refusal, "nor could what was recorded") != NULL;
}

// Whether the store and the service are one again without anybody's doing, also where the first try
// fails, too.
static void check_owed(struct deploy_case *d, const struct model_entry *entry, uint16_t want)
{
	struct faulty faulty;

	assert_int_equal(entry->owed.is, is_said(d));
	if (!entry->owed.is)
		return;
	assert_non_null(strstr(entry->owed.why, "what the store says of it may be another"));
	assert_string_equal(
		model_entry_reason(entry), entry->reason[0] ? entry->reason : entry->owed.why);
	faulty_begin(&faulty, d->c, FAULT_EIO, 1);
	faulty.stays = true;
	record_again(d);
	faulty_end(&faulty, d->c);
	assert_true(entry->owed.is);
	recording_again(d->server); // it is not time yet
	assert_null(d->server->operations.first);
	record_again(d);
	assert_false(entry->owed.is);
	assert_int_equal(after_restart(d), want);
	assert_int_equal(in_service(d), want);
}

static void check_fault(struct deploy_case *d, const struct deploy_change *change, enum fault fault,
	unsigned at, bool stays)
{
	const struct model_entry *entry = models_find(&d->server->models, "lab");
	struct faulty faulty;
	uint16_t want, restart;

	prepare(d, change);
	faulty_begin(&faulty, d->c, fault, at);
	faulty.stays = stays;
	run(d, change->begin, change->version);
	faulty_end(&faulty, d->c);
	want = d->status == 200 ? change->after : change->before;
	restart = after_restart(d);
	if (in_service(d) != want || (d->status != 200) != (d->status >= 500))
		fail_msg("%s, fault %d at call %u: answered %d (%s), in service is %u",
			change->name, (int)fault, at, d->status, d->refusal, in_service(d));
	if (restart != want && !(stays && is_said(d)))
		fail_msg("%s, fault %d at call %u: answered %d (%s), a restart finds %u",
			change->name, (int)fault, at, d->status, d->refusal, restart);
	if (restart == want && is_said(d))
		fail_msg("%s, fault %d at call %u: %s", change->name, (int)fault, at, d->refusal);
	assert_int_equal(entry->state == MODEL_STATE_READY, want != 0);
	assert_int_equal(entry->record.loaded ? entry->record.live.version : 0, want);
	if (at % 2)
		check_owed(d, entry, want);
	if (d->status != 200) { // and once more, when the disk is whole again
		run(d, change->begin, change->version);
		assert_int_equal(d->status, 200);
	}
	assert_false(entry->owed.is); // by the retry, or by the next change
	assert_int_equal(in_service(d), change->after);
	assert_int_equal(after_restart(d), change->after);
}

static void what_is_answered_is_in_service_and_recorded(void **state)
{
	static const enum fault FAULTS[] = { FAULT_EIO, FAULT_ENOSPC, FAULT_EINTR, FAULT_SHORT,
		FAULT_NOTHING_WRITTEN };
	struct deploy_case *d = *state;

	for (size_t i = 0; i < N_CHANGES; i++)
		for (size_t f = 0; f < sizeof(FAULTS) / sizeof(FAULTS[0]); f++)
			for (unsigned at = 0; at <= CHANGES[i].n_calls; at++) {
				check_fault(d, &CHANGES[i], FAULTS[f], at, false);
				if (FAULTS[f] == FAULT_EIO || FAULTS[f] == FAULT_ENOSPC)
					check_fault(d, &CHANGES[i], FAULTS[f], at, true);
			}
}

// The eighth call of a write makes the new name durable, which is there already.
static void record_that_is_there_and_may_not_last_is_put_back(void **state)
{
	struct deploy_case *d = *state;
	struct faulty faulty;

	prepare(d, &CHANGES[1]);
	faulty_begin(&faulty, d->c, FAULT_EIO, 8);
	run(d, deploy_begin, 2);
	faulty_end(&faulty, d->c);
	assert_int_equal(d->status, 500);
	assert_non_null(strstr(d->refusal, "version 2 cannot be deployed: "));
	assert_non_null(strstr(d->refusal, "its name cannot be made durable: Input/output error"));
	assert_true(faulty.n > 8); // the record before was written again
	assert_int_equal(after_restart(d), 1);
	assert_int_equal(in_service(d), 1);
}

// It reads as before, but nobody knows which of the two names the disk has.
static void record_that_is_put_back_and_may_not_last_is_said_so(void **state)
{
	struct deploy_case *d = *state;
	struct faulty faulty;

	prepare(d, &CHANGES[1]);
	faulty_begin(&faulty, d->c, FAULT_EIO, 8);
	faulty.too = 16;
	run(d, deploy_begin, 2);
	faulty_end(&faulty, d->c);
	assert_int_equal(d->status, 500);
	assert_non_null(strstr(d->refusal, "nor could what was recorded before be put back"));
	assert_int_equal(after_restart(d), 1);
	assert_int_equal(in_service(d), 1);
	check_owed(d, models_find(&d->server->models, "lab"), 1);
}

static void image_that_is_another_is_refused(void **state)
{
	struct deploy_case *d = *state;
	struct error err;
	void *image;
	size_t size;

	prepare(d, &CHANGES[1]);
	assert_int_equal(store_read(d->c->store, "lab", "1.mlt", &image, &size, &err), 0);
	assert_int_equal(store_case_write(d->c, "lab", "2.mlt", image, size), 0);
	free(image);
	run(d, deploy_begin, 2);
	assert_int_equal(d->status, 422);
	assert_non_null(
		strstr(d->refusal, "its image in the store is not the one that was stored"));
	assert_int_equal(in_service(d), 1);
}

// The damaged record itself is owed then, for nobody knows what it said.
static void damaged_record_is_put_back_as_it_was(void **state)
{
	struct deploy_case *d = *state;
	struct model_entry *entry = models_find(&d->server->models, "lab");
	struct faulty faulty;
	struct error err;
	void *text;
	size_t size;

	entry->is_damaged = true;
	assert_int_equal(store_case_write(d->c, "lab", STORE_DEPLOYMENT, "{", 1), 0);
	faulty_begin(&faulty, d->c, FAULT_EIO, 8);
	faulty.stays = true;
	run(d, deploy_begin, 1);
	faulty_end(&faulty, d->c);
	assert_int_equal(d->status, 500);
	assert_true(is_said(d) && entry->owed.is && entry->is_damaged);
	assert_int_equal(after_restart(d), 1); // which the client was refused
	record_again(d);
	assert_false(entry->owed.is);
	assert_int_equal(store_read(d->c->store, "lab", STORE_DEPLOYMENT, &text, &size, &err), 0);
	assert_true(size == 1 && memcmp(text, "{", 1) == 0);
	free(text);
}

// The only version is deleted while a refused first deployment of it may be on the disk.
static void model_stays_while_its_record_is_owed(void **state)
{
	struct deploy_case *d = *state;
	struct faulty faulty;

	run(d, remove_begin, 2);
	faulty_begin(&faulty, d->c, FAULT_EIO, 8);
	faulty.stays = true;
	run(d, deploy_begin, 1);
	faulty_end(&faulty, d->c);
	assert_true(is_said(d));
	run(d, remove_begin, 1);
	assert_int_equal(d->status, 200);
	assert_non_null(models_find(&d->server->models, "lab"));
	record_again(d);
	assert_null(models_find(&d->server->models, "lab"));
	assert_false(store_case_has(d->c, "lab"));
}

static void damaged_record_is_replaced_by_a_promotion_alone(void **state)
{
	struct deploy_case *d = *state;
	struct model_entry *entry = models_find(&d->server->models, "lab");

	entry->is_damaged = true;
	snprintf(entry->reason, sizeof(entry->reason), "lab/" STORE_DEPLOYMENT " is damaged");
	assert_int_equal(store_case_write(d->c, "lab", STORE_DEPLOYMENT, "{", 1), 0);
	for (size_t i = 2; i < N_CHANGES; i++) {
		run(d, CHANGES[i].begin, 0);
		assert_int_equal(d->status, 409);
	}
	run(d, remove_begin, 1);
	assert_int_equal(d->status, 409);
	assert_non_null(strstr(d->refusal, "is damaged"));
	run(d, deploy_begin, 1);
	assert_int_equal(d->status, 200);
	assert_false(entry->is_damaged);
	assert_int_equal(in_service(d), 1);
	assert_int_equal(after_restart(d), 1);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(what_is_answered_is_in_service_and_recorded),
		CASE(record_that_is_there_and_may_not_last_is_put_back),
		CASE(record_that_is_put_back_and_may_not_last_is_said_so),
		CASE(image_that_is_another_is_refused),
		CASE(damaged_record_is_put_back_as_it_was),
		CASE(model_stays_while_its_record_is_owed),
		CASE(damaged_record_is_replaced_by_a_promotion_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
