// SPDX-License-Identifier: BSD-3-Clause
// martletctl: the operator's tool. A client of martletd's HTTP API, and everything about models and
// machines that needs no daemon. To add a command: a line here, its function in a file of its own.
#include "ctl/tool/command.h"

#include <stdlib.h>

static const struct command COMMANDS[] = {
	{ "status", "", "what runs: build, uptime, ports, lcores, models, drops", status_command },
	{ "doctor", "[-c FILE]", "is this machine ready? Each finding with its fix",
		doctor_command },
	{ "model compile",
		"SRC -o IMAGE [--name N] [--rows FILE] [--classes A,B,...] [--features F,G,...] "
		"[--outputs O,P,...] [--weights f32|bf16]",
		"make an image of an ONNX model", model_compile_command },
	{ "model inspect", "IMAGE [--isa ISA]", "what an image holds, and its plan on this CPU",
		model_inspect_command },
	{ "model bench", "IMAGE [--isa ISA] [--rows FILE]",
		"time a row at batches of 1, 16, 64 and 256", model_bench_command },
	{ "model run", "IMAGE ROWS -o OUT [--isa ISA]",
		"score rows offline; files by their endings: .csv, .npy, .f32", model_run_command },
	{ "model push", "IMAGE [--name N] [--version V]",
		"store an image in the appliance, as the next version", model_push_command },
	{ "model list", "", "models stored and deployed", model_list_command },
	{ "model show", "MODEL [VERSION]", "one model: inputs, outputs, labels, plan",
		model_show_command },
	{ "model promote", "MODEL VERSION [--id N]", "make a stored version the live one",
		model_promote_command },
	{ "model rollback", "MODEL", "back to the version that was live before",
		model_rollback_command },
	{ "model unload", "MODEL", "take a model out of service", model_unload_command },
	{ "model load", "MODEL", "put an unloaded model back in service", model_load_command },
	{ "model delete", "MODEL VERSION", "delete a stored version that is not live",
		model_delete_command },
	{ "stats", "", "every counter, in total and by lcore", stats_command },
	{ "drops", "", "packets dropped, by reason", drops_command },
	{ "ports", "", "ports: device, addresses, link, traffic", ports_command },
	{ "lcores", "", "lcores: role, how busy, what they did", lcores_command },
	{ "latency", "", "arrival to transmit, percentiles by model", latency_command },
	{ "flow features", "PCAP [-o OUT]", "one feature row per flow of a capture", flow_command },
};

int main(int argc, char **argv)
{
	const char *sock = getenv("MARTLET_SOCK");
	int code;

	if (sock && *sock)
		tool.socket = sock;
	code = command_run(COMMANDS, sizeof(COMMANDS) / sizeof(COMMANDS[0]), argc, argv);
	// A full disk or closed pipe must not pass for success.
	if (fflush(stdout) || ferror(stdout))
		code = code ? code : tool_refuse("standard output could not be written: %m");
	return code;
}
