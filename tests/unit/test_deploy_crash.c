// SPDX-License-Identifier: BSD-3-Clause
// Each change of a model and of what the store has of it, ended by a crash before each of its system calls, and
// within each write; and each of these calls failing. A child makes the change; afterwards a restart finds what
// was there before or what should be, and nothing in between: what answers in which role, the versions, the
// policy, and no file more.
#include "base/retention.h"
#include "base/trust/minisign_secret.h"
#include "ctl/server/operations/cost.h"
#include "ctl/server/operations/deploy.h"
#include "ctl/server/operations/deployment_json.h"
#include "ctl/server/operations/jobs.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/push.h"
#include "ctl/server/operations/recover.h"
#include "ctl/server/operations/remove.h"
#include "ctl/server/operations/retain.h"
#include "ctl/server/operations/unload.h"
#include "dataplane/state.h"
#include "infer/image/image.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"
#include "tests/unit/store_faulty.h"

#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/wait.h>
#include <unistd.h>

#define ID          7
#define VERSIONS    6 // stored before
#define STATE_BYTES 2048

// Standard error is taken by the log.
#define fail_said(...)                                                                             \
	do {                                                                                       \
		printf(__VA_ARGS__);                                                               \
		printf("\n");                                                                      \
		fail();                                                                            \
	} while (0)

// --- An appliance on a folder --------------------------------------------------------------------

// Whom the appliance trusts to sign images.
static struct minisign_public signer;
static struct minisign_secret signer_secret;

struct machine {
	struct store_case c;
	struct server *server;
	struct config config;
	struct dataplane dp;
	bool is_answered;
	int status;
	char refusal[ERROR_TEXT_BYTES + 128];
};

static void reply(void *arg, int status, json_t *body, const char *refusal)
{
	struct machine *m = arg;

	m->is_answered = true;
	m->status = status;
	snprintf(m->refusal, sizeof(m->refusal), "%s", refusal ? refusal : "");
	json_decref(body);
}

static void wait_for_all(struct machine *m)
{
	while (m->server->operations.first)
		event_base_loop(m->c.base, EVLOOP_ONCE);
}

static void begin(struct machine *m, const char *path)
{
	struct error err;

	memset(m, 0, sizeof(*m));
	snprintf(m->c.path, sizeof(m->c.path), "%s", path);
	m->c.base = event_base_new();
	if (store_open(path, m->c.base, true, &m->c.store, &err) != 0)
		fail_said("%s", err.text);
	m->server = calloc(1, sizeof(*m->server));
	m->server->cost = cost_create(m->server);
	m->server->config = &m->config;
	m->server->base = m->c.base;
	m->server->store = m->c.store;
	m->server->dataplane = &m->dp;
	m->server->phase = SERVER_READY;
	m->server->is_ready = true;
	m->server->model_options.no_timing = true;
	strcpy(m->config.trust.trusted_keys[0].model, "*");
	m->config.trust.trusted_keys[0].public = signer;
	m->config.trust.n_trusted_keys = 1;
	assert_int_equal(registry_create(1, 1 << 20, 1500, NULL, &m->dp.registry, &err), 0);
	assert_int_equal(jobs_create(m->c.base, &m->server->jobs, &err), 0);
	assert_int_equal(recover(m->server, &err), 0);
	wait_for_all(m);
}

static void end(struct machine *m)
{
	jobs_destroy(m->server->jobs);
	registry_destroy(m->dp.registry);
	models_fini(&m->server->models);
	cost_destroy(m->server->cost);
	free(m->server);
	store_close(m->c.store);
	event_base_free(m->c.base);
}

