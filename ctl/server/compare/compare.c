// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/compare/compare.h"

#include "base/clock.h"
#include "ctl/server/log.h"
#include "ctl/server/operations/deploy.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/store/store.h"
#include "dataplane/compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ADVISED_SHARE 0.02 // where no bound is configured
#define TICKS_A_LOOK  10   // judged once a second
#define WAIT_LEAST_S  5    // until a rollback that failed is tried again; twice as long each time
#define WAIT_MOST_S   300

// Of one model.
struct comparison {
	char model[MODEL_NAME_MAX + 1];
	uint64_t serial;                     // the model's
	uint32_t wait_s;                     // until a rollback that failed is tried again
	uint64_t again_ns;                   // when, of clock_ns()
	uint16_t said_shadow;                // the version that a broken bound was told of
	uint16_t said_apart;                 // the version that cannot be compared, as was told
	uint16_t rolling_back;               // the canary that is being rolled back; 0: none
	bool has_looked;                     // into the store
	json_t *rolled_back;                 // the last one; NULL: none
	uint64_t rollbacks[VERDICT_REASONS]; // begun by itself, since the start
	struct comparison *next;
};

struct comparisons {
	struct comparison *first;
	uint32_t ticks;
	struct compared figures; // too large for a stack
};

struct comparisons *comparisons_create(void)
{
	return calloc(1, sizeof(struct comparisons));
}

static void comparison_destroy(struct comparison *c)
{
	json_decref(c->rolled_back);
	free(c);
}

void comparisons_destroy(struct comparisons *comparisons)
{
	struct comparison *c, *next;

	if (!comparisons)
		return;
	for (c = comparisons->first; c; c = next) {
		next = c->next;
		comparison_destroy(c);
	}
	free(comparisons);
}

// Forgets models that are gone.
static void comparisons_prune(struct server *server)
{
	struct comparison **at = &server->comparisons->first, *c;

	while ((c = *at)) {
		const struct model_entry *entry = models_find(&server->models, c->model);

		if (entry && entry->serial == c->serial) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		comparison_destroy(c);
	}
}

// NULL without memory.
static struct comparison *comparison_of(struct server *server, const struct model_entry *entry)
{
	struct comparisons *all = server->comparisons;
	struct comparison *c;
	struct error err;
	void *text;
	size_t size;

	for (c = all->first; c; c = c->next)
		if (c->serial == entry->serial)
			break;
	if (!c) {
		c = calloc(1, sizeof(*c));
		if (!c)
			return NULL;
		snprintf(c->model, sizeof(c->model), "%s", entry->name);
		c->serial = entry->serial;
		c->next = all->first;
		all->first = c;
	}
	// The store is read by nobody else meanwhile.
	if (!c->has_looked && !server->operations.first) {
		c->has_looked = true;
		if (store_read(server->store, entry->name, STORE_COMPARE, &text, &size, &err) ==
			0) {
			c->rolled_back = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
			free(text);
		}
	}
	return c;
}

// --- As JSON --------------------------------------------------------------------------------------

// Null where it is no number that JSON has.
static json_t *compare_real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *compare_floats(const float *values, uint32_t n, uint32_t most)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < n && i < most; i++)
		json_array_append_new(array, compare_real((double)values[i]));
	return array;
}

static json_t *compare_rows_json(const struct compared *c)
{
	json_t *rows = json_array();

	for (uint64_t i = 0; i < c->figures.n_last; i++) {
		const struct watch_row *row = &c->figures.last[i];

		json_array_append_new(rows,
			json_pack("{s:o, s:o, s:o, s:o}", "seconds_ago",
				compare_real(c->seconds_ago[i]), "features",
				compare_floats(row->features, row->n_features, WATCH_LAST_FEATURES),
				"live",
				compare_floats(row->live, row->n_outputs, WATCH_LAST_OUTPUTS),
				"scores",
				compare_floats(row->other, row->n_outputs, WATCH_LAST_OUTPUTS)));
	}
	return rows;
}

static json_t *compare_latency_json(const struct histogram *h)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "batches", (json_int_t)h->count, "p50",
		(json_int_t)histogram_percentile(h, 0.5), "p99",
		(json_int_t)histogram_percentile(h, 0.99), "p999",
		(json_int_t)histogram_percentile(h, 0.999));
}

