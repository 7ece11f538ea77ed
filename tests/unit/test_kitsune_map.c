// SPDX-License-Identifier: BSD-3-Clause
// Clusters of features: those that scipy's single linkage and the cut of KitNET's corClust give for the same rows.
#include "infer/learn/train/kitsune_map.h"

#include "base/random.h"
#include "tests/cmocka.h"
#include "tests/unit/learn_rows.h"

#include <stdio.h>
#include <string.h>

#define ROWS     300
#define FEATURES 24

static float values[ROWS][FEATURES];
static uint32_t index_of[ROWS];
static struct dataset set;
static struct dataset_part part;
static struct error err;

static int set_up(void **state)
{
	uint64_t random = random_start(9, 0);

	for (uint32_t r = 0; r < ROWS; r++) {
		double base[4];

		for (uint32_t b = 0; b < 4; b++)
			base[b] = random_double(&random);
		for (uint32_t f = 0; f < FEATURES; f++) {
			const double noise = f % 5 * 0.3 * random_double(&random);

			values[r][f] = (float)(base[f * f % 4] * (f % 3 ? 1 : -1) + noise);
		}
		values[r][FEATURES - 1] = 5; // constant
	}
	set = learn_rows(values[0], ROWS, FEATURES);
	part = learn_part(&set, index_of, 0, ROWS);
	return 0;
}

static void clusters_are(uint32_t most, const char *wanted)
{
	struct kitsune_map map;
	char text[200] = "";
	size_t at = 0;

	assert_int_equal(kitsune_map_fit(&part, most, &map, &err), 0);
	for (uint32_t c = 0; c < map.n_clusters; c++) {
		for (uint32_t i = map.first[c]; i < map.first[c + 1]; i++)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u",
				i > map.first[c] ? " "
					: c > 0  ? ", "
						 : "",
				map.features[i]);
	}
	assert_string_equal(text, wanted);
	kitsune_map_fini(&map);
}

static void clusters_are_scipys(void **state)
{
	clusters_are(1,
		"0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, "
		"23");
	clusters_are(
		3, "0 6 12, 1 5 11, 2, 3 15 21, 4, 7, 8, 9, 10 16 20, 13, 14, 17, 18, 19, 22, 23");
	clusters_are(7, "0 6 12 18, 1 5 7 11 13 17 19, 2 8 10 14 16 20 22, 3 9 15 21, 4, 23");
	clusters_are(20, "0 1 5 6 7 11 12 13 17 18 19, 2 3 4 8 9 10 14 15 16 20 21 22, 23");
	clusters_are(24, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23");
}

static void one_feature_is_a_cluster(void **state)
{
	set = learn_rows(values[0], ROWS, 1);
	part.set = &set;
	clusters_are(10, "0");
}

static void too_many_features_are_refused(void **state)
{
	struct kitsune_map map;

	set.n_features = KITSUNE_FEATURES_MAX + 1;
	assert_int_equal(kitsune_map_fit(&part, 10, &map, &err), -EINVAL);
	assert_string_equal(err.text,
		"rows.csv: 4097 features, an ensemble of autoencoders takes at most 4096");
}

#define CASE(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(clusters_are_scipys),
		CASE(one_feature_is_a_cluster),
		CASE(too_many_features_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
