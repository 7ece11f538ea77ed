// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_bom.h"

#include "base/file.h"
#include "base/sha256.h"
#include "base/trust/sealed.h"
#include "base/version.h"
#include "ctl/tool/image.h"
#include "ctl/tool/signature.h"
#include "ctl/tool/tool.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define BOM_BYTES_MAX ((size_t)1 << 31)

struct bom {
	const char *path;
	void *bytes; // of the file, as they are
	size_t size;
	uint8_t sha256[SHA256_BYTES];
	struct model *model;
	bool is_signed, is_verified;
	struct minisign_signature signature;
};

// --- Pieces --------------------------------------------------------------------------------------

static void bom_property(json_t *properties, const char *name, json_t *value)
{
	json_array_append_new(properties, json_pack("{s:s, s:o}", "name", name, "value", value));
}

__attribute__((format(printf, 3, 4))) static void bom_property_text(
	json_t *properties, const char *name, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	bom_property(properties, name, image_string(text));
}

static json_t *bom_hashes(const uint8_t sha256[SHA256_BYTES])
{
	char hex[65];

	image_sha256_hex(sha256, hex);
	return json_pack("[{s:s, s:s}]", "alg", "SHA-256", "content", hex);
}

static json_t *bom_metric(const char *type, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return json_pack("{s:s, s:s}", "type", type, "value", text);
}

static json_t *bom_format(const char *what, uint32_t n)
{
	char text[64];

	snprintf(text, sizeof(text), "float32[%u] %s", n, what);
	return json_pack("[{s:s}]", "format", text);
}

// --- The model card ------------------------------------------------------------------------------

static void bom_add_names(
	json_t *properties, const char *name, const char *const *names, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		bom_property(properties, name, image_string(names[i]));
}

// What there is no place for in CycloneDX. Several of a name are in order.
static json_t *bom_card_properties(const struct model_info *info)
{
	json_t *properties = json_array();

	bom_add_names(properties, "martlet:feature", info->feature_names, info->n_features);
	bom_add_names(properties, "martlet:output", info->output_names, info->n_outputs);
	bom_add_names(properties, "martlet:class", info->class_labels, info->n_class_labels);
	bom_property_text(properties, "martlet:missing", "%s",
		info->accepts_missing ? "NaN is taken as a missing value" : "NaN is refused");
	bom_property_text(properties, "martlet:golden:rows", "%u", info->n_golden);
	if (info->reference)
		bom_property_text(properties, "martlet:reference:rows", "%" PRIu64,
			(uint64_t)info->reference->n_rows);
	return properties;
}

// The operators, in the order of the plan, each named once.
static void bom_operators(const struct model *model, char *text, size_t size)
{
	text[0] = '\0';
	for (uint32_t s = 0; s < model_n_steps(model); s++) {
		const size_t used = strlen(text);
		struct plan_step_info step;
		char other[64];
		bool seen = false;

		model_step_info(model, s, &step);
		for (uint32_t before = 0; before < s && !seen; before++) {
			struct plan_step_info earlier;

			model_step_info(model, before, &earlier);
			seen = strcmp(earlier.op, step.op) == 0;
		}
		snprintf(other, sizeof(other), "%s%s", used ? ", " : "", step.op);
		if (!seen && used + strlen(other) < size)
			strcpy(text + used, other);
	}
}

static json_t *bom_card(const struct model *model)
{
	const struct model_info *info = model_info(model);
	char operators[1024];

	bom_operators(model, operators, sizeof(operators));
	return json_pack("{s:s, s:{s:o, s:o, s:o, s:o}, s:{s:[o, o, o]}, s:o}", "bom-ref",
		"model-card", "modelParameters", "architectureFamily",
		image_string(info->source_kind), "modelArchitecture", image_string(operators),
		"inputs", bom_format("in a row", info->n_features), "outputs",
		bom_format("of a row", info->n_outputs), "quantitativeAnalysis",
		"performanceMetrics", bom_metric("multiply-adds of a row", info->macs_per_row),
		bom_metric("bytes of the image", info->image_bytes),
		bom_metric("golden rows, whose scores are checked wherever it is opened",
			info->n_golden),
		"properties", bom_card_properties(info));
}

// --- The component -------------------------------------------------------------------------------

// What it was made from, and how: the lineage says it step by step, figures among it.
static json_t *bom_pedigree(const struct model_info *info)
{
	size_t bytes = 1;
	json_t *pedigree;
	char *notes;

	for (uint32_t i = 0; i < info->n_lineage; i++)
		bytes += strlen(info->lineage[i]) + 1;
	notes = calloc(1, bytes);
	for (uint32_t i = 0; notes && i < info->n_lineage; i++) {
		strcat(notes, i ? "\n" : "");
		strcat(notes, info->lineage[i]);
	}
	pedigree = json_pack("{s:[{s:s, s:s, s:o, s:o}]}", "ancestors", "type",
		"machine-learning-model", "bom-ref", "source", "name",
		image_string(info->source_kind), "hashes", bom_hashes(info->source_sha256));
	if (notes && notes[0])
		json_object_set_new(pedigree, "notes", image_string(notes));
	free(notes);
	return pedigree;
}

