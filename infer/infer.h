// SPDX-License-Identifier: BSD-3-Clause
// The inference core, as other folders see it: compile a foreign model to an image (libimport.a,
// martletctl only), open an image, score rows.
//
// A struct model is immutable once opened: any number of threads may score with it at the same
// time, each with its own scratch. Opening and closing allocate; scoring does not allocate, lock,
// log or call the kernel. Nothing here knows DPDK or sockets.
#pragma once

#include "base/drift.h"
#include "base/error.h"
#include "base/name.h"
#include "base/rows_options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image_keys; // base/trust/image_keys.h

// --- Instruction sets --------------------------------------------------------------------------

// Bits of an instruction-set mask. Kernels are upgraded in this order.
enum isa {
	ISA_SCALAR = 0,
	ISA_AVX2 = 1 << 0,   // AVX2, FMA, F16C
	ISA_AVX512 = 1 << 1, // AVX-512 F, BW, DQ, VL
	ISA_VNNI = 1 << 2,   // AVX-512 VNNI
	ISA_BF16 = 1 << 3,   // AVX-512 BF16
	ISA_AVXVNNI = 1 << 4,
	ISA_NEON = 1 << 5,
	ISA_VBMI = 1 << 6,     // AVX-512 VBMI
	ISA_AMX_INT8 = 1 << 7, // AMX tiles, as the kernel lets this process have them
	ISA_AMX_BF16 = 1 << 8,
};

// What this CPU and kernel offer.
unsigned isa_detected(void);
// "scalar", "avx2", "avx512", "avx512vnni", "amx" (on aarch64 "neon") or "native": that set and all
// below it. -EINVAL otherwise.
int isa_parse(const char *name, unsigned *mask, struct error *err);
// Highest set of `mask` by name.
const char *isa_name(unsigned mask);

// --- Compiling (in libimport.a; never linked into martletd) -------------------------------------

// How weights are kept. In bfloat16 they are half as long and inputs are rounded alike, which moves
// scores by about 2^-8 of what is added up; compiling says how far.
enum weights_kind { WEIGHTS_F32, WEIGHTS_BF16 };

// How many rounds of a boosted ensemble are scored, where its file knows more than one number: up to
// the best one where training stopped early, as the library's own scikit-learn interface predicts; or
// all of them; or as many.
#define ROUNDS_BEST 0u
#define ROUNDS_ALL  UINT32_MAX

// A row's float32 x stands for what the library compares with a threshold of 64 bits: a decimal that
// was rounded to x, so that the threshold is rounded likewise; or x itself, so that the threshold is
// rounded down to where the same float32 are below it. By the source, where nothing else is said.
enum thresholds_kind { THRESHOLDS_OF_SOURCE, THRESHOLDS_NEAREST, THRESHOLDS_FLOOR };

// Which of several names is taken: docs/martletctl.1, "model compile".
struct compile_options {
	const char *name;      // model's name; NULL: the file's stem
	const char *rows_path; // calibration and golden rows (.csv .npy .f32); NULL: drawn by seed
	struct rows_options rows;   // how they are read; their count and names are the model's
	const char *reference_path; // likewise, rows for the image's histograms; NULL: rows_path's
	const char *class_labels;   // comma-separated; NULL: what the source says, if it says
	// Comma-separated; NULL: what the source says, else the CSV header of rows_path, else x0,
	// x1, ... One whole number: no name, but how many columns a row has, where an ONNX file
	// leaves that open.
	const char *feature_names;
	// "NAME=1,50,39;...": all dimensions of an ONNX file's inputs, where it leaves some open.
	// NULL: none are said.
	const char *shapes;
	// "NAME=VALUE,VALUE;...": inputs of an ONNX file that are the same for all rows, and so are
	// constants of the image: one value stands for as many as there are. NULL: none.
	const char *fixed;
	const char *outputs; // comma-separated, an ONNX file's outputs that are wanted, in this
			     // order; NULL: all but predicted labels
	bool accept_missing; // NaN is taken whatever becomes of it
	enum weights_kind weights;       // of dense layers
	bool exact;                      // the image asks for struct model_options' exact
	uint32_t rounds;                 // of XGBoost, LightGBM and CatBoost
	enum thresholds_kind thresholds; // of trees
	// Half of the golden rows are those of the rows given about which the model is the least sure, so that
	// a score which moves shows where it would change a decision.
	bool golden_closest;
};

