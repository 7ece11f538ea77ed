// SPDX-License-Identifier: BSD-3-Clause
// The queue of operations: one at a time and in order, however many; ready after all of the start;
// errors to statuses; nothing is lost when the server goes.
#include "ctl/server/operations/cost.h"
#include "ctl/server/operations/operation.h"

#include "ctl/server/operations/verify.h"
#include "ctl/server/store/store_change.h"
#include "infer/image/image.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"
#include "tests/unit/store_case.h"

#include <fcntl.h>
#include <unistd.h>

static struct server *server;
static struct config *config;

static char told[256]; // what happened, a word each
static int n_replies, last_status;

static int make_server(void **state)
{
	server = calloc(1, sizeof(*server));
	server->cost = cost_create(server);
	config = calloc(1, sizeof(*config));
	server->config = config;
	told[0] = '\0';
	n_replies = last_status = 0;
	return 0;
}

static int free_server(void **state)
{
	models_fini(&server->models);
	cost_destroy(server->cost);
	free(server);
	free(config);
	return 0;
}

static void tell(const char *word)
{
	size_t n = strlen(told);

	snprintf(told + n, sizeof(told) - n, "%s%s", n ? " " : "", word);
}

static void reply(void *arg, int status, json_t *body, const char *refusal)
{
	n_replies++;
	last_status = status;
	json_decref(body);
	if (refusal)
		assert_true(refusal[0] != '\0');
}

static const struct operation_client CLIENT = { reply, NULL, "uid 1000" };

static void begin_and_wait(struct operation *op)
{
	tell(op->model);
}

static void begin_and_refuse(struct operation *op)
{
	tell(op->model);
	operation_fail(op, 409, "no");
}

static void queue(
	struct operation_client client, const char *name, void (*begin)(struct operation *op))
{
	operation_start(operation_create(server, client, "test", begin, name, 1));
}

static void operations_run_one_at_a_time_in_order(void **state)
{
	queue(CLIENT, "a", begin_and_wait);
	queue(CLIENT, "b", begin_and_wait);
	queue(CLIENT, "c", begin_and_refuse);
	queue(CLIENT, "d", begin_and_wait);
	assert_string_equal(told, "a");
	operation_reply(server->operations.first, 200, json_object());
	assert_string_equal(told, "a b");
	operation_reply(server->operations.first, 201, json_object());
	assert_string_equal(told, "a b c d");
	assert_int_equal(last_status, 409);
	operation_reply(server->operations.first, 200, json_object());
	assert_int_equal(n_replies, 4);
	assert_null(server->operations.first);
	assert_null(server->operations.last);
}

// Each of them on top of the one before would need hundreds of megabytes of stack.
static void thousands_of_refusals_take_no_stack(void **state)
{
	enum { MANY = 50000 };
	int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);

	queue(CLIENT, "first", begin_and_wait);
	for (int i = 0; i < MANY; i++)
		queue(CLIENT, "m", begin_and_refuse);
	dup2(null, STDERR_FILENO); // a line of log each
	operation_reply(server->operations.first, 200, json_object());
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(null);
	assert_int_equal(n_replies, MANY + 1);
	assert_null(server->operations.first);
}

static void ready_waits_for_the_last_of_the_start(void **state)
{
	const struct operation_client none = { 0 };

	operation_hold(server);
	queue(none, "a", begin_and_refuse);
	queue(none, "b", begin_and_wait);
	queue(none, "c", begin_and_refuse);
	assert_string_equal(told, "");
	operation_release(server);
	assert_string_equal(told, "a b");
	assert_int_equal(server->phase, SERVER_STARTING);
	queue(CLIENT, "d", begin_and_wait); // a client's does not count
	operation_reply(server->operations.first, 200, NULL);
	assert_string_equal(told, "a b c d");
	assert_int_equal(server->phase, SERVER_READY);
	operation_reply(server->operations.first, 200, json_object());
}

static void nothing_to_bring_back_is_ready_at_once(void **state)
{
	operation_hold(server);
	operation_release(server);
	assert_int_equal(server->phase, SERVER_READY);
}

static void draining_refuses_clients(void **state)
{
	server->phase = SERVER_DRAINING;
	queue(CLIENT, "a", begin_and_wait);
	assert_int_equal(last_status, 503);
	assert_string_equal(told, "");
	assert_null(server->operations.first);
}

