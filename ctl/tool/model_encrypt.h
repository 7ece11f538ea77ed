// SPDX-License-Identifier: BSD-3-Clause
// "model encrypt", "model decrypt" and "model encryption-key": images that only who has the key can read.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_encrypt_command, model_decrypt_command,
	model_encryption_key_command;
