// SPDX-License-Identifier: BSD-3-Clause
// admit: every status that is decided before scoring, their order, and priority.
#include "dataplane/admit.h"

#include "dataplane/auth/auth.h"
#include "tests/unit/frame.h"
#include "tests/unit/stand_in_model.h"

#include <sodium.h>

// cmocka wants the three above first

// Under test, calling the stand-in model.
#include "dataplane/admit.c"
#include "dataplane/registry.c"
#include "tests/cmocka.h"

static struct registry *registry;
static struct slot_stats pings;
static struct frame frame;

// Admits the frame's request and says with which status it is refused; OK: it may be scored.
static unsigned admit(void)
{
	frame.p.kind = PACKET_SCORE;
	frame.p.payload_offset = 42;
	admit_packet(&frame.m, registry, 1, &pings);
	return frame.p.kind == PACKET_SCORE ? WIRE_STATUS_OK : frame.p.status;
}

static struct wire_header *request(void) // of 2 rows for the model with 4 features and 3 outputs
{
	frame_request(&frame, false, false, WIRE_TYPE_SCORE, 2, 4, 32 + 2 * 4 * 4);
	frame.p.payload_bytes = 32 + 2 * 4 * 4;
	return frame_wire(&frame);
}

static void good_request_is_to_be_scored(void **state)
{
	request();
	assert_int_equal(admit(), WIRE_STATUS_OK);
	assert_ptr_equal(frame.p.deployment, registry_lookup(registry, 7));
	assert_ptr_equal(frame.p.stats, frame.p.deployment->stats[1]);
	assert_int_equal(frame.p.rows, 2);
	assert_int_equal(frame.p.outputs, 3);
	assert_int_equal(frame.p.version, 5);
	request()->model_version = 5;
	assert_int_equal(admit(), WIRE_STATUS_OK);
}

static void ping_becomes_pong_whatever_else_it_says(void **state)
{
	request()->type = WIRE_TYPE_PING;
	frame_wire(&frame)->model = 999;
	frame_wire(&frame)->rows = 0;
	frame_wire(&frame)->dtype = 77;
	admit();
	assert_int_equal(frame.p.kind, PACKET_PONG);
	assert_ptr_equal(frame.p.stats, &pings);
}

// Keys 3 (this model alone) and 4 (another), and what is demanded of the model.
static void put_auth(struct auth **auth, const char *required)
{
	struct wire_keys *keys = calloc(1, sizeof(*keys) + 2 * sizeof(keys->keys[0]));
	struct config_trust trust = { .n_require_authentication = required != NULL };
	struct auth_table *table;
	struct error err;

	keys->n = 2;
	keys->keys[0] = (struct wire_key){ .id = 3, .n_models = 1 };
	keys->keys[1] = (struct wire_key){ .id = 4, .n_models = 1 };
	strcpy(keys->keys[0].models[0], registry_lookup(registry, 7)->name);
	strcpy(keys->keys[1].models[0], "another");
	if (required)
		strcpy(trust.require_authentication[0], required);
	assert_int_equal(auth_create(NULL, 0, auth, &err), 0);
	assert_int_equal(auth_prepare_keys(*auth, &trust, keys, 1, &table, &err), 0);
	auth_commit(*auth, table);
	registry->auth = *auth;
	free(keys);
}

static unsigned admit_with_key(uint16_t key)
{
	request();
	frame.p.key = key;
	const unsigned status = admit();

	frame.p.key = 0;
	return status;
}

static void key_uses_its_models_alone(void **state)
{
	struct auth *auth;

	put_auth(&auth, NULL);
	assert_int_equal(admit_with_key(0), WIRE_STATUS_OK);
	assert_int_equal(admit_with_key(3), WIRE_STATUS_OK);
	assert_int_equal(admit_with_key(4), WIRE_STATUS_FORBIDDEN);
	// One that went while the request was in a ring.
	assert_int_equal(admit_with_key(5), WIRE_STATUS_FORBIDDEN);
	// The version is not looked at before.
	request()->model_version = 4;
	frame.p.key = 4;
	assert_int_equal(admit(), WIRE_STATUS_FORBIDDEN);
	admit_again(&frame.m, registry, 1);
	assert_int_equal(frame.p.status, WIRE_STATUS_FORBIDDEN);
	frame.p.key = 0;
	registry->auth = NULL;
	auth_destroy(auth);
}