static json_t *compare_interval_json(double value, const struct interval *interval)
{
	return json_pack("{s:o, s:o, s:o}", "value", compare_real(value), "low",
		compare_real(interval->low), "high", compare_real(interval->high));
}

static const char *compare_role_name(enum watch_kind kind)
{
	return kind == WATCH_CANARY ? "canary" : "shadow";
}

static const char *compare_rule_name(enum decision_rule rule)
{
	return rule == DECISION_LARGEST ? "the largest score"
		: rule == DECISION_SIDE ? "the side of the threshold"
					: "the tolerance";
}

// As they count: those that were given with the canary, else the configured ones.
struct compare_bounds {
	double value[BOUND_COUNT];
};

static struct compare_bounds compare_bounds_of(
	const struct server *server, const struct model_entry *entry, enum watch_kind kind)
{
	const struct config_canary *config = &server->config->canary;
	const struct bounds *given = &entry->record.bounds;
	struct compare_bounds bounds = { {
		[BOUND_DIFFER] = config->differ,
		[BOUND_MEAN] = config->mean,
		[BOUND_LATENCY] = config->latency,
		[BOUND_ALPHA] = config->alpha,
		[BOUND_ROWS_MIN] = config->rows_min,
	} };

	for (int b = 0; b < BOUND_COUNT; b++)
		if (kind == WATCH_CANARY && given->is_given[b])
			bounds.value[b] = given->value[b];
	return bounds;
}

static bool compare_has_bounds(const struct compare_bounds *bounds)
{
	return bounds->value[BOUND_DIFFER] > 0 || bounds->value[BOUND_MEAN] > 0 ||
		bounds->value[BOUND_LATENCY] > 0;
}

// Null where none is set.
static json_t *compare_bounds_json(const struct compare_bounds *bounds)
{
	json_t *json = json_object();

	for (int b = 0; b < BOUND_COUNT; b++)
		json_object_set_new(json, BOUND_KINDS[b].name,
			bounds->value[b] > 0 ? json_real(bounds->value[b]) : json_null());
	return json;
}

static json_t *compare_one_json(enum watch_kind kind, const struct compared *c,
	const struct compare_bounds *bounds, const struct verdict *v)
{
	const struct watch_figures *f = &c->figures;
	const double share = c->rows.done ? (double)f->differ / (double)c->rows.done : NAN;
	const double mean = f->measured ? f->sum / (double)f->measured : NAN;

	return json_pack(
		"{s:s, s:i, s:i, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:{s:o, "
		"s:o, s:I, s:I}, s:s, s:s, s:I, s:o}",
		"role", compare_role_name(kind), "live", c->live, "version", c->other, "decides_by",
		compare_rule_name(c->rule), "bounds", compare_bounds_json(bounds), "rows",
		(json_int_t)c->rows.seen, "sampled", (json_int_t)c->rows.sampled, "shed",
		(json_int_t)c->rows.shed, "compared", (json_int_t)c->rows.done, "differ",
		(json_int_t)f->differ, "share", compare_interval_json(share, &v->share),
		"difference", compare_interval_json(mean, &v->mean), "largest_difference",
		compare_real(f->largest), "not_finite", (json_int_t)f->not_finite, "latency_ns",
		"live", compare_latency_json(&f->live_ns), "version",
		compare_latency_json(&f->other_ns), "batches", (json_int_t)f->timed, "slower",
		(json_int_t)f->slower, "advice", verdict_advice_name(v->advice), "why", v->why,
		"rows_to_go", (json_int_t)v->rows_to_go, "last", compare_rows_json(c));
}

// --- Judging --------------------------------------------------------------------------------------

static void compare_judge(
	const struct compare_bounds *set, const struct compared *c, struct verdict *verdict)
{
	const double *value = set->value;
	const struct verdict_bounds bounds = {
		.differ = value[BOUND_DIFFER] > 0 ? value[BOUND_DIFFER]
			: compare_has_bounds(set) ? 1
						  : ADVISED_SHARE,
		.mean = value[BOUND_MEAN],
		.latency = value[BOUND_LATENCY],
		.alpha = value[BOUND_ALPHA],
		.rows_min = (uint64_t)value[BOUND_ROWS_MIN],
	};
	const struct verdict_counts counts = {
		.compared = c->rows.done,
		.differ = c->figures.differ,
		.measured = c->figures.measured,
		.sum = c->figures.sum,
		.sum_of_squares = c->figures.sum_of_squares,
		.timed = c->figures.timed,
		.slower = c->figures.slower,
	};

	verdict_judge(&counts, &bounds, verdict);
}