// What it has, as text: nothing of it may be lost, and nothing be there that was refused.
static void state_of(struct machine *m, char text[STATE_BYTES])
{
	const struct model_entry *entry = models_find(&m->server->models, "lab");
	char policy[RETENTION_BYTES];
	json_t *deployment;
	char *dump;
	size_t n;

	if (!entry) {
		snprintf(text, STATE_BYTES, "no model");
		return;
	}
	deployment = deployment_json("lab", &entry->record);
	json_object_del(deployment, "at");
	dump = json_dumps(deployment, JSON_COMPACT | JSON_SORT_KEYS);
	retention_format(policy, entry->retention.keep);
	n = (size_t)snprintf(text, STATE_BYTES, "%s, kept %s%s, in service", dump, policy,
		entry->retention.is_own ? " by its own" : "");
	for (uint16_t v = 1; v <= VERSIONS + 1; v++)
		if (entry->record.id && dataplane_find(&m->dp, entry->record.id, v))
			n += (size_t)snprintf(text + n, STATE_BYTES - n, " %u", v);
	n += (size_t)snprintf(text + n, STATE_BYTES - n, ", stored");
	for (uint32_t i = 0; i < entry->n_versions; i++)
		n += (size_t)snprintf(text + n, STATE_BYTES - n, " %u%s",
			entry->versions[i].version,
			entry->versions[i].signed_by[0] ? " signed" : "");
	free(dump);
	json_decref(deployment);
}

// Whether the model's folder holds what it should and no more.
static bool is_tidy(const struct machine *m)
{
	const struct model_entry *entry = models_find(&m->server->models, "lab");
	char path[128];
	unsigned n_images = 0, n_signatures = 0, n_signed = 0, n_others = 0;
	struct dirent *file;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/models/lab", m->c.path);
	dir = opendir(path);
	while (dir && (file = readdir(dir))) {
		if (file->d_name[0] == '.')
			n_others += file->d_name[1] == 't';
		else if (strstr(file->d_name, MINISIGN_SUFFIX))
			n_signatures++;
		else if (strstr(file->d_name, ".mlt"))
			n_images++;
		else if (strcmp(file->d_name, STORE_ACCEPTED) != 0)
			n_others += strcmp(file->d_name, STORE_COMPARE) != 0 &&
				strcmp(file->d_name, STORE_RETENTION) != 0 &&
				strcmp(file->d_name, STORE_DEPLOYMENT) != 0;
	}
	if (dir)
		closedir(dir);
	for (uint32_t i = 0; entry && i < entry->n_versions; i++)
		n_signed += entry->versions[i].signed_by[0] != '\0';
	return n_others == 0 && n_signatures == n_signed &&
		n_images == (entry ? entry->n_versions : 0) && (entry != NULL) == (dir != NULL);
}

// --- Changes --------------------------------------------------------------------------------------

static void *image_of(uint16_t version, size_t *size)
{
	struct graph *graph = graph_mlp(2, (uint32_t[]){ 3, 2 }, false, version);
	struct error err;
	void *image;

	assert_int_equal(image_write(graph, &image, size, &err), 0);
	graph_destroy(graph);
	return image;
}

struct step {
	void (*begin)(struct operation *op);
	uint16_t version;
	struct wish wish;
	struct model_retention retention;
	bool is_signed;
};

static void sign(struct operation *op)
{
	struct minisign_signature signature;
	uint8_t hash[MINISIGN_HASH_BYTES];
	char comment[64];

	minisign_hash(op->data, op->size, hash);
	snprintf(comment, sizeof(comment), "model:lab version:%u", op->version);
	minisign_sign(&signer_secret, hash, comment, &signature);
	op->signature = minisign_signature_format(&signature);
	op->signature_size = strlen(op->signature);
}

static void make(struct machine *m, const struct step *step)
{
	const struct operation_client client = { .reply = reply, .arg = m };
	struct operation *op =
		operation_create(m->server, client, "test", step->begin, "lab", step->version);

	op->wish = step->wish;
	op->wish.force = true;
	op->retention = step->retention;
	if (step->begin == push_begin)
		op->data = image_of(step->version, &op->size);
	if (step->is_signed)
		sign(op);
	m->is_answered = false;
	operation_start(op);
	while (!m->is_answered)
		event_base_loop(m->c.base, EVLOOP_ONCE);
	wait_for_all(m); // what its retention lets go
}

static const struct step BASE[] = {
	{ .begin = deploy_begin, .wish = { .id = ID, .live = 1 } },
	{ .begin = deploy_begin, .wish = { .live = 2 } },
	{ .begin = deploy_begin,
		.wish = { .has_canary = true,
			.canary = 3,
			.has_permille = true,
			.permille = 50,
			.has_shadow = true,
			.shadow = 4,
			.has_pinned = true,
			.pinned = { 5 },
			.n_pinned = 1 } },
};
#define N_BASE (sizeof(BASE) / sizeof(BASE[0]))