// check.c has dropped what is not authenticated; unless the model came into service only then.
static void model_that_demands_keys_is_none_to_others(void **state)
{
	struct auth *auth;

	put_auth(&auth, registry_lookup(registry, 7)->name);
	assert_int_equal(admit_with_key(0), WIRE_STATUS_NO_MODEL);
	assert_int_equal(admit_with_key(3), WIRE_STATUS_OK);
	registry->auth = NULL;
	auth_destroy(auth);
	put_auth(&auth, "*");
	assert_int_equal(admit_with_key(0), WIRE_STATUS_NO_MODEL);
	registry->auth = NULL;
	auth_destroy(auth);
	put_auth(&auth, "another");
	assert_int_equal(admit_with_key(0), WIRE_STATUS_OK);
	registry->auth = NULL;
	auth_destroy(auth);
}

static void malformed_is_a_bad_request(void **state)
{
	static const uint8_t TYPES[] = { 0, WIRE_TYPE_RESULT, WIRE_TYPE_PONG, 5, 255 };

	for (size_t i = 0; i < RTE_DIM(TYPES); i++) {
		request()->type = TYPES[i];
		assert_int_equal(admit(), WIRE_STATUS_BAD_REQUEST);
	}
	request()->rows = 0;
	assert_int_equal(admit(), WIRE_STATUS_BAD_REQUEST);
	request()->columns = 0;
	assert_int_equal(admit(), WIRE_STATUS_BAD_REQUEST);
	request()->dtype = 5;
	assert_int_equal(admit(), WIRE_STATUS_BAD_REQUEST);
	request()->dtype = 255;
	assert_int_equal(admit(), WIRE_STATUS_BAD_REQUEST);
	request();
	frame.p.payload_bytes--;
	assert_int_equal(admit(), WIRE_STATUS_BAD_REQUEST);
	request()->rows = 65535;
	frame_wire(&frame)->columns = 65535;
	assert_int_equal(admit(), WIRE_STATUS_BAD_REQUEST);
}

static void smaller_types_need_fewer_bytes(void **state)
{
	static const uint8_t BYTES[] = { 4, 2, 2, 1, 1 };

	for (size_t dtype = 0; dtype < RTE_DIM(BYTES); dtype++) {
		request()->dtype = (uint8_t)dtype;
		frame.p.payload_bytes = 32 + 2 * 4 * BYTES[dtype] - 1u;
		assert_int_equal(admit(), WIRE_STATUS_BAD_REQUEST);
		frame.p.payload_bytes++;
		assert_int_equal(admit(),
			BYTES[dtype] * 4 < 3 * 4 ? WIRE_STATUS_REPLY_TOO_LARGE : WIRE_STATUS_OK);
	}
}

static void unknown_model_or_version_is_no_model(void **state)
{
	request()->model = 8;
	assert_int_equal(admit(), WIRE_STATUS_NO_MODEL);
	request()->model = 0;
	assert_int_equal(admit(), WIRE_STATUS_NO_MODEL);
	request()->model = 65535;
	assert_int_equal(admit(), WIRE_STATUS_NO_MODEL);
	request()->model_version = 4;
	assert_int_equal(admit(), WIRE_STATUS_NO_MODEL);
}

static void loading_model_is_not_ready(void **state)
{
	registry_set_loading(registry, 8, true);
	request()->model = 8;
	assert_int_equal(admit(), WIRE_STATUS_NOT_READY);
	request()->model = 9;
	assert_int_equal(admit(), WIRE_STATUS_NO_MODEL);
	registry_set_loading(registry, 8, false);
	request()->model = 8;
	assert_int_equal(admit(), WIRE_STATUS_NO_MODEL);
	registry->recovering = true; // whatever the id: the store is not read yet
	assert_int_equal(admit(), WIRE_STATUS_NOT_READY);
	registry->recovering = false;
}

static void draining_is_not_ready_but_still_pongs(void **state)
{
	registry->draining = true;
	request();
	assert_int_equal(admit(), WIRE_STATUS_NOT_READY);
	request()->rows = 0;
	assert_int_equal(admit(), WIRE_STATUS_BAD_REQUEST);
	request()->type = WIRE_TYPE_PING;
	admit();
	assert_int_equal(frame.p.kind, PACKET_PONG);
	registry->draining = false;
}

