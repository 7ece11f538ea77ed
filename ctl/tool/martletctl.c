// SPDX-License-Identifier: BSD-3-Clause
// martletctl: the operator's tool. A client of martletd's HTTP API, and everything about models and
// machines that needs no daemon. To add a command: a struct command in a file of its own, and a
// line here.
#include "base/trust/trusted_file.h"
#include "ctl/tool/announce.h"
#include "ctl/tool/audit.h"
#include "ctl/tool/clients.h"
#include "ctl/tool/command.h"
#include "ctl/tool/compare.h"
#include "ctl/tool/config.h"
#include "ctl/tool/counters.h"
#include "ctl/tool/deploy.h"
#include "ctl/tool/doctor.h"
#include "ctl/tool/drain.h"
#include "ctl/tool/flow.h"
#include "ctl/tool/key.h"
#include "ctl/tool/log.h"
#include "ctl/tool/model_bench.h"
#include "ctl/tool/model_compile.h"
#include "ctl/tool/model_compress.h"
#include "ctl/tool/model_distil.h"
#include "ctl/tool/model_drift.h"
#include "ctl/tool/model_encrypt.h"
#include "ctl/tool/model_eval.h"
#include "ctl/tool/model_inspect.h"
#include "ctl/tool/model_operators.h"
#include "ctl/tool/model_prune.h"
#include "ctl/tool/model_quantise.h"
#include "ctl/tool/model_reference.h"
#include "ctl/tool/model_replay.h"
#include "ctl/tool/model_run.h"
#include "ctl/tool/model_sign.h"
#include "ctl/tool/model_train.h"
#include "ctl/tool/model_verify.h"
#include "ctl/tool/model_windows.h"
#include "ctl/tool/models.h"
#include "ctl/tool/ports.h"
#include "ctl/tool/push.h"
#include "ctl/tool/score.h"
#include "ctl/tool/status.h"
#include "ctl/tool/token.h"
#include "ctl/tool/tool.h"

#include <stdio.h>
#include <stdlib.h>

// In the order of the list that --help prints.
static const struct command *const COMMANDS[] = {
	&status_command,
	&doctor_command,
	&model_train_command,
	&model_compile_command,
	&model_distil_command,
	&model_quantise_command,
	&model_reference_command,
	&model_inspect_command,
	&model_bench_command,
	&model_run_command,
	&model_eval_command,
	&model_windows_command,
	&model_replay_command,
	&model_prune_command,
	&model_compress_command,
	&model_operators_command,
	&model_keygen_command,
	&model_sign_command,
	&model_verify_command,
	&model_encrypt_command,
	&model_decrypt_command,
	&model_encryption_key_command,
	&model_push_command,
	&model_list_command,
	&model_show_command,
	&model_retention_command,
	&model_compare_command,
	&model_promote_command,
	&model_canary_command,
	&model_shadow_command,
	&model_pin_command,
	&model_unpin_command,
	&model_rollback_command,
	&model_history_command,
	&model_unload_command,
	&model_load_command,
	&model_delete_command,
	&model_drift_command,
	&score_command,
	&stats_command,
	&stats_reset_command,
	&drops_command,
	&clients_command,
	&ports_command,
	&announce_command,
	&drain_command,
	&lcores_command,
	&latency_command,
	&key_generate_command,
	&key_list_command,
	&key_retire_command,
	&log_command,
	&token_create_command,
	&token_list_command,
	&token_revoke_command,
	&audit_list_command,
	&audit_export_command,
	&audit_verify_command,
	&config_check_command,
	&config_diff_command,
	&config_apply_command,
	&flow_features_command,
};

int main(int argc, char **argv)
{
	const char *sock = getenv("MARTLET_SOCK");
	const char *token = getenv("MARTLET_TOKEN_FILE");
	const char *user = getenv("MARTLET_USER");
	int exit;

	if (sock && *sock)
		tool.socket = sock;
	if (token && *token)
		tool.token_file = token;
	if (user && *user)
		trusted_file_set_service_user(user);
	exit = command_run(COMMANDS, sizeof(COMMANDS) / sizeof(COMMANDS[0]), argv);
	// A full disk or closed pipe must not pass for success.
	if ((fflush(stdout) || ferror(stdout)) && exit == TOOL_DONE)
		tool_refuse("standard output could not be written: %m");
	return tool.refused && exit == TOOL_DONE ? TOOL_REFUSED : exit;
}