struct change {
	const char *name;
	uint32_t n_base;   // steps of BASE before it
	struct step first; // and this one; begin NULL: none
	struct step step;
	bool is_many; // files: a crash may leave some of them
};

static const struct change CHANGES[] = {
	{ "a push", 3, { 0 }, { .begin = push_begin, .version = 7 }, false },
	{ "a signed push", 3, { 0 }, { .begin = push_begin, .version = 7, .is_signed = true },
		false },
	{ "a signature for what is stored", 3, { 0 },
		{ .begin = push_begin, .version = 6, .is_signed = true }, false },
	{ "a signed version's deletion", 3,
		{ .begin = push_begin, .version = 7, .is_signed = true },
		{ .begin = remove_begin, .version = 7 }, false },
	{ "a first deployment", 0, { 0 },
		{ .begin = deploy_begin, .wish = { .id = ID, .live = 1 } }, false },
	{ "a promotion of the canary", 3, { 0 }, { .begin = deploy_begin, .wish = { .live = 3 } },
		false },
	{ "a promotion of a new one", 3, { 0 }, { .begin = deploy_begin, .wish = { .live = 6 } },
		false },
	{ "a larger share", 3, { 0 },
		{ .begin = deploy_begin, .wish = { .has_permille = true, .permille = 500 } },
		false },
	{ "a canary", 2, { 0 },
		{ .begin = deploy_begin,
			.wish = { .has_canary = true, .canary = 6, .has_permille = true } },
		false },
	{ "a canary's end", 3, { 0 }, { .begin = deploy_begin, .wish = { .has_canary = true } },
		false },
	{ "another shadow", 3, { 0 },
		{ .begin = deploy_begin, .wish = { .has_shadow = true, .shadow = 6 } }, false },
	{ "a shadow's end", 3, { 0 }, { .begin = deploy_begin, .wish = { .has_shadow = true } },
		false },
	{ "a pin", 3, { 0 },
		{ .begin = deploy_begin,
			.wish = { .has_pinned = true, .pinned = { 5, 6 }, .n_pinned = 2 } },
		false },
	{ "an unpinning", 3, { 0 }, { .begin = deploy_begin, .wish = { .has_pinned = true } },
		false },
	{ "a rollback", 3, { 0 }, { .begin = deploy_begin_rollback, .version = 0 }, false },
	{ "an unloading", 3, { 0 }, { .begin = unload_begin, .version = 0 }, false },
	{ "a loading", 3, { .begin = unload_begin, .version = 0 },
		{ .begin = deploy_begin_load, .version = 0 }, false },
	{ "a deletion", 3, { 0 }, { .begin = remove_begin, .version = 6 }, false },
	{ "a deletion of the one before", 3, { 0 }, { .begin = remove_begin, .version = 1 }, true },
	{ "a retention", 3, { 0 },
		{ .begin = retain_begin_change, .retention = { .is_own = true, .keep = 9 } },
		false },
	{ "a retention that lets some go", 2, { 0 },
		{ .begin = retain_begin_change, .retention = { .is_own = true, .keep = 2 } },
		true },
	{ "a retention's end", 3,
		{ .begin = retain_begin_change, .retention = { .is_own = true, .keep = 9 } },
		{ .begin = retain_begin_change }, false },
	{ "a push that lets some go", 2,
		{ .begin = retain_begin_change, .retention = { .is_own = true, .keep = 3 } },
		{ .begin = push_begin, .version = 7 }, true },
	{ "a whole model's deletion", 3, { .begin = unload_begin, .version = 0 },
		{ .begin = remove_begin_model, .version = 0 }, true },
};
#define N_CHANGES (sizeof(CHANGES) / sizeof(CHANGES[0]))

static const struct change *change_named(const char *name)
{
	for (size_t i = 0; i < N_CHANGES; i++)
		if (strcmp(CHANGES[i].name, name) == 0)
			return &CHANGES[i];
	fail_msg("no change is called \"%s\"", name);
	return NULL;
}

