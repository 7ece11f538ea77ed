// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/train/kitsune_map.h"

#include <cblas.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_ROWS 512 // whose products are added up at once

// --- Distances -------------------------------------------------------------------------------------

// Means, and squares and products of what is left of the values without them, [n][n], the lower half.
struct moments {
	uint32_t n;
	double *means, *products, *block;
};

static void moments_add_block(
	struct moments *moments, const struct dataset_part *rows, size_t first)
{
	const size_t left = rows->n - first, n = moments->n;
	const size_t count = left < BLOCK_ROWS ? left : BLOCK_ROWS;

	for (size_t r = 0; r < count; r++) {
		const float *x = rows->set->values + (size_t)rows->index[first + r] * n;

		for (size_t f = 0; f < n; f++)
			moments->block[r * n + f] = (double)x[f] - moments->means[f];
	}
	cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (blasint)n, (blasint)count, 1,
		moments->block, (blasint)n, 1, moments->products, (blasint)n);
}

static void moments_of(struct moments *moments, const struct dataset_part *rows)
{
	const size_t n = moments->n;

	for (size_t r = 0; r < rows->n; r++) {
		const float *x = rows->set->values + (size_t)rows->index[r] * n;

		for (size_t f = 0; f < n; f++)
			moments->means[f] += (double)x[f] / (double)rows->n;
	}
	for (size_t first = 0; first < rows->n; first += BLOCK_ROWS)
		moments_add_block(moments, rows, first);
}

static double moments_distance(const struct moments *moments, uint32_t a, uint32_t b)
{
	const size_t n = moments->n, low = a > b ? a : b, high = a > b ? b : a;
	const double scale =
		sqrt(moments->products[a * n + a]) * sqrt(moments->products[b * n + b]);
	const double correlation = scale > 0 ? moments->products[low * n + high] / scale : 0;

	return correlation < 1 ? 1 - correlation : 0;
}

// --- Tree ------------------------------------------------------------------------------------------

struct edge {
	double length;
	uint32_t a, b; // a < b
};

// By their numbers where lengths are equal, so that there is one order.
static int edge_compare(const void *x, const void *y)
{
	const struct edge *a = x, *b = y;

	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	if (a->a != b->a)
		return a->a < b->a ? -1 : 1;
	return (a->b > b->b) - (a->b < b->b);
}

// The shortest edges that join all features, [n - 1]: what single linkage joins by (Prim's algorithm). `near` and `from`
// are of its own.
static void tree_grow(
	const struct moments *moments, struct edge *edges, double *near, uint32_t *from)
{
	const uint32_t n = moments->n;

	for (uint32_t f = 0; f < n; f++)
		near[f] = INFINITY;
	for (uint32_t last = 0, done = 0; done + 1 < n; done++) {
		uint32_t next = UINT32_MAX;

		near[last] = -1; // in the tree
		for (uint32_t f = 0; f < n; f++) {
			const double distance =
				near[f] < 0 ? 0 : moments_distance(moments, last, f);

			if (near[f] < 0)
				continue;
			if (distance < near[f]) {
				near[f] = distance;
				from[f] = last;
			}
			if (next == UINT32_MAX || near[f] < near[next])
				next = f;
		}
		edges[done] = (struct edge){ near[next], next < from[next] ? next : from[next],
			next < from[next] ? from[next] : next };
		last = next;
	}
	qsort(edges, n > 0 ? n - 1 : 0, sizeof(*edges), edge_compare);
}

static uint32_t tree_root(uint32_t *parent, uint32_t f)
{
	while (parent[f] != f)
		f = parent[f] = parent[parent[f]];
	return f;
}

// Joins all features from below, and those of a cluster only where what comes of it is small enough: all that is cut off
// from the top is then what was not. parent, size, cluster: [n].
static void tree_cut(uint32_t n, const struct edge *edges, uint32_t most, uint32_t *parent,
	uint32_t *size, uint32_t *cluster)
{
	for (uint32_t f = 0; f < n; f++) {
		parent[f] = cluster[f] = f;
		size[f] = 1;
	}
	for (uint32_t e = 0; e + 1 < n; e++) {
		const uint32_t a = tree_root(parent, edges[e].a), b = tree_root(parent, edges[e].b);

		parent[b] = a;
		size[a] += size[b];
		if (size[a] <= most) {
			const uint32_t x = tree_root(cluster, edges[e].a);
			const uint32_t y = tree_root(cluster, edges[e].b);

			// The least feature is the root, by which clusters are ordered.
			cluster[x > y ? x : y] = x > y ? y : x;
		}
	}
}

// --- Map -------------------------------------------------------------------------------------------

static void map_fill(struct kitsune_map *map, uint32_t n, uint32_t *cluster)
{
	uint32_t at = 0;

	for (uint32_t root = 0; root < n; root++) {
		if (cluster[root] != root)
			continue;
		map->first[map->n_clusters++] = at;
		for (uint32_t f = root; f < n; f++) {
			if (tree_root(cluster, f) == root)
				map->features[at++] = f;
		}
	}
	map->first[map->n_clusters] = at;
}

static int map_fit(const struct dataset_part *rows, uint32_t most, struct kitsune_map *map)
{
	const size_t n = rows->set->n_features;
	struct moments moments = { .n = (uint32_t)n,
		.means = calloc(n, sizeof(double)),
		.products = calloc(n * n, sizeof(double)),
		.block = malloc(BLOCK_ROWS * n * sizeof(double)) };
	struct edge *edges = calloc(n + 1, sizeof(*edges));
	double *near = calloc(n + 1, sizeof(*near));
	uint32_t *numbers = calloc(3 * n + 1, sizeof(*numbers));
	const bool has = moments.means && moments.products && moments.block && edges && near &&
		numbers && map->first && map->features;

	if (has) {
		moments_of(&moments, rows);
		tree_grow(&moments, edges, near, numbers);
		tree_cut((uint32_t)n, edges, most, numbers, numbers + n, numbers + 2 * n);
		map_fill(map, (uint32_t)n, numbers + 2 * n);
	}
	free(moments.means);
	free(moments.products);
	free(moments.block);
	free(edges);
	free(near);
	free(numbers);
	return has ? 0 : -ENOMEM;
}

int kitsune_map_fit(
	const struct dataset_part *rows, uint32_t most, struct kitsune_map *map, struct error *err)
{
	const size_t n = rows->set->n_features;

	*map = (struct kitsune_map){ 0 };
	if (n > KITSUNE_FEATURES_MAX)
		return error_set(err, -EINVAL,
			"%s: %zu features, an ensemble of autoencoders takes at most %d",
			rows->set->path, n, KITSUNE_FEATURES_MAX);
	map->first = calloc(n + 1, sizeof(*map->first));
	map->features = calloc(n + 1, sizeof(*map->features));
	if (map_fit(rows, most, map) == 0)
		return 0;
	kitsune_map_fini(map);
	return error_set(err, -ENOMEM, "out of memory for the distances of %zu features", n);
}

void kitsune_map_fini(struct kitsune_map *map)
{
	free(map->first);
	free(map->features);
	*map = (struct kitsune_map){ 0 };
}