static void wrong_columns_are_a_bad_shape(void **state)
{
	request()->columns = 3;
	assert_int_equal(admit(), WIRE_STATUS_BAD_SHAPE);
	frame_wire(&frame)->model_version = 4; // what has to be mended first is said first
	assert_int_equal(admit(), WIRE_STATUS_NO_MODEL);
}

static void longer_reply_than_request_is_refused(void **state)
{
	request()->dtype = ROW_DTYPE_U8;
	frame.p.payload_bytes = 32 + 2 * 3 * 4 - 1;
	assert_int_equal(admit(), WIRE_STATUS_REPLY_TOO_LARGE);
	frame.p.payload_bytes++; // padded, it fits to the byte
	assert_int_equal(admit(), WIRE_STATUS_OK);
}

static void change_behind_the_ring_is_noticed(void **state)
{
	struct deployment_request next = { .id = 7, .name = "m", .version = 6 };
	struct error err;

	request();
	assert_int_equal(admit(), WIRE_STATUS_OK);
	next.model = stand_in_model(9, 3, 0);
	assert_int_equal(registry_publish(registry, &next, &err), 0);
	admit_again(&frame.m, registry, 0);
	assert_int_equal(frame.p.kind, PACKET_RESULT);
	assert_int_equal(frame.p.status, WIRE_STATUS_BAD_SHAPE);
	next.version = 5;
	next.model = stand_in_model(4, 3, 0);
	assert_int_equal(registry_publish(registry, &next, &err), 0);
	request();
	assert_int_equal(admit(), WIRE_STATUS_OK);
	admit_again(&frame.m, registry, 0);
	assert_int_equal(frame.p.kind, PACKET_SCORE);
	assert_ptr_equal(frame.p.stats, frame.p.deployment->stats[0]);
}

static void burst_puts_high_priority_first(void **state)
{
	static struct frame frames[6];
	struct rte_mbuf *mbufs[6], *answers[6];
	uint16_t n_scores, n_answers;

	for (int i = 0; i < 6; i++) {
		request();
		frames[i] = frame;
		frames[i].m.buf_addr = frames[i].room;
		frames[i].p.kind = PACKET_SCORE;
		frames[i].p.payload_offset = 42;
		frames[i].p.flags = i == 2 || i == 5 ? WIRE_FLAG_PRIORITY : 0;
		mbufs[i] = &frames[i].m;
	}
	frame_wire(&frames[1])->rows = 0;
	n_scores = admit_burst(mbufs, 6, registry, 0, &pings, answers, &n_answers);
	assert_int_equal(n_scores, 5);
	assert_ptr_equal(mbufs[0], &frames[2].m);
	assert_ptr_equal(mbufs[1], &frames[5].m);
	assert_ptr_equal(mbufs[2], &frames[0].m);
	assert_ptr_equal(mbufs[3], &frames[3].m);
	assert_ptr_equal(mbufs[4], &frames[4].m);
	assert_int_equal(n_answers, 1);
	assert_ptr_equal(answers[0], &frames[1].m);
}

static int set_up(void **state)
{
	struct deployment_request first = { .id = 7, .name = "m", .version = 5 };
	struct error err;

	if (sodium_init() < 0)
		return -1;
	if (registry_create(2, 1 << 20, 1500, NULL, &registry, &err))
		return -1;
	first.model = stand_in_model(4, 3, 0);
	return registry_publish(registry, &first, &err);
}

static int tear_down(void **state)
{
	registry_destroy(registry);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_request_is_to_be_scored),
		cmocka_unit_test(ping_becomes_pong_whatever_else_it_says),
		cmocka_unit_test(key_uses_its_models_alone),
		cmocka_unit_test(model_that_demands_keys_is_none_to_others),
		cmocka_unit_test(malformed_is_a_bad_request),
		cmocka_unit_test(smaller_types_need_fewer_bytes),
		cmocka_unit_test(unknown_model_or_version_is_no_model),
		cmocka_unit_test(loading_model_is_not_ready),
		cmocka_unit_test(draining_is_not_ready_but_still_pongs),
		cmocka_unit_test(wrong_columns_are_a_bad_shape),
		cmocka_unit_test(longer_reply_than_request_is_refused),
		cmocka_unit_test(change_behind_the_ring_is_noticed),
		cmocka_unit_test(burst_puts_high_priority_first),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