// --- Ends of a child ------------------------------------------------------------------------------

struct told { // by the child, to its parent
	bool is_answered;
	int status;
	bool is_unknown; // said so itself
	unsigned n_calls;
	char state[STATE_BYTES];
};

struct crashing { // a disk; it ends the process before a call, or within a write
	struct disk disk;
	struct disk *below;
	unsigned at, n;
	bool within;
};

static bool crashing_make(struct disk *disk, struct disk_call *call, int *result)
{
	struct crashing *c = (struct crashing *)disk;

	if (++c->n == c->at) {
		if (c->within && call->kind == DISK_WRITE) {
			call->size /= 2;
			c->below->make(c->below, call, result);
		}
		_exit(0);
	}
	return c->below->make(c->below, call, result);
}

// Makes the change in a child; false: it crashed before it could tell.
static bool make_in_child(const char *path, const struct change *change, unsigned at, bool within,
	enum fault fault, struct told *told)
{
	int pipes[2];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		struct crashing crashing = {
			.disk = { .make = crashing_make }, .at = at, .within = within
		};
		struct faulty faulty;
		struct machine m;

		begin(&m, path);
		memset(told, 0, sizeof(*told));
		if (fault == FAULT_COUNT) {
			crashing.below = m.c.store->disk;
			m.c.store->disk = &crashing.disk;
		} else {
			faulty_begin(&faulty, &m.c, fault, at);
		}
		make(&m, &change->step);
		told->is_answered = true;
		told->status = m.status;
		told->n_calls = fault == FAULT_COUNT ? crashing.n : faulty.n;
		told->is_unknown = strstr(m.refusal, "restart") != NULL;
		state_of(&m, told->state);
		_exit(write(pipes[1], told, sizeof(*told)) == sizeof(*told) ? 0 : 1);
	}
	close(pipes[1]);
	n = read(pipes[0], told, sizeof(*told));
	close(pipes[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return n == sizeof(*told);
}

// --- The table ------------------------------------------------------------------------------------

struct folders {
	char base[64], work[80], ready[80];
	int saved_stderr;
};

static void run_command(const char *format, const char *a, const char *b)
{
	char command[256];

	snprintf(command, sizeof(command), format, a, b);
	assert_int_equal(system(command), 0);
}

// A store at the state before the change, in `ready`.
static void prepare(const struct folders *f, const struct change *change, char before[STATE_BYTES])
{
	struct machine m;

	run_command("rm -rf %s %s", f->ready, f->work);
	begin(&m, f->ready);
	for (uint16_t v = 1; v <= VERSIONS; v++) {
		make(&m, &(struct step){ .begin = push_begin, .version = v });
		assert_int_equal(m.status, 201);
	}
	for (uint32_t i = 0; i < change->n_base; i++) {
		make(&m, &BASE[i]);
		assert_int_equal(m.status, 200);
	}
	assert_int_equal(store_case_write(&m.c, "lab", STORE_COMPARE, "{}", 2), 0);
	if (change->first.begin) {
		make(&m, &change->first);
		assert_int_equal(m.status / 100, 2);
	}
	end(&m);
	begin(&m, f->ready);
	state_of(&m, before);
	end(&m);
}

static void restart(const struct folders *f, const char *what, char state[STATE_BYTES])
{
	struct machine m;

	begin(&m, f->work);
	state_of(&m, state);
	if (!is_tidy(&m))
		fail_said("%s: %s: the folder holds something else", what, state);
	end(&m);
}

// What follows "in service" up to "stored" must be the same, and what is stored among what was before or is
// to be: where one of several files was at hand.
static bool is_between(const char *state, const char *before, const char *after)
{
	static const char *const NONE = "no model";
	const char *versions = strstr(state, ", stored");

	if (!versions)
		return strcmp(after, NONE) == 0 && strcmp(state, NONE) == 0;
	for (const char *v = versions + strlen(", stored"); *v; v += 2)
		if (!strchr(strstr(before, ", stored"), v[1]) &&
			(strcmp(after, NONE) == 0 || !strchr(strstr(after, ", stored"), v[1])))
			return false;
	if (strcmp(after, NONE) == 0)
		return strstr(state, "in service,") != NULL;
	return strncmp(strstr(state, "in service"), strstr(before, "in service"),
		       (size_t)(versions - strstr(state, "in service"))) == 0;
}

static void check_crash(const struct folders *f, const struct change *change, unsigned at,
	bool within, const char *before, const char *after)
{
	char state[STATE_BYTES], what[128];
	struct told told;

	run_command("rm -rf %2$s && cp -a %1$s %2$s", f->ready, f->work);
	snprintf(what, sizeof(what), "%s, a crash %s call %u", change->name,
		within ? "within" : "before", at);
	if (make_in_child(f->work, change, at, within, FAULT_COUNT, &told))
		fail_said("%s: there is no such call", what);
	restart(f, what, state);
	if (strcmp(state, before) != 0 && strcmp(state, after) != 0 &&
		!(change->is_many && is_between(state, before, after)))
		fail_said("%s:\n before %s\n after  %s\n found  %s", what, before, after, state);
}

static void check_fault(const struct folders *f, const struct change *change, unsigned at,
	enum fault fault, const char *before, const char *after)
{
	char state[STATE_BYTES], what[128];
	struct told told;
	bool is_done;

	run_command("rm -rf %2$s && cp -a %1$s %2$s", f->ready, f->work);
	snprintf(what, sizeof(what), "%s, fault %d at call %u", change->name, (int)fault, at);
	assert_true(make_in_child(f->work, change, at, false, fault, &told));
	is_done = told.status == 200 || told.status == 201;
	if (fault >= FAULT_EINTR && !is_done)
		fail_said("%s: answered %d", what, told.status);
	if (!is_done && told.status < 500)
		fail_said("%s: answered %d", what, told.status);
	if (change->is_many)
		return; // what is left is the next one's
	if (!told.is_unknown && strcmp(told.state, is_done ? after : before) != 0)
		fail_said("%s: answered %d, is %s", what, told.status, told.state);
	restart(f, what, state);
	if (strcmp(state, before) != 0 && strcmp(state, after) != 0)
		fail_said("%s: a restart finds %s", what, state);
	if (strcmp(state, told.state) != 0 && !told.is_unknown)
		fail_said("%s: answered %d, was %s, a restart finds %s", what, told.status,
			told.state, state);
}

static void check_change(const struct folders *f, const struct change *change)
{
	char before[STATE_BYTES], after[STATE_BYTES];
	struct told told;

	prepare(f, change, before);
	run_command("cp -a %s %s", f->ready, f->work);
	assert_true(make_in_child(f->work, change, 0, false, FAULT_COUNT, &told));
	if (told.status != 200 && told.status != 201)
		fail_said("%s: answered %d", change->name, told.status);
	restart(f, change->name, after);
	assert_string_equal(after, told.state);
	assert_string_not_equal(after, before);
	for (unsigned at = 1; at <= told.n_calls; at++) {
		check_crash(f, change, at, false, before, after);
		check_crash(f, change, at, true, before, after);
	}
}

// Each call fails in one way that is an error and in one that is none, which of them in turns; MARTLET_FAULTS=all (make
// soak): in every way.
static void change_with_a_failing_call(
	const struct folders *f, const struct change *change, unsigned turn)
{
	const char *faults = getenv("MARTLET_FAULTS");
	const bool all = faults && strcmp(faults, "all") == 0;
	char before[STATE_BYTES], after[STATE_BYTES];
	struct told told;

	prepare(f, change, before);
	run_command("cp -a %s %s", f->ready, f->work);
	assert_true(make_in_child(f->work, change, 0, false, FAULT_COUNT, &told));
	memcpy(after, told.state, sizeof(after));
	for (unsigned at = 1; at <= told.n_calls; at++) {
		const bool is_odd = (at + turn) % 2;

		check_fault(f, change, at, is_odd ? FAULT_EIO : FAULT_ENOSPC, before, after);
		check_fault(f, change, at, is_odd ? FAULT_EINTR : FAULT_SHORT, before, after);
		if (!all)
			continue;
		check_fault(f, change, at, is_odd ? FAULT_ENOSPC : FAULT_EIO, before, after);
		check_fault(f, change, at, is_odd ? FAULT_SHORT : FAULT_EINTR, before, after);
	}
}

static void crash_anywhere_leaves_old_or_new(void **state)
{
	for (size_t i = 0; i < N_CHANGES; i++)
		check_change(*state, &CHANGES[i]);
}

static void call_that_fails_leaves_one_truth(void **state)
{
	for (size_t i = 0; i < N_CHANGES; i++)
		change_with_a_failing_call(*state, &CHANGES[i], (unsigned)i);
}

// --- What another martletd left -------------------------------------------------------------------

static void write_file(const char *path, const char *file, const void *data, size_t size)
{
	char whole[128];
	FILE *to;

	snprintf(whole, sizeof(whole), "%s/models/lab/%s", path, file);
	to = fopen(whole, "w");
	assert_int_equal(fwrite(data, 1, size, to), size);
	fclose(to);
}

static void expect_untouched(struct machine *m, const char *text, const char *word)
{
	static const struct step CHANGES_OF_IT[] = { { .begin = deploy_begin,
							     .wish = { .id = 9, .live = 1 } },
		{ .begin = deploy_begin_rollback, .version = 0 },
		{ .begin = deploy_begin_load, .version = 0 },
		{ .begin = unload_begin, .version = 0 }, { .begin = remove_begin, .version = 1 },
		{ .begin = remove_begin_model, .version = 0 } };
	const struct model_entry *entry = models_find(&m->server->models, "lab");
	struct error err;
	void *data;
	size_t size;

	assert_non_null(strstr(entry->reason, word));
	assert_int_equal(entry->state, MODEL_STATE_UNAVAILABLE);
	for (size_t i = 0; i < sizeof(CHANGES_OF_IT) / sizeof(CHANGES_OF_IT[0]); i++) {
		make(m, &CHANGES_OF_IT[i]);
		assert_int_equal(m->status, 409);
		assert_non_null(strstr(m->refusal, word));
	}
	make(m, &(struct step){ .begin = push_begin, .version = 7 });
	assert_int_equal(m->status, 201); // it is beside, and comes into service later
	assert_int_equal(store_read(m->c.store, "lab", STORE_DEPLOYMENT, &data, &size, &err), 0);
	assert_int_equal(size, strlen(text));
	assert_memory_equal(data, text, size);
	free(data);
}

static void record_of_a_later_martletd_is_left_alone(void **state)
{
	static const char *const TEXTS[] = {
		"{\"format\":4,\"id\":7,\"everything\":\"else\",\"is\":[\"another\"]}",
		"{\"format\":3,\"id\":7,\"loaded\":true,\"live\":{\"version\":1,\"region\":\"eu\"}"
		"}",
	};
	const struct folders *f = *state;
	char before[STATE_BYTES];

	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		struct machine m;

		prepare(f, change_named("a push"), before);
		write_file(f->ready, STORE_DEPLOYMENT, TEXTS[i], strlen(TEXTS[i]));
		begin(&m, f->ready);
		expect_untouched(&m, TEXTS[i], i ? "\"region\"" : "format 4");
		end(&m);
	}
}