// What compiling did, for the operator: one line each, in order.
struct compile_report {
	char **lines;
	size_t n_lines;
	size_t image_bytes;
	size_t weights_bytes;
	size_t scratch_bytes; // for one row
};

// Reads a foreign model and makes an image. On success *image is malloc'ed, *size its bytes.
// Errors: -EINVAL not a model we can read, -ENOTSUP an operator or form refused by name, -ENOMEM.
int model_compile(const char *path, const struct compile_options *options, void **image,
	size_t *size, struct compile_report *report, struct error *err);
void compile_report_fini(struct compile_report *report);

// What reading a foreign model from a file may take, in a child process that can do nothing else.
struct model_parse_limits {
	uint64_t memory_bytes; // beside what this process has
	uint32_t cpu_seconds;
};
// From here on model_compile(), and whatever else reads foreign models from files, does so in such a child; NULL: in
// this process, as at first. To be called while there is one thread. The child's errors are sandbox_run()'s
// (base/sandbox/sandbox.h).
void model_parse_apart(const struct model_parse_limits *limits);

struct model_operator {     // of ONNX and TensorFlow Lite, as model_compile() reads it
	const char *domain; // "ai.onnx", "ai.onnx.ml", "com.microsoft" or "tflite"
	const char *type;   // "Gemm", "CONV_2D"
	uint32_t inputs_min, inputs_max;
};
// Number `index` of them, from 0, in no order; false behind the last.
bool model_operator(size_t index, struct model_operator *op);

// --- Opening ------------------------------------------------------------------------------------

#define MODEL_NAME_MAX          NAME_BYTES_MAX // see base/name.h
#define MODEL_FEATURES_MAX      16384          // columns of a row
#define MODEL_OUTPUTS_MAX       16384
#define MODEL_TEXTS_MAX         (1 << 20) // of all features that are text
#define MODEL_LINEAGE_MAX       256       // steps that a model says it went through
#define MODEL_LINEAGE_BYTES_MAX 2048      // of each
#define MODEL_BATCH_MAX         256       // rows that one pass through the plan takes

struct model;

// A feature that is text: in a row, number t stands for texts[t], and any other for a text that is
// none of them.
struct model_texts {
	uint32_t feature, n_texts;
	bool takes_unknown; // the model says what becomes of other texts; else they are refused
	// Categories of a booster: in a CSV a missing cell is NaN, and a number that is none of the
	// texts stands for itself, if no text of them reads as a number.
	bool is_category;
	bool has_numbers;         // some text reads as a number
	const char *const *texts; // [n_texts], each of them once
	const uint32_t *order;    // [n_texts]: numbers by ascending text, as strcmp() has it
};

// The number of `text` in a row's feature; for one that is none of the feature's, n_texts. Made for
// rows_options.code (base/rows_options.h), with a struct model_info as `codes`. 1: *value is set;
// 0: the cell is read as a number; -EINVAL: the model has no place for that text, and err says it.
int model_text_code(
	const void *codes, uint32_t feature, const char *text, float *value, struct error *err);

struct model_info {
	const char *name;
	uint32_t n_features;
	uint32_t n_outputs;
	const char *const *feature_names; // [n_features]
	const char *const *output_names;  // [n_outputs]
	const char *const *class_labels;  // [n_class_labels], may be empty
	uint32_t n_class_labels;
	const char *const *lineage; // [n_lineage] how it was made, a step a line, the oldest first
	uint32_t n_lineage;
	const struct model_texts *texts; // [n_texts], by ascending feature
	uint32_t n_texts;
	const float *input_scale; // [n_features]: f32 = (q - zero) * scale for i8 and u8 rows
	const float *input_zero;  // [n_features]
	bool accepts_missing;     // NaN means "missing" instead of being refused
	uint8_t source_sha256[32];
	const char *source_kind;       // "onnx", "xgboost", "tflite", ...
	uint32_t n_golden;             // rows with expected outputs
	const float *golden_rows;      // [n_golden][n_features]
	const float *golden_outputs;   // [n_golden][n_outputs]
	const float *golden_tolerance; // [n_golden][n_outputs]; NULL: see model_check_golden()
	float golden_mean;             // 0: see model_check_golden()
	// Histograms of the rows that it was made with, and of their scores: base/drift.h; NULL: none.
	const struct drift_reference *reference;
	size_t image_bytes;
	size_t weights_bytes; // packed, in memory
	uint64_t macs_per_row;
};