// Reads a comparison into server->comparisons->figures, and judges it. False: nothing is compared.
static bool compare_read(const struct server *server, const struct model_entry *entry,
	enum watch_kind kind, struct compare_bounds *bounds, struct verdict *verdict)
{
	struct compared *c = &server->comparisons->figures;

	if (!entry->record.id || !dataplane_compared(server->dataplane, entry->record.id, kind, c))
		return false;
	*bounds = compare_bounds_of(server, entry, kind);
	compare_judge(bounds, c, verdict);
	return true;
}

// NULL where nothing is compared.
static json_t *compare_kind_json(
	struct server *server, const struct model_entry *entry, enum watch_kind kind)
{
	struct compare_bounds bounds;
	struct verdict verdict;

	return compare_read(server, entry, kind, &bounds, &verdict)
		? compare_one_json(kind, &server->comparisons->figures, &bounds, &verdict)
		: NULL;
}

uint32_t compare_look_at(
	struct server *server, const struct model_entry *entry, struct compare_figures out[2])
{
	const struct compared *c = &server->comparisons->figures;
	struct compare_bounds bounds;
	struct verdict verdict;
	uint32_t n = 0;

	for (enum watch_kind kind = 0; kind < WATCH_PAIRS; kind++) {
		if (!compare_read(server, entry, kind, &bounds, &verdict))
			continue;
		out[n++] = (struct compare_figures){
			.model = entry->name,
			.role = compare_role_name(kind),
			.rows = c->rows.seen,
			.sampled = c->rows.sampled,
			.shed = c->rows.shed,
			.compared = c->rows.done,
			.differ = c->figures.differ,
			.not_finite = c->figures.not_finite,
			.share = verdict.share,
			.mean = verdict.mean,
		};
	}
	return n;
}

void compare_rollbacks(
	struct server *server, const struct model_entry *entry, uint64_t rollbacks[VERDICT_REASONS])
{
	const struct comparison *kept = comparison_of(server, entry);

	for (int r = 0; r < VERDICT_REASONS; r++)
		rollbacks[r] = kept ? kept->rollbacks[r] : 0;
}

json_t *compare_json(struct server *server, const struct model_entry *entry)
{
	const struct comparison *kept = comparison_of(server, entry);
	json_t *canary = compare_kind_json(server, entry, WATCH_CANARY);
	json_t *shadow = compare_kind_json(server, entry, WATCH_SHADOW);

	return json_pack("{s:s, s:o, s:o, s:o}", "model", entry->name, "canary",
		canary ? canary : json_null(), "shadow", shadow ? shadow : json_null(),
		"rolled_back",
		kept && kept->rolled_back ? json_incref(kept->rolled_back) : json_null());
}

// --- Rolling back -------------------------------------------------------------------------------

// That it is known why is no condition of rolling back.
static void compare_written(struct operation *op)
{
	if (op->err.code != 0)
		operation_log(op, LOG_LEVEL_WARNING, "why is not kept: %s", op->err.text);
	op->wish = (struct wish){ .has_canary = true };
	deploy_begin(op);
}

static void compare_begin_roll_back(struct operation *op)
{
	const struct model_entry *entry = models_find(&op->server->models, op->model);

	// An operation before this one has ended it already, or there is another one now.
	if (!entry || entry->record.canary.version != op->version) {
		operation_fail(op, 409, "version %u is no canary any more", op->version);
		return;
	}
	op->version = 0;
	operation_write(op, STORE_COMPARE, compare_written);
}

// Where it is still there after a while, the change failed: the log says why.
static bool compare_is_time(const struct server *server, struct comparison *kept,
	struct model_entry *entry, uint16_t canary)
{
	if (kept->rolling_back != canary)
		kept->wait_s = WAIT_LEAST_S;
	else if (server->operations.first || clock_ns() < kept->again_ns)
		return false;
	else
		kept->wait_s = kept->wait_s < WAIT_MOST_S / 2 ? kept->wait_s * 2 : WAIT_MOST_S;
	if (kept->rolling_back == canary) {
		snprintf(entry->reason, sizeof(entry->reason),
			"canary version %u broke a bound and could not be rolled back, as the log "
			"says; that is tried again, next in %" PRIu32 " s",
			canary, kept->wait_s);
		log_error("model %s: %s", entry->name, entry->reason);
	}
	kept->again_ns = clock_ns() + kept->wait_s * CLOCK_SECOND_NS;
	return true;
}

