// SPDX-License-Identifier: BSD-3-Clause
// An image comes into the store, and what lies beside it comes before it: its signature, and which of the signer's
// numbers was accepted. So a crash leaves no image without these; what it leaves of them without the image is
// removed by store_scan(), and a number that was accepted stays so.
#pragma once

struct operation;

// op->data as op->version of op->model, then then(op). Where that fails (op->err) nothing of it stays, or the
// sentence says that something may.
void keep_image(struct operation *op, void (*then)(struct operation *op));
// The same of the signature of an image that is stored.
void keep_signature(struct operation *op, void (*then)(struct operation *op));
