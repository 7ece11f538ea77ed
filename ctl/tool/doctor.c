// SPDX-License-Identifier: BSD-3-Clause
// martletctl doctor: is this machine ready, and what would make it so?
#include "ctl/tool/doctor.h"

#include "ctl/tool/args.h"
#include "ctl/tool/image.h"
#include "ctl/tool/tool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

const char *doctor_level_name(enum doctor_level level)
{
	return level == DOCTOR_OK ? "ok" : level == DOCTOR_WARN ? "warn" : "fail";
}

static json_t *findings_json(const struct doctor *doctor)
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

static uint32_t count(const struct doctor *doctor, enum doctor_level level)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < doctor->n_findings; i++)
		n += doctor->findings[i].level == level;
	return n;
}

static void print_json(const struct doctor *doctor)
{
	tool_print_json(json_pack("{s:o, s:i, s:i, s:i}", "findings", findings_json(doctor), "ok",
		(int)count(doctor, DOCTOR_OK), "warn", (int)count(doctor, DOCTOR_WARN), "fail",
		(int)count(doctor, DOCTOR_FAIL)));
}

static void print_text(const struct doctor *doctor)
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
	printf("\n%u ok, %u warn, %u fail\n", count(doctor, DOCTOR_OK), count(doctor, DOCTOR_WARN),
		count(doctor, DOCTOR_FAIL));
}

static void load_config(struct doctor *doctor, const char *path, struct config *config)
{
	struct error err;

	if (config_load(path, config, &err)) {
		doctor_find(doctor, "configuration", "file", DOCTOR_FAIL, NULL, "%s", err.text);
		return;
	}
	doctor_find(doctor, "configuration", "file", DOCTOR_OK, NULL, "%.200s: reads well", path);
	doctor->config = config;
}

int doctor_command(int argc, char **argv)
{
	const char *config_path = NULL, *root = getenv("MARTLET_DOCTOR_ROOT");
	const struct args_option options[] = {
		{ .name = "config", .letter = 'c', .value = &config_path },
		{ 0 },
	};
	struct args args = { .options = options };
	static struct doctor doctor;
	static struct config config;
	struct rlimit memlock;

	if (!args_parse(&args, argc, argv))
		return args.exit;
	doctor.root = root ? root : "";
	doctor.isa = isa_detected();
	doctor.isa_name = isa_name(doctor.isa);
	doctor.is_root = !geteuid();
	doctor.memlock_bytes = UINT64_MAX;
	if (!getrlimit(RLIMIT_MEMLOCK, &memlock) && memlock.rlim_cur != RLIM_INFINITY)
		doctor.memlock_bytes = memlock.rlim_cur;
	if (config_path)
		load_config(&doctor, config_path, &config);
	doctor_check_cpu(&doctor);
	doctor_check_memory(&doctor);
	doctor_check_nics(&doctor);
	if (doctor.config)
		doctor_check_config(&doctor);
	(tool.json ? print_json : print_text)(&doctor);
	return count(&doctor, DOCTOR_FAIL) ? TOOL_REFUSED : TOOL_DONE;
}