static void compare_roll_back(struct server *server, struct comparison *kept,
	const struct model_entry *entry, const struct compared *c, const struct verdict *verdict)
{
	const struct operation_client nobody = { 0 };
	const struct compare_bounds bounds = compare_bounds_of(server, entry, WATCH_CANARY);
	json_t *why = compare_one_json(WATCH_CANARY, c, &bounds, verdict);
	char *text;
	struct operation *op;

	json_object_set_new(why, "at", json_integer((json_int_t)time(NULL)));
	text = why ? json_dumps(why, JSON_COMPACT) : NULL;
	op = text ? operation_create(server, nobody, "end the canary", compare_begin_roll_back,
			    entry->name, c->other)
		  : NULL;
	if (!op) {
		json_decref(why);
		free(text);
		return; // without memory: again at the next look
	}
	op->data = text;
	op->size = strlen(text);
	op->is_change = true;
	json_decref(kept->rolled_back);
	kept->rolled_back = why;
	kept->rollbacks[verdict->reason] += kept->rolling_back != c->other;
	kept->rolling_back = c->other;
	log_warning("model %s: canary version %u is rolled back: %s", entry->name, c->other,
		verdict->why);
	operation_start(op);
}

static void compare_look(struct server *server, struct model_entry *entry)
{
	const struct compared *c = &server->comparisons->figures;
	struct compare_bounds bounds;
	struct comparison *kept;
	struct verdict verdict;

	if (compare_read(server, entry, WATCH_CANARY, &bounds, &verdict)) {
		kept = comparison_of(server, entry);
		if (kept && verdict.advice == VERDICT_ROLL_BACK && compare_has_bounds(&bounds) &&
			compare_is_time(server, kept, entry, c->other))
			compare_roll_back(server, kept, entry, c, &verdict);
	}
	if (compare_read(server, entry, WATCH_SHADOW, &bounds, &verdict)) {
		kept = comparison_of(server, entry);
		if (kept && kept->said_shadow != c->other && verdict.advice == VERDICT_ROLL_BACK) {
			kept->said_shadow = c->other;
			log_warning("model %s: shadow version %u: %s", entry->name, c->other,
				verdict.why);
		}
	}
}

// Where it cannot be compared, that is said once.
static void compare_begin(
	struct server *server, const struct model_entry *entry, enum watch_kind kind)
{
	const struct config_canary *config = &server->config->canary;
	const struct compare_bounds bounds = compare_bounds_of(server, entry, kind);
	const double latency = bounds.value[BOUND_LATENCY];
	const struct compare_request request = {
		.id = entry->record.id,
		.kind = kind,
		.every = config->every,
		.threshold = (float)config->threshold,
		.tolerance = (float)config->tolerance,
		.latency_ratio = latency > 0 ? latency : 1,
	};
	const uint16_t other =
		kind == WATCH_CANARY ? entry->record.canary.version : entry->record.shadow.version;
	struct comparison *kept;
	struct error err;

	if (dataplane_compare(server->dataplane, &request, &err) == 0)
		return;
	kept = comparison_of(server, entry);
	if (!kept || kept->said_apart == other)
		return;
	kept->said_apart = other;
	log_warning("%s", err.text);
}

void comparisons_tick(struct server *server)
{
	const bool is_look = ++server->comparisons->ticks % TICKS_A_LOOK == 0;

	if (server->phase != SERVER_READY)
		return;
	if (is_look)
		comparisons_prune(server);
	for (uint32_t i = 0; i < server->models.n; i++) {
		struct model_entry *entry = server->models.entries[i];
		struct comparison *c;

		if (!entry->record.id)
			continue;
		if (!entry->record.canary.version)
			for (c = server->comparisons->first; c; c = c->next)
				if (c->serial == entry->serial)
					c->rolling_back = 0;
		compare_begin(server, entry, WATCH_CANARY);
		compare_begin(server, entry, WATCH_SHADOW);
		if (is_look)
			compare_look(server, entry);
	}
}