// Sets of `options`, by which a user's rows are read (base/rows.h), what the model knows: the features'
// count, names and texts. They are the model's.
void model_rows_options(const struct model_info *info, struct rows_options *options);
// rows [n][n_features]: refuses the first value that the model does not take, by row and feature; `path`
// stands in front of the sentence, unless it is NULL. -EDOM.
int model_check_rows(const struct model_info *info, const char *path, const float *rows, size_t n,
	struct error *err);
// The same of rows of which `first` went before.
int model_check_more_rows(const struct model_info *info, const char *path, const float *rows,
	size_t n, size_t first, struct error *err);

// Do these, a file's first bytes, say that it is an image, and not an encrypted one? Eight are enough.
bool model_is_image(const void *bytes, size_t size);

// What an image was compiled from, as struct model_info says it. Nothing is opened: the sections are found, and
// no hash is compared. `keys` as struct model_options has them. Errors as model_open()'s.
struct model_source {
	char kind[24];
	uint8_t sha256[32];
};
int model_source(const void *image, size_t size, const struct image_keys *keys,
	struct model_source *source, struct error *err);

// Rows that stand for those that a model was made with.
struct model_reference_rows {
	const float *values; // [n_rows][n_features]
	size_t n_rows;
	uint32_t n_bins; // of a column of numbers, at most MODEL_REFERENCE_BINS_MAX; 0: DRIFT_BINS
};
// Two less than DRIFT_BINS_MAX: few distinct values have a bin below and one above them.
#define MODEL_REFERENCE_BINS_MAX (DRIFT_BINS_MAX - 2)
// The same image with the histograms of these rows and of its scores of them, struct model_info's
// `reference`, in the place of those that it has. Columns of few distinct values and texts of which there
// are few have a bin for each; the others are divided by quantiles. Rows that the model does not take are
// left out. *out is malloc'ed. Errors as model_open()'s; -EINVAL where no row is left.
int model_refer(const void *image, size_t size, const struct model_reference_rows *rows, void **out,
	size_t *out_size, struct error *err);

// Which kernels timing chose, and what they took: so that the same image need not be timed again on
// the same CPU. Nothing in it points into the model.
struct model_choices;

struct model_options {
	unsigned isa_mask; // 0 with isa_limited false: whatever this CPU has
	bool isa_limited;  // true: isa_mask is a cap (ISA_SCALAR = 0 is a valid cap)
	bool no_timing;    // true: choose kernels by rule instead of by timing (tests, fuzzers)
	// A row has the same bits in batches of any size, on the same instruction sets, also where
	// kernels that add in another order would be faster. Without it that holds on AVX2 and NEON,
	// where it costs nothing, but not on AVX-512. An image may ask for it by itself.
	bool exact;
	// Of an earlier opening of this image; NULL: time. Another image's are passed over where
	// they do not fit, and harmless.
	const struct model_choices *choices;
	// Those of encrypted images (base/trust/sealed.h); NULL: none are given, and such an image is refused by
	// its key's id. What is decrypted of one is out of core dumps, locked in memory where the limits let it
	// be, and wiped in the end.
	const struct image_keys *keys;
	bool only_encrypted; // an image that is not encrypted is refused
	bool must_lock; // an encrypted one is refused where its weights cannot be locked in memory
};

