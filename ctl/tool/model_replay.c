// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_replay.h"

#include "base/file.h"
#include "ctl/tool/flow.h"
#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/replay.h"
#include "ctl/tool/replay_image.h"
#include "ctl/tool/replay_wire.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

#include "base/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIFFER_ADVISED 0.01 // by which is advised where no bound is given
#define BOUND_UNSAID   (-1.0)

struct replay_request {
	const char *rows, *live, *with, *against;
	struct rows_options how;
	struct replay_options options;
	double differ, mean; // bounds; BOUND_UNSAID
	uint32_t id;
	bool wire, flows, answered, partial, force;
	struct image_keys *keys;
};

// What a capture holds, or a file of rows.
enum replay_kind { REPLAY_ROWS, REPLAY_WIRE, REPLAY_FLOWS };

struct replay_run {
	const struct replay_request *request;
	enum replay_kind kind;
	struct replay_image images[REPLAY_SIDES]; // without a model: the scores answered
	struct replay *replay;
	struct replay_wire_counts counts;
	const struct replay_result *result;
	bool has_noted;
	const char *advice, *exceeded; // exceeded: which bound that was given is broken; NULL: none
	char why[512];
};

// --- Rows ----------------------------------------------------------------------------------------

static int replay_take_rows(void *context, const struct rows *rows, size_t first, struct error *err)
{
	struct replay_run *run = context;
	const uint32_t columns = rows->n_columns;
	int rc = 0;

	for (uint32_t i = 0; i < rows->n_notes && !run->has_noted; i++)
		tool_note("%s", rows->notes[i]);
	run->has_noted = true;
	for (int s = 0; s < REPLAY_SIDES && rc == 0; s++)
		rc = model_check_more_rows(model_info(run->images[s].model), run->request->rows,
			rows->values, rows->n_rows, first, err);
	for (size_t r = 0; r < rows->n_rows && rc == 0; r += REPLAY_PIECE) {
		const size_t left = rows->n_rows - r;
		const float *values = rows->values + r * columns;

		replay_add(run->replay,
			&(struct replay_piece){
				.n = (uint32_t)(left < REPLAY_PIECE ? left : REPLAY_PIECE),
				.first = first + r,
				.rows = { values, values } });
	}
	return rc;
}

static int replay_read_rows(struct replay_run *run, FILE *file, struct error *err)
{
	const struct rows_pieces pieces = { REPLAY_PIECE, replay_take_rows, run };
	struct rows_options options = run->request->how;

	model_rows_options(model_info(run->images[REPLAY_LIVE].model), &options);
	if (file) { // made by flow_make_rows()
		options.format = ROWS_FORMAT_CSV;
		options.header = true;
	}
	return rows_read_pieces(run->request->rows, file, &options, &pieces, err);
}

// Flows become the rows that `flow features` makes of them, in a file without a name.
static int replay_read_flows(struct replay_run *run, struct error *err)
{
	const struct flow_request flows = { .path = run->request->rows,
		.partial = run->request->partial,
		.table = { FLOW_TABLE_DEFAULTS } };
	FILE *file = tmpfile();
	int rc;

	if (!file)
		return error_set(
			err, -errno, "no temporary file for the flows: %s", strerror(errno));
	rc = flow_make_rows(&flows, file, err);
	if (rc == 0 && (fflush(file) != 0 || ferror(file)))
		rc = error_set(err, -EIO, "the flows cannot be kept in a temporary file: %s",
			strerror(errno));
	rewind(file);
	if (rc == 0)
		rc = replay_read_rows(run, file, err);
	fclose(file);
	return rc;
}

static int replay_read_wire(struct replay_run *run, struct error *err)
{
	const struct replay_request *request = run->request;
	const struct replay_image *other = &run->images[REPLAY_OTHER];
	const struct replay_wire_options options = {
		.id = (uint16_t)(request->id ? request->id
				: other->id  ? other->id
					     : run->images[REPLAY_LIVE].id),
		.answered = request->answered,
		.partial = request->partial,
		.version = (uint16_t)other->target.version,
	};
	struct error why = { .code = -EBADF, .text = "there is no standard input" };
	FILE *file = strcmp(request->rows, "-") == 0 ? stdin : file_open(request->rows, &why);

	if (!file)
		return error_set(err, why.code, "%s", why.text);
	return replay_wire(run->replay, run->images[REPLAY_LIVE].model, other->model, &options,
		file, request->rows, &run->counts, err);
}

