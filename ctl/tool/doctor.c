// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/doctor.h"

#include "ctl/tool/doctor_cpu.h"
#include "ctl/tool/doctor_memory.h"
#include "ctl/tool/doctor_nic.h"
#include "ctl/tool/doctor_trust.h"
#include "ctl/tool/image.h"
#include "ctl/tool/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static json_t *doctor_findings_json(const struct doctor *doctor)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < doctor->n_findings; i++) {
		const struct doctor_finding *f = &doctor->findings[i];
		json_t *fix = *f->fix ? image_string(f->fix) : json_null();

		json_array_append_new(array,
			json_pack("{s:s, s:s, s:s, s:o, s:o}", "area", f->area, "name", f->name,
				"level", doctor_level_name(f->level), "text", image_string(f->text),
				"fix", fix));
	}
	return array;
}

static void doctor_print_json(const struct doctor *doctor)
{
	tool_print_json(json_pack("{s:o, s:i, s:i, s:i}", "findings", doctor_findings_json(doctor),
		"ok", (int)doctor_count(doctor, DOCTOR_OK), "warn",
		(int)doctor_count(doctor, DOCTOR_WARN), "fail",
		(int)doctor_count(doctor, DOCTOR_FAIL)));
}

static void doctor_print_text(const struct doctor *doctor)
{
	for (uint32_t i = 0; i < doctor->n_findings; i++) {
		const struct doctor_finding *f = &doctor->findings[i];
		char text[sizeof(f->text)];

		tool_copy_clean(text, sizeof(text), f->text);
		printf("%-4s  %-13s  %-12s  %s\n", doctor_level_name(f->level), f->area, f->name,
			text);
		if (*f->fix)
			printf("%36sfix: %s\n", "", f->fix);
	}
	printf("\n%u ok, %u warn, %u fail\n", doctor_count(doctor, DOCTOR_OK),
		doctor_count(doctor, DOCTOR_WARN), doctor_count(doctor, DOCTOR_FAIL));
}

static void doctor_load_config(struct doctor *doctor, const char *path, struct config *config)
{
	struct error err;

	if (config_load(path, config, &err)) {
		doctor_find(doctor, "configuration", "file", DOCTOR_FAIL, NULL, "%s", err.text);
		return;
	}
	doctor_find(doctor, "configuration", "file", DOCTOR_OK, NULL, "%.200s: reads well", path);
	doctor->config = config;
}

struct doctor_request {
	const char *config; // path; NULL: none
};

static const struct option_entry DOCTOR[] = {
	{ "config", 'c', "FILE",
		"a configuration of martletd: does this machine have what it names?",
		OPTION_TO_TEXT(struct doctor_request, config) },
	{ 0 },
};

static int doctor_run(const struct command *command, char **argv)
{
	static struct doctor doctor; // static because they are large
	static struct config config;
	const char *root = getenv("MARTLET_DOCTOR_ROOT");
	struct doctor_request request = { 0 };
	struct rlimit memlock;
	int exit;

	if (!command_parse(command, argv, &request, &exit))
		return exit;
	doctor.root = root ? root : "";
	doctor.isa = isa_detected();
	doctor.is_root = !geteuid();
	doctor.memlock_bytes = UINT64_MAX;
	if (!getrlimit(RLIMIT_MEMLOCK, &memlock) && memlock.rlim_cur != RLIM_INFINITY)
		doctor.memlock_bytes = memlock.rlim_cur;
	if (request.config)
		doctor_load_config(&doctor, request.config, &config);
	doctor_check_cpu(&doctor);
	doctor_check_memory(&doctor);
	doctor_check_nics(&doctor);
	if (doctor.config) {
		doctor_check_ports(&doctor);
		doctor_check_trust(&doctor);
	}
	(tool.json ? doctor_print_json : doctor_print_text)(&doctor);
	return doctor_count(&doctor, DOCTOR_FAIL) ? TOOL_REFUSED : TOOL_DONE;
}

const struct command doctor_command = {
	.words = "doctor",
	.summary = "is this machine ready? Each finding with its fix",
	.entries = DOCTOR,
	.run = doctor_run,
};