static void status_tells_ours_from_theirs(void **state)
{
	static const struct {
		int code, status;
	} cases[] = { { -ENOSPC, 507 }, { -EDQUOT, 507 }, { -ENOMEM, 500 }, { -EIO, 500 },
		{ -EINVAL, 422 }, { -ENOTSUP, 422 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct error err = { .code = cases[i].code };

		assert_int_equal(operation_status(&err, 422), cases[i].status);
	}
}

// --- Images --------------------------------------------------------------------------------------

// A Gemm whose last input is computed has no kernel: its plan says so on the way to the plain form.
static struct graph *graph_without_kernel(void)
{
	struct graph *graph = graph_create();
	uint32_t inputs[3];

	assert_non_null(graph);
	inputs[0] = inputs[2] = graph_f32(graph, "x", 2, (int64_t[]){ 1, 2 });
	inputs[1] = graph_f32_constant(graph, "w", 2, (int64_t[]){ 2, 2 }, 5);
	graph_finish(graph, inputs[0], graph_op(graph, OP_GEMM, 3, inputs));
	return graph;
}

static void image_without_a_kernel_is_sound(void **state)
{
	struct operation op = { .server = server, .version = 1 };
	struct graph *graph = graph_without_kernel();

	if (image_write(graph, &op.data, &op.size, &op.err) != 0)
		fail_msg("%s", op.err.text);
	verify_image(&op);
	if (op.err.code)
		fail_msg("%s", op.err.text);
	((char *)op.data)[op.size - 1] ^= 1;
	verify_image(&op);
	assert_int_equal(op.err.code, -EINVAL);
	assert_int_equal(op.status, 422);
	free(op.data);
	graph_destroy(graph);
}

// --- With a store --------------------------------------------------------------------------------

static void then_tell(struct operation *op)
{
	tell(op->err.code ? "failed" : "written");
	operation_fail(op, op->status, "%s", op->err.text);
}

static void begin_and_write(struct operation *op)
{
	op->record = (struct record){ .id = 7, .live = { 1, "" }, .loaded = true };
	operation_write_record(op, then_tell);
}

static void change_that_fails_is_told_with_its_status(void **state)
{
	struct store_case *c = *state;

	make_server(NULL);
	server->store = c->store;
	queue(CLIENT, "..", begin_and_write);
	assert_string_equal(told, "failed");
	assert_int_equal(last_status, 500);
	free_server(NULL);
}

// One waits for the disk, one has not begun: both are freed, and only then the store is closed.
static void server_that_goes_gives_up_what_is_queued(void **state)
{
	struct store_case *c = *state;

	make_server(NULL);
	server->store = c->store;
	queue(CLIENT, "lab", begin_and_write);
	queue(CLIENT, "second", begin_and_wait);
	assert_ptr_not_equal(server->operations.first, server->operations.last);
	operation_give_up_all(server);
	assert_string_equal(told, "failed");
	assert_null(server->operations.first);
	assert_false(store_case_has(c, "lab"));
	free_server(NULL);
}

static void then_work(struct operation *op)
{
	tell(op->err.code ? "failed" : "written");
	operation_work(op, NULL, then_tell);
}

static void begin_and_write_then_work(struct operation *op)
{
	op->record = (struct record){ .id = 7, .live = { 1, "" }, .loaded = true };
	operation_write_record(op, then_work);
}

// What follows the disk may be work, and the worker thread has gone before.
static void server_that_goes_has_no_work_done(void **state)
{
	struct store_case *c = *state;

	make_server(NULL);
	server->store = c->store;
	queue(CLIENT, "lab", begin_and_write_then_work);
	operation_give_up_all(server);
	assert_string_equal(told, "failed");
	assert_int_equal(n_replies, 1);
	assert_int_equal(last_status, 503);
	assert_null(server->operations.first);
	free_server(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			operations_run_one_at_a_time_in_order, make_server, free_server),
		cmocka_unit_test_setup_teardown(
			thousands_of_refusals_take_no_stack, make_server, free_server),
		cmocka_unit_test_setup_teardown(
			ready_waits_for_the_last_of_the_start, make_server, free_server),
		cmocka_unit_test_setup_teardown(
			nothing_to_bring_back_is_ready_at_once, make_server, free_server),
		cmocka_unit_test_setup_teardown(draining_refuses_clients, make_server, free_server),
		cmocka_unit_test(status_tells_ours_from_theirs),
		cmocka_unit_test_setup_teardown(
			image_without_a_kernel_is_sound, make_server, free_server),
		STORE_CASE(change_that_fails_is_told_with_its_status, "synchronous",
			store_case_begin_plain),
		STORE_CASE(server_that_goes_gives_up_what_is_queued, "io_uring",
			store_case_begin_ring),
		STORE_CASE(server_that_goes_has_no_work_done, "io_uring", store_case_begin_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