// By its first bytes: pcap's four, in either order and precision, and pcapng's.
static bool replay_is_capture(const char *path)
{
	static const uint32_t MAGIC[] = { 0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1,
		0x0a0d0d0a };
	uint32_t magic = 0;
	struct error err;
	FILE *file = strcmp(path, "-") == 0 ? NULL : file_open(path, &err);
	bool found = false;

	if (file && fread(&magic, sizeof(magic), 1, file) == 1)
		for (size_t i = 0; i < sizeof(MAGIC) / sizeof(MAGIC[0]); i++)
			found = found || magic == MAGIC[i];
	if (file)
		fclose(file);
	return found;
}

// --- What is advised -----------------------------------------------------------------------------

static void replay_advise(struct replay_run *run)
{
	const struct replay_request *request = run->request;
	const struct replay_result *r = run->result;
	// A row that only one of them takes is decided differently, too.
	const uint64_t one_sided = run->counts.one_sided;
	const double share = (double)(r->n_differ + one_sided) / (double)(r->n + one_sided),
		     mean = r->n_measured ? r->sum / (double)r->n_measured : 0,
		     differ = request->differ != BOUND_UNSAID ? request->differ : DIFFER_ADVISED;
	const bool bounded = request->mean != BOUND_UNSAID;

	if (request->differ != BOUND_UNSAID && share > request->differ)
		run->exceeded = "differ";
	else if (bounded && (mean > request->mean || r->n_measured == 0))
		run->exceeded = "mean";
	run->advice = "no";
	if (one_sided)
		snprintf(run->why, sizeof(run->why),
			"%s rows are taken by one version and refused by the other as not finite: "
			"clients would be refused what they are not refused now",
			format_count(one_sided).s);
	else if (share > differ)
		snprintf(run->why, sizeof(run->why),
			"%.3g %% of the rows are decided differently, and %.3g %% are allowed: "
			"look at those rows before it serves anybody",
			100 * share, 100 * differ);
	else if (bounded && (mean > request->mean || r->n_measured == 0))
		snprintf(run->why, sizeof(run->why),
			"scores are apart by %.6g in the mean, and %.6g is allowed", mean,
			request->mean);
	else if (r->share.high > differ || (bounded && r->mean.high > request->mean)) {
		run->advice = "more rows";
		snprintf(run->why, sizeof(run->why),
			"it keeps within the bounds, but of %s rows alone that may be chance: up "
			"to "
			"%.3g %% may be decided differently; replay more",
			format_count(r->n).s, 100 * r->share.high);
	} else {
		run->advice = "canary";
		snprintf(run->why, sizeof(run->why),
			"at most %.3g %% of such rows are decided differently: a small canary is "
			"the next step",
			100 * r->share.high);
	}
}

// --- Printing ------------------------------------------------------------------------------------

static json_t *replay_number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *replay_capture_json(const struct replay_run *run)
{
	const struct replay_wire_counts *counts = &run->counts;
	json_t *object = json_object();

	if (run->kind != REPLAY_WIRE) {
		json_decref(object);
		return json_null();
	}
	json_object_set_new(object, "id", json_integer(counts->id));
#define X(member, text)                                                                            \
	json_object_set_new(object, #member, json_integer((json_int_t)counts->member));
	REPLAY_WIRE_COUNTS(X)
#undef X
	json_object_set_new(object, "one_sided_rows", json_integer((json_int_t)counts->one_sided));
	json_object_set_new(object, "cut", json_boolean(counts->cut));
	return object;
}

static json_t *replay_rows_json(const struct replay_run *run)
{
	const struct model_info *info = model_info(run->images[REPLAY_OTHER].model);
	json_t *rows = json_array();

	for (uint32_t i = 0; i < run->result->n_rows; i++) {
		const struct replay_row *row = &run->result->rows[i];
		json_t *at = json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "row",
			(json_int_t)row->row + 1, "difference", replay_number(row->difference),
			"with_output", image_string(info->output_names[row->output[REPLAY_LIVE]]),
			"with_score", replay_number((double)row->score[REPLAY_LIVE]),
			"against_output",
			image_string(info->output_names[row->output[REPLAY_OTHER]]),
			"against_score", replay_number((double)row->score[REPLAY_OTHER]));

		if (row->place.packet) {
			json_object_set_new(
				at, "packet", json_integer((json_int_t)row->place.packet));
			json_object_set_new(at, "request_id",
				json_sprintf("%llu", (unsigned long long)row->place.request_id));
		}
		json_array_append_new(rows, at);
	}
	return rows;
}