static void image_of_a_later_martletd_is_said(void **state)
{
	const struct folders *f = *state;
	char before[STATE_BYTES];
	const struct model_entry *entry;
	struct machine m;
	void *image;
	size_t size;

	prepare(f, change_named("a push"), before);
	image = image_of(2, &size);
	((uint8_t *)image)[8] = 2; // the version of the format
	write_file(f->ready, "2.mlt", image, size);
	begin(&m, f->ready);
	entry = models_find(&m.server->models, "lab");
	assert_int_equal(entry->state, MODEL_STATE_UNAVAILABLE);
	assert_non_null(strstr(entry->reason, "version 2: "));
	make(&m, &(struct step){ .begin = deploy_begin_rollback, .version = 0 });
	assert_int_equal(m.status, 200);
	end(&m);
	free(image);
}

// The live one serves; what is beside it is said to be missing, and no other change is made in silence.
static void canary_without_its_image_is_said(void **state)
{
	const struct folders *f = *state;
	const struct model_entry *entry;
	char before[STATE_BYTES];
	struct machine m;

	prepare(f, change_named("a push"), before);
	run_command("rm %s/models/lab/3.mlt%s", f->ready, "");
	begin(&m, f->ready);
	entry = models_find(&m.server->models, "lab");
	assert_int_equal(entry->state, MODEL_STATE_READY);
	assert_non_null(strstr(entry->reason, "version 3 (canary) is not in service: "));
	assert_non_null(dataplane_find(&m.dp, ID, 2));
	make(&m, &(struct step){ .begin = deploy_begin, .wish = { .live = 6 } });
	assert_int_equal(m.status, 409);
	assert_non_null(strstr(m.refusal, "version 3, which is its canary already"));
	make(&m, &(struct step){ .begin = deploy_begin, .wish = { .has_canary = true } });
	assert_int_equal(m.status, 200);
	assert_string_equal(entry->reason, "");
	end(&m);
}