// Checks the whole image, builds the plan, packs the weights, chooses the kernels.
// `image`, encrypted or not, is not kept: it may be freed afterwards. Errors: -EINVAL damaged or hostile
// image, -ENOTSUP a version or operator this build lacks, -ENOMEM; of encrypted ones -ENOKEY without the
// key, -EBADMSG where it is not what was encrypted, -EPERM where it must be encrypted.
int model_open(const void *image, size_t size, const struct model_options *options,
	struct model **out, struct error *err);
int model_open_file(const char *path, const struct model_options *options, struct model **out,
	struct error *err);
void model_close(struct model *model); // NULL is fine
// What model_open() chose, for model_options.choices; free() it. NULL without memory, or where
// nothing was timed.
struct model_choices *model_choices(const struct model *model);
const struct model_info *model_info(const struct model *model);

// Scores the golden rows in several batch sizes and compares within the tolerance that the image has
// for each, which compiling measured; where it has none, within `1e-5 * max(1, |expected|)`. A tolerance
// is what rounding hardly ever does to one score. To those of many rows at once it does far less, while a
// weight that is a little off moves them all: so the differences in each column, in tolerances, must
// have a root mean square of at most golden_mean, where the image has that.
// Of a model that rounds to 8 bits or bfloat16 within, half of the rows must agree: on another CPU
// the last bit of a float may fall otherwise and move a score by a step. -EINVAL names the first.
int model_check_golden(const struct model *model, struct error *err);

// --- Scoring ------------------------------------------------------------------------------------

// Bytes of scratch for up to `rows` rows at a time (capped at MODEL_BATCH_MAX). 64-byte aligned.
size_t model_scratch_bytes(const struct model *model, uint32_t rows);

// rows f32 [n][n_features], outputs f32 [n][n_outputs]; neither may overlap the scratch nor each
// other; 4-byte aligned is enough. Any n: passes of at most `scratch_rows` rows, the count the
// scratch was sized for. Safe on any bits, NaN and infinities included.
void model_score(const struct model *model, const float *rows, float *outputs, uint32_t n,
	void *scratch, uint32_t scratch_rows);

// Row values as they come on the wire (the dtype codes of docs/wire.md).
enum row_dtype {
	ROW_DTYPE_F32 = 0,
	ROW_DTYPE_F16 = 1,
	ROW_DTYPE_BF16 = 2,
	ROW_DTYPE_I8 = 3,
	ROW_DTYPE_U8 = 4,
	ROW_DTYPE_COUNT,
};
// Bytes of one value; 0 for an unknown dtype.
size_t row_dtype_bytes(unsigned dtype);

// Unpacks n_rows rows of the model's features from `src` (little-endian, any alignment) to f32
// `dst` [n_rows][n_features]. Returns true if every value is finite.
bool model_unpack_rows(
	const struct model *model, float *dst, const void *src, uint32_t n_rows, unsigned dtype);

// --- What the plan looks like -------------------------------------------------------------------

#define PLAN_KERNEL_NAME_MAX 48
#define MODEL_BATCH_CLASSES  4
extern const uint32_t MODEL_BATCH_CLASS[MODEL_BATCH_CLASSES]; // 1, 16, 64, 256

struct plan_step_info {
	const char *op;   // "Dense", "Softmax", ...
	const char *node; // the source's name for it
	char shape[64];   // for people: "41 -> 64 + Relu"
	// The kernel for each class of batch size (MODEL_BATCH_CLASS) and its share of the time,
	// 0..1.
	const char *kernel[MODEL_BATCH_CLASSES];
	double ns_per_row[MODEL_BATCH_CLASSES]; // measured at load; 0 where timing was off
	size_t bytes_touched;                   // weights + activations of one row
};

uint32_t model_n_steps(const struct model *model);
void model_step_info(const struct model *model, uint32_t step, struct plan_step_info *info);

struct bench_result {
	uint32_t batch;
	double ns_per_row; // median of the passes
	double ns_per_row_min;
};
// Median of repeated passes over different rows, on this thread, for each MODEL_BATCH_CLASS.
// `rows` f32 [n_rows][n_features], n_rows >= 256.
int model_bench(const struct model *model, const float *rows, uint32_t n_rows,
	struct bench_result results[MODEL_BATCH_CLASSES], struct error *err);