static void bom_add_signature(json_t *properties, const struct bom *bom)
{
	char id[MINISIGN_ID_TEXT];

	if (!bom->is_signed)
		return;
	minisign_id_text(bom->signature.id, id);
	bom_property_text(properties, "martlet:signature:status", "%s",
		bom->is_verified ? "verified" : "claimed");
	bom_property_text(properties, "martlet:signature:key-id", "%s", id);
	bom_property(properties, "martlet:signature:trusted-comment",
		image_string(bom->signature.comment));
}

static json_t *bom_properties(const struct bom *bom)
{
	json_t *properties = json_array();
	struct sealed_header header;
	char id[IMAGE_KEY_ID_TEXT];

	if (sealed_is(bom->bytes, bom->size) &&
		sealed_read_header(bom->bytes, &header, NULL) == 0) {
		image_key_id_text(header.key_id, id);
		bom_property_text(properties, "martlet:encryption:key-id", "%s", id);
	}
	bom_add_signature(properties, bom);
	return properties;
}

static json_t *bom_component(const struct bom *bom)
{
	const struct model_info *info = model_info(bom->model);

	return json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o}", "type",
		"machine-learning-model", "bom-ref", "model", "name", image_string(info->name),
		"mime-type", "application/octet-stream", "hashes", bom_hashes(bom->sha256),
		"pedigree", bom_pedigree(info), "modelCard", bom_card(bom->model), "properties",
		bom_properties(bom));
}

// A UUID of the image's hash: RFC 9562's version 8, whose bits are the maker's.
static void bom_serial(const uint8_t sha256[SHA256_BYTES], char text[46])
{
	const uint8_t *h = sha256;

	snprintf(text, 46,
		"urn:uuid:%02x%02x%02x%02x-%02x%02x-8%x%02x-%x%x%02x-%02x%02x%02x%02x%02x%02x",
		h[0], h[1], h[2], h[3], h[4], h[5], h[6] & 15, h[7], 8 | (h[8] >> 4 & 3), h[8] & 15,
		h[9], h[10], h[11], h[12], h[13], h[14], h[15]);
}

static json_t *bom_json(const struct bom *bom)
{
	char serial[46];

	bom_serial(bom->sha256, serial);
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:{s:{s:[{s:s, s:s, s:s}]}, s:o}, s:[]}",
		"$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat",
		"CycloneDX", "specVersion", "1.6", "serialNumber", serial, "version", 1, "metadata",
		"tools", "components", "type", "application", "name", "martletctl", "version",
		martlet_version, "component", bom_component(bom), "components");
}

// --- Reading -------------------------------------------------------------------------------------

static int bom_verify(struct bom *bom, const char *signer, struct error *err)
{
	uint8_t hash[MINISIGN_HASH_BYTES];
	struct minisign_public key;
	int rc = minisign_public_read(signer, NULL, &key, err);

	if (rc != 0)
		return rc;
	if (!bom->is_signed)
		return error_set(err, -ENOENT,
			"%s: has no signature beside it (" MINISIGN_SUFFIX
			"), so that it is not known to be the signer's",
			bom->path);
	minisign_hash(bom->bytes, bom->size, hash);
	rc = signature_check(bom->path, &key, hash, &bom->signature, err);
	bom->is_verified = rc == 0;
	return rc;
}

// No signature is fine; one that cannot be read is not.
static int bom_read_signature(struct bom *bom, struct error *err)
{
	char path[PATH_MAX];
	int rc = signature_path(bom->path, path, err);

	if (rc == 0)
		rc = signature_read(path, &bom->signature, err);
	bom->is_signed = rc == 0;
	return rc == -ENOENT ? 0 : rc;
}

static int bom_read(struct bom *bom, const struct model_options *options, struct error *err)
{
	struct model_options quick = *options;
	int rc = file_read(bom->path, BOM_BYTES_MAX, &bom->bytes, &bom->size, err);

	if (rc != 0)
		return rc;
	sha256_of(bom->sha256, bom->bytes, bom->size);
	quick.no_timing = true; // nothing in it is measured
	rc = model_open(bom->bytes, bom->size, &quick, &bom->model, err);
	return rc != 0 ? error_prefix(err, "%s", bom->path) : bom_read_signature(bom, err);
}

int model_bom_print(const char *path, const struct model_options *options, const char *signer)
{
	struct bom *bom = calloc(1, sizeof(*bom));
	struct error err;
	int exit, rc;

	if (!bom)
		return tool_refuse("out of memory");
	if (!tool_has_sodium()) {
		free(bom);
		return TOOL_REFUSED;
	}
	bom->path = path;
	rc = bom_read(bom, options, &err);
	if (rc == 0 && signer)
		rc = bom_verify(bom, signer, &err);
	exit = rc != 0 ? image_refuse(options, &err) : tool_print_json(bom_json(bom));
	model_close(bom->model);
	free(bom->bytes);
	free(bom);
	return exit;
}