static void policy_that_is_not_understood_keeps_all(void **state)
{
	const struct folders *f = *state;
	char before[STATE_BYTES], after[STATE_BYTES];
	struct machine m;

	prepare(f, change_named("a push"), before);
	write_file(f->ready, STORE_RETENTION, "best 3", 6);
	begin(&m, f->ready);
	m.config.store.keep_versions = 1;
	retain(m.server, NULL, 0);
	wait_for_all(&m);
	state_of(&m, after);
	assert_string_equal(strstr(after, ", stored"), strstr(before, ", stored"));
	make(&m, &(struct step){ .begin = retain_begin_change });
	assert_int_equal(m.status, 200);
	state_of(&m, after);
	assert_string_equal(
		strstr(after, ", stored"), ", stored 1 2 3 4 5 6"); // each has a role, or is newest
	end(&m);
}

// Two hundred go by one wish, and where one of them cannot be removed the others do.
static void retention_goes_on_to_the_end(void **state)
{
	const struct folders *f = *state;
	const struct model_entry *entry;
	struct faulty faulty;
	char before[STATE_BYTES];
	struct machine m;

	prepare(f, change_named("a first deployment"), before);
	begin(&m, f->ready);
	for (uint16_t v = VERSIONS + 1; v <= 200; v++)
		make(&m, &(struct step){ .begin = push_begin, .version = v });
	entry = models_find(&m.server->models, "lab");
	assert_int_equal(entry->n_versions, 200);
	faulty_begin(&faulty, &m.c, FAULT_EIO, 8 + 2);
	make(&m, &(struct step){ .begin = retain_begin_change, .retention = { true, 3 } });
	faulty_end(&faulty, &m.c);
	assert_int_equal(m.status, 200);
	assert_int_equal(entry->n_versions, 4);
	assert_int_equal(entry->versions[0].version, 1);
	end(&m);
}

