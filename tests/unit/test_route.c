// SPDX-License-Identifier: BSD-3-Clause
// route: which version answers; the canary's share over ids, and that it sticks to them.
#include "dataplane/registry.h"
#include "dataplane/route.h"

#include "infer/infer.h"
#include "tests/cmocka.h"

#include <math.h>

static const struct deployment LIVE = { .version = 3 }, CANARY = { .version = 4 },
			       SHADOW = { .version = 5 }, PINNED = { .version = 1 };

static struct model_route route_of(bool canary, bool shadow, bool pinned, uint16_t permille)
{
	return (struct model_route){ .live = &LIVE,
		.live_version = 3,
		.canary = canary ? &CANARY : NULL,
		.canary_version = canary ? 4 : 0,
		.share = { .permille = permille },
		.shadow = shadow ? &SHADOW : NULL,
		.n_pinned = pinned,
		.pinned = { &PINNED },
		.pinned_versions = { 1 } };
}

static const struct deployment *choose(
	const struct model_route *route, uint16_t version, uint64_t id)
{
	const struct wire_header header = {
		.model_version = version, .request_id = id, .rows = 1, .columns = 1
	};

	return route_choose(route, &header);
}

static void versions_are_those_of_each_combination(void **state)
{
	for (unsigned i = 0; i < 8; i++) {
		const bool canary = i & 1, shadow = i & 2, pinned = i & 4;
		const struct model_route route = route_of(canary, shadow, pinned, 0);

		assert_ptr_equal(choose(&route, 0, 77), &LIVE); // 0 per mille is nobody
		assert_ptr_equal(choose(&route, 3, 77), &LIVE);
		assert_ptr_equal(choose(&route, 4, 77), canary ? &CANARY : NULL);
		assert_ptr_equal(choose(&route, 1, 77), pinned ? &PINNED : NULL);
		assert_null(choose(&route, 5, 77)); // a shadow never answers
		assert_null(choose(&route, 9, 77));
	}
}

// Within 5 standard deviations of the binomial distribution, also of ids that follow one another.
static void share_is_what_was_asked_for(void **state)
{
	static const uint16_t PERMILLE[] = { 0, 1, 50, 500, 999, 1000 };
	static const uint64_t STEP[] = { 1, 4096, (uint64_t)1 << 40 };
	const uint32_t n = 200000;

	for (unsigned s = 0; s < 3; s++) {
		for (unsigned p = 0; p < 6; p++) {
			const struct model_route route = route_of(true, false, false, PERMILLE[p]);
			const double share = PERMILLE[p] / 1000.0;
			double found = 0;

			for (uint32_t i = 0; i < n; i++)
				found += choose(&route, 0, i * STEP[s]) == &CANARY;
			assert_true(fabs(found - n * share) <= 5 * sqrt(n * share * (1 - share)));
		}
	}
}

static void larger_share_keeps_who_was_in_it(void **state)
{
	const struct model_route small = route_of(true, false, false, 50),
				 large = route_of(true, false, false, 100);

	for (uint64_t id = 0; id < 20000; id++) {
		if (choose(&small, 0, id) == &CANARY)
			assert_ptr_equal(choose(&large, 0, id), &CANARY);
		assert_ptr_equal(choose(&small, 0, id), choose(&small, 0, id));
	}
}

struct request {
	struct wire_header header;
	float values[3];
};

static void feature_decides_whatever_the_id(void **state)
{
	struct model_route route = route_of(true, false, false, 500);
	struct request request = { .header = { .rows = 1, .columns = 3, .dtype = ROW_DTYPE_F32 } };
	unsigned n = 0;

	route.share.by_feature = true;
	route.share.feature = 2;
	for (int customer = 0; customer < 2000; customer++) {
		const struct deployment *first;

		request.values[0] = 0;
		request.values[2] = (float)customer;
		first = route_choose(&route, &request.header);
		n += first == &CANARY;
		for (uint64_t id = 1; id < 9; id++) {
			request.header.request_id = id;
			request.values[0] = (float)id;
			assert_ptr_equal(route_choose(&route, &request.header), first);
		}
		// The API's values are floats: the same ones are the canary's there.
		assert_int_equal(route_is_canarys(&route.share,
					 route_key_of_value(&request.values[2], sizeof(float))),
			first == &CANARY);
	}
	assert_in_range(n, 888, 1112); // 5 standard deviations
	request.header.columns = 2; // not the model's: refused later, and nothing beyond it is read
	assert_ptr_equal(route_choose(&route, &request.header), &LIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_those_of_each_combination),
		cmocka_unit_test(share_is_what_was_asked_for),
		cmocka_unit_test(larger_share_keeps_who_was_in_it),
		cmocka_unit_test(feature_decides_whatever_the_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