static int replay_print_json(const struct replay_run *run)
{
	const struct replay_result *r = run->result;

	return tool_print_json(json_pack(
		"{s:o, s:o, s:I, s:I, s:f, s:[f, f], s:f, s:[o, o], s:f, s:I, s:[f, f], s:o, s:o, "
		"s:s, s:s, s:s?}",
		"with", image_string(run->images[REPLAY_LIVE].name), "against",
		image_string(run->images[REPLAY_OTHER].name), "rows", (json_int_t)r->n, "differ",
		(json_int_t)r->n_differ, "share", (double)r->n_differ / (double)r->n, "interval",
		r->share.low, r->share.high, "mean_difference",
		r->n_measured ? r->sum / (double)r->n_measured : 0.0, "mean_interval",
		replay_number(fmax(0, r->mean.low)), replay_number(r->mean.high),
		"largest_difference", r->largest, "not_finite", (json_int_t)r->n_not_finite,
		"ns_per_row", r->ns_per_row[REPLAY_LIVE], r->ns_per_row[REPLAY_OTHER], "capture",
		replay_capture_json(run), "differing", replay_rows_json(run), "advice", run->advice,
		"why", run->why, "bound_broken", run->exceeded));
}

static void replay_print_capture(const struct replay_run *run)
{
	const struct replay_wire_counts *counts = &run->counts;

	printf("capture: %s packets, %s requests to model %u", format_count(counts->packets).s,
		format_count(counts->requests).s, counts->id);
#define X(member, text)                                                                            \
	if (counts->member && strcmp(#member, "packets") && strcmp(#member, "requests"))           \
		printf("; %s %s", format_count(counts->member).s, text);
	REPLAY_WIRE_COUNTS(X)
#undef X
	printf("%s\n", counts->cut ? "; cut behind them" : "");
	if (counts->n_answered_by) {
		const uint32_t most = sizeof(counts->answered_by) / sizeof(counts->answered_by[0]);

		printf("answered by version");
		for (uint32_t i = 0; i < counts->n_answered_by && i < most; i++)
			printf("%s %u", i ? "," : "", counts->answered_by[i]);
		printf("%s\n", counts->n_answered_by > most ? " and more" : "");
	}
}

static void replay_print_rows(const struct replay_run *run)
{
	const struct model_info *info = model_info(run->images[REPLAY_OTHER].model);
	struct table table;

	if (run->kind == REPLAY_WIRE)
		TABLE_INIT(&table, ">ROW", ">PACKET", ">REQUEST ID", ">APART", ">LIVE", ">AGAINST");
	else
		TABLE_INIT(&table, ">ROW", ">APART", ">LIVE", ">AGAINST");
	for (uint32_t i = 0; i < run->result->n_rows; i++) {
		const struct replay_row *row = &run->result->rows[i];

		table_add(&table, "%llu", (unsigned long long)row->row + 1);
		if (run->kind == REPLAY_WIRE) {
			table_add(&table, "%llu", (unsigned long long)row->place.packet);
			table_add(&table, "%llu", (unsigned long long)row->place.request_id);
		}
		table_add(&table, "%.6g", row->difference);
		for (int s = 0; s < REPLAY_SIDES; s++)
			table_add(&table, "%s %.6g", info->output_names[row->output[s]],
				(double)row->score[s]);
	}
	table_print(&table, stdout, 0);
}

static int replay_print(const struct replay_run *run)
{
	const struct replay_result *r = run->result;

	if (run->kind == REPLAY_WIRE)
		replay_print_capture(run);
	printf("%s rows: %s decided differently, %.3f %% (95 %% interval %.3f to %.3f %%)\n",
		format_count(r->n).s, format_count(r->n_differ).s,
		100.0 * (double)r->n_differ / (double)r->n, 100 * r->share.low,
		100 * r->share.high);
	printf("scores are apart by %.6g in the mean, %.6g at most; rows with one that is not "
	       "finite: %s\n",
		r->n_measured ? r->sum / (double)r->n_measured : 0.0, r->largest,
		format_count(r->n_not_finite).s);
	if (run->images[REPLAY_LIVE].model)
		printf("a row takes %s by %s, %s by %s\n", format_ns(r->ns_per_row[0]).s,
			run->images[REPLAY_LIVE].name, format_ns(r->ns_per_row[1]).s,
			run->images[REPLAY_OTHER].name);
	else
		printf("a row takes %s by %s\n", format_ns(r->ns_per_row[REPLAY_OTHER]).s,
			run->images[REPLAY_OTHER].name);
	if (r->n_rows)
		replay_print_rows(run);
	printf("advice: %s: %s\n", run->advice, run->why);
	return TOOL_DONE;
}

// --- All of it -----------------------------------------------------------------------------------

static int replay_score(struct replay_run *run)
{
	static int (*const READ[])(struct replay_run *, struct error *) = {
		[REPLAY_WIRE] = replay_read_wire, [REPLAY_FLOWS] = replay_read_flows
	};
	struct error err;
	int rc = replay_create(run->images[REPLAY_LIVE].model, run->images[REPLAY_OTHER].model,
		&run->request->options, &run->replay, &err);

	if (rc == 0)
		rc = run->kind == REPLAY_ROWS ? replay_read_rows(run, NULL, &err)
					      : READ[run->kind](run, &err);
	if (rc != 0)
		return tool_refuse("%s", err.text);
	run->result = replay_finish(run->replay);
	if (run->result->n == 0 && run->kind == REPLAY_WIRE && !tool.json)
		replay_print_capture(run);
	if (run->result->n == 0)
		return tool_refuse("%s: no rows%s", run->request->rows,
			run->kind == REPLAY_WIRE
				? " of a request that could be replayed; a capture "
				  "of other traffic wants --flows"
				: "");
	replay_advise(run);
	rc = (tool.json ? replay_print_json : replay_print)(run);
	return rc == TOOL_DONE && run->exceeded ? TOOL_BROKEN : rc;
}

// Which versions there are to be.
static bool replay_open_images(struct replay_run *run)
{
	const struct replay_request *request = run->request;
	const char *live = request->live ? request->live : request->with;
	struct replay_image *now = &run->images[REPLAY_LIVE], *other = &run->images[REPLAY_OTHER];

	if (!replay_image_is_file(request->against) && !strchr(request->against, ':')) {
		tool_refuse("--against %s: say which version, as %s:4, or name an image's file",
			request->against, request->against);
		return false;
	}
	if (!live && !request->answered && replay_image_is_file(request->against)) {
		tool_refuse(
			"say what decides now: --live IMAGE, --live MODEL, or --answered where "
			"a capture holds the replies");
		return false;
	}
	if ((live && !replay_image_open(live, request->keys, now)) ||
		!replay_image_open(request->against, request->keys, other))
		return false;
	if (request->answered) {
		snprintf(now->name, sizeof(now->name), "what was answered");
		return true;
	}
	return (live || replay_image_open(other->target.model, request->keys, now)) &&
		replay_images_match(now, other, request->force);
}

static const char *replay_refuse_request(const struct replay_request *r, enum replay_kind kind)
{
	if (r->wire && r->flows)
		return "give only one of --wire and --flows";
	if (r->live && r->with)
		return "give only one of --live and --with: they are the same";
	if (r->answered && (r->live || r->with))
		return "give only one of --live and --answered: either decides what is compared "
		       "with";
	if (r->answered && kind != REPLAY_WIRE)
		return "--answered is for a capture of requests and replies (--wire)";
	if (r->id && kind != REPLAY_WIRE)
		return "--id is for a capture of requests (--wire)";
	if (r->partial && kind == REPLAY_ROWS)
		return "--partial is for a capture (--wire, --flows)";
	if (kind == REPLAY_WIRE &&
		(r->how.columns || r->how.drop || r->how.header || r->how.no_header))
		return "--columns, --drop, --header and --no-header are for CSV, whose columns may "
		       "have names";
	return NULL;
}

static const struct option_entry REPLAY[] = {
	{ NULL, 0, "CAPTURE",
		"what to score: rows (.csv, .npy, .f32; - is standard input), or a capture",
		OPTION_TO_TEXT(struct replay_request, rows), .required = true },
	{ "against", 0, "IMAGE", "the version to be tried: a file, or MODEL:VERSION of the store",
		OPTION_TO_TEXT(struct replay_request, against), .required = true },
	{ "live", 0, "IMAGE",
		"what decides now, likewise; else the version that the appliance has live",
		OPTION_TO_TEXT(struct replay_request, live) },
	{ "with", 0, "IMAGE", "the same", OPTION_TO_TEXT(struct replay_request, with) },
	{ "answered", 0, NULL, "what decides now are the replies in the capture",
		OPTION_TO_FLAG(struct replay_request, answered) },
	{ "wire", 0, NULL, "it is a capture of requests: as by itself, unless it is a pipe",
		OPTION_TO_FLAG(struct replay_request, wire) },
	{ "id", 0, "N", "a capture's requests to this model id; else the model's, or the first's",
		OPTION_TO_U32(struct replay_request, id, 1, 65535) },
	{ "flows", 0, NULL, "it is a capture of other traffic, whose flows are the rows",
		OPTION_TO_FLAG(struct replay_request, flows) },
	{ "partial", 0, NULL, "take what comes before a capture's cut instead of refusing it",
		OPTION_TO_FLAG(struct replay_request, partial) },
	{ "differ", 0, "S", "a bound: the share of rows that may be decided differently, 0 to 1",
		OPTION_TO_DOUBLE(struct replay_request, differ, 0, 1) },
	{ "mean", 0, "D", "a bound: how far scores may be apart in the mean",
		OPTION_TO_DOUBLE(struct replay_request, mean, 0, 1e30) },
	{ "threshold", 0, "T", "where the one score of a model of two classes decides (0.5)",
		OPTION_TO_DOUBLE(struct replay_request, options.threshold, -1e30, 1e30) },
	{ "tolerance", 0, "S",
		"of scores that are no classes': a share of the spread of the golden rows' that is "
		"no difference (0.01)",
		OPTION_TO_DOUBLE(struct replay_request, options.tolerance, 0, 1e6) },
	{ "show", 0, "N", "rows that differ to show, the furthest apart first (10)",
		OPTION_TO_U32(struct replay_request, options.shown, 0, REPLAY_SHOWN_MAX) },
	{ "force", 0, NULL, "also where features, labels or texts differ",
		OPTION_TO_FLAG(struct replay_request, force) },
	IMAGE_KEY(struct replay_request, keys),
	ROWS_OPTIONS(struct replay_request, how),
	{ 0 },
};

static int replay_run(const struct command *command, char **argv)
{
	struct replay_request request = {
		.options = { .threshold = 0.5, .tolerance = 0.01, .shown = 10 },
		.differ = BOUND_UNSAID,
		.mean = BOUND_UNSAID
	};
	struct replay_run run = { .request = &request };
	const char *refusal;
	int exit;

	if (!command_parse(command, argv, &request, &exit))
		return exit;
	if (request.flows)
		run.kind = REPLAY_FLOWS;
	else if (request.wire ||
		(request.how.format == ROWS_FORMAT_ENDING && replay_is_capture(request.rows)))
		run.kind = REPLAY_WIRE;
	refusal = replay_refuse_request(&request, run.kind);
	if (refusal)
		return tool_refuse("%s", refusal);
	exit = replay_open_images(&run) ? replay_score(&run) : TOOL_REFUSED;
	replay_destroy(run.replay);
	replay_image_fini(&run.images[REPLAY_LIVE]);
	replay_image_fini(&run.images[REPLAY_OTHER]);
	return exit;
}

const struct command model_replay_command = {
	.words = "model replay",
	.summary =
		"score a capture or rows with another version, and say where it decides "
		"differently",
	.entries = REPLAY,
	.run = replay_run,
};