// --------------------------------------------------------------------------------------------------

static int setup(void **state)
{
	struct folders *f = calloc(1, sizeof(*f));
	int null = open("/dev/null", O_WRONLY);

	f->saved_stderr = dup(STDERR_FILENO);
	dup2(null, STDERR_FILENO); // a line of log each
	close(null);
	*state = f;
	strcpy(f->base, "/dev/shm/test_crash.XXXXXX"); // thousands of files made durable
	if (!mkdtemp(f->base)) {
		strcpy(f->base, "/tmp/test_crash.XXXXXX");
		if (!mkdtemp(f->base))
			return -1;
	}
	snprintf(f->ready, sizeof(f->ready), "%s/ready", f->base);
	snprintf(f->work, sizeof(f->work), "%s/work", f->base);
	return 0;
}

static int teardown(void **state)
{
	struct folders *f = *state;

	run_command("rm -rf %s%s", f->base, "");
	dup2(f->saved_stderr, STDERR_FILENO);
	close(f->saved_stderr);
	free(f);
	return 0;
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(crash_anywhere_leaves_old_or_new),
		CASE(call_that_fails_leaves_one_truth),
		CASE(record_of_a_later_martletd_is_left_alone),
		CASE(image_of_a_later_martletd_is_said),
		CASE(canary_without_its_image_is_said),
		CASE(policy_that_is_not_understood_keeps_all),
		CASE(retention_goes_on_to_the_end),
	};

	if (sodium_init() < 0)
		return 1;
	minisign_make(&signer_secret, &signer);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
