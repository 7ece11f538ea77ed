// SPDX-License-Identifier: BSD-3-Clause
// Which features go into which autoencoder of an ensemble: Mirsky, Doitshman, Elovici, Shabtai, "Kitsune: An Ensemble of
// Autoencoders for Online Network Intrusion Detection", NDSS 2018, section V.C.
#pragma once

#include "infer/learn/data/dataset_part.h"

#define KITSUNE_FEATURES_MAX 4096 // the distances of all pairs are kept

struct kitsune_map {
	uint32_t n_clusters;
	uint32_t *first;    // [n_clusters + 1] in `features`
	uint32_t *features; // [n_features], each once, ascending within a cluster
};

// Clusters of at most `most` features each (1 or more): those that correlate are together. Features are joined by single
// linkage of the distances 1 - correlation over the rows, those of a constant feature being 1; the tree is cut from the top
// until each part is small enough. Clusters go by their least feature. -EINVAL too many features; -ENOMEM.
int kitsune_map_fit(
	const struct dataset_part *rows, uint32_t most, struct kitsune_map *map, struct error *err);
void kitsune_map_fini(struct kitsune_map *map); // a zeroed one is fine
