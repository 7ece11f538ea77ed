// SPDX-License-Identifier: BSD-3-Clause
// The model image (.mlt): a graph as a flat file. Little-endian, every block 64-byte aligned, every
// offset and size checked by image_open() before anything is believed. The layout is documented in
// format.h; the version rises when it changes.
#pragma once

#include "infer/graph/graph.h"

#define IMAGE_VERSION   1
#define IMAGE_BYTES_MAX ((size_t)1 << 31)

// Serialises a checked graph. *image is malloc'ed, at a 64-byte aligned address. Constants of the same
// bytes are written once. The same graph gives the same bytes.
int image_write(const struct graph *graph, void **image, size_t *size, struct error *err);

// Reads an image back. Constants of *graph point into `image`, which must be 64-byte aligned and
// outlive the graph (-EINVAL where it is not aligned). Runs graph_check(). Errors: -EINVAL with
// what is wrong and at which byte, -ENOTSUP for another version.
int image_open(const void *image, size_t size, struct graph **graph, struct error *err);

// What the image was made from, and no more: kind[kind_bytes], cut where it is longer, and the SHA-256. The
// hash is not compared. Errors as above.
int image_source(const void *image, size_t size, char *kind, size_t kind_bytes, uint8_t sha256[32],
	struct error *err);
