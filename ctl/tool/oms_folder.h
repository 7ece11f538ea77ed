// SPDX-License-Identifier: BSD-3-Clause
// A model's folder, as a bundle of OpenSSF Model Signing has signed it: each of its files, and no other. Any thread.
#pragma once

#include "ctl/tool/oms_statement.h"

#include <stdint.h>

// Checks every file below the folder at `path` but those that the statement ignores, those at and below the paths of
// `left_out` ("a,b/c", below the folder; NULL: none), and the bundle itself, the file at `bundle`. -ENOENT: one was not signed; -EBADMSG: it is another; -ELOOP: a link; -EINVAL: neither file nor folder; what reading
// said. *n files were checked. Whether files are missing says oms_statement_check_all().
int oms_folder_check(struct oms_statement *statement, const char *path, const char *bundle,
	const char *left_out, uint32_t *n, struct error *err);
