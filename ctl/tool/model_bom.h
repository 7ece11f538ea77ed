// SPDX-License-Identifier: BSD-3-Clause
// A model's bill of materials: what it is, what it was made from and who says so, as CycloneDX 1.6 has it
// (https://cyclonedx.org/docs/1.6/json/), a component of the type machine-learning-model with its model card. The same
// image and signature give the same bytes: nothing in it is measured, and it bears no date.
#pragma once

#include "infer/infer.h"

// Prints the bill of the image at `path` to standard output. Where a signature lies beside it (IMAGE.minisig) it says
// whose it claims to be; where `signer` names a file with a public key, or is the key itself, it is verified, and a
// signature that is not there or is not that key's is refused. Returns an enum tool_exit.
int model_bom_print(const char *path, const struct model_options *options, const char *signer);
