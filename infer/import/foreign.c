// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/foreign.h"

#include "infer/import/xgboost/binary.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define TEXT_MAX 65536 // bytes of the beginning in which a text's marks are looked for

#define SAVE_XGBOOST  "save it with model.save_model(\"model.json\")"
#define SAVE_LIGHTGBM "save it with booster.save_model(\"model.txt\")"
#define SAVE_TORCH    "export it with torch.onnx.export(model, example_row, \"model.onnx\")"
#define SAVE_KERAS                                                                                 \
	"convert it with python -m tf2onnx.convert --keras FILE --output model.onnx, or in "       \
	"Python with model.export(\"model.onnx\", format=\"onnx\")"
#define SAVE_SKLEARN                                                                               \
	"convert it with skl2onnx.to_onnx(model, rows), or with "                                  \
	"scripts/export_sklearn.py"
#define SAVE_CATBOOST "save it with model.save_model(\"model.json\", format=\"json\")"

struct foreign_file {
	const uint8_t *bytes;
	size_t size;
};

// --- What a file holds --------------------------------------------------------------------------

static bool foreign_at(const struct foreign_file *f, size_t at, const void *mark, size_t n)
{
	return f->size >= at + n && memcmp(f->bytes + at, mark, n) == 0;
}
#define AT(f, at, mark) foreign_at(f, at, mark, sizeof(mark) - 1)

static bool foreign_holds(const struct foreign_file *f, const char *mark)
{
	return memmem(f->bytes, f->size, mark, strlen(mark)) != NULL;
}

// In the beginning, blanks passed over, in whatever case.
static bool foreign_begins(const struct foreign_file *f, const char *mark)
{
	const size_t n = strlen(mark);
	size_t at = 0;

	while (at < f->size && isspace(f->bytes[at]))
		at++;
	return f->size - at >= n && strncasecmp((const char *)f->bytes + at, mark, n) == 0;
}

static bool foreign_text_holds(const struct foreign_file *f, const char *mark)
{
	const size_t n = f->size < TEXT_MAX ? f->size : TEXT_MAX;

	return memmem(f->bytes, n, mark, strlen(mark)) != NULL;
}

// --- Kinds --------------------------------------------------------------------------------------

static bool is_empty(const struct foreign_file *f)
{
	return f->size == 0;
}

static bool is_image(const struct foreign_file *f)
{
	return AT(f, 0, "MARTLET\n");
}

static bool is_lfs(const struct foreign_file *f)
{
	return AT(f, 0, "version https://git-lfs.github.com/");
}

static bool is_html(const struct foreign_file *f)
{
	return foreign_begins(f, "<!doctype html") || foreign_begins(f, "<html");
}

static bool is_pmml(const struct foreign_file *f)
{
	return foreign_begins(f, "<") && foreign_text_holds(f, "<PMML");
}

static bool is_openvino(const struct foreign_file *f)
{
	return foreign_begins(f, "<") && foreign_text_holds(f, "<net ") &&
		foreign_text_holds(f, "<layers>");
}

static bool is_xml(const struct foreign_file *f)
{
	return foreign_begins(f, "<?xml");
}

// Protocol 2 and later begin with their number, which an opcode follows.
static bool is_any_pickle(const struct foreign_file *f)
{
	static const char *const OLD[] = { "c__builtin__\n", "ccopy_reg\n", "(lp0\n", "(dp0\n",
		"csklearn.", "cxgboost." };

	for (size_t i = 0; i < sizeof(OLD) / sizeof(*OLD); i++) {
		if (foreign_at(f, 0, OLD[i], strlen(OLD[i])))
			return true;
	}
	return f->size >= 2 && f->bytes[0] == 0x80 && f->bytes[1] >= 2 && f->bytes[1] <= 5;
}

static bool is_xgboost_pickle(const struct foreign_file *f)
{
	return is_any_pickle(f) && foreign_holds(f, "xgboost.");
}

static bool is_lightgbm_pickle(const struct foreign_file *f)
{
	return is_any_pickle(f) && foreign_holds(f, "lightgbm.");
}

static bool is_catboost_pickle(const struct foreign_file *f)
{
	return is_any_pickle(f) && foreign_holds(f, "catboost");
}

static bool is_torch_pickle(const struct foreign_file *f)
{
	// The number with which torch.save of before 1.6 begins.
	static const char MAGIC[] = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

	return is_any_pickle(f) && (AT(f, 2, MAGIC) || foreign_holds(f, "torch."));
}

static bool is_sklearn_pickle(const struct foreign_file *f)
{
	return is_any_pickle(f) && foreign_holds(f, "sklearn.");
}

static bool is_joblib(const struct foreign_file *f)
{
	return is_any_pickle(f) && foreign_holds(f, "joblib.");
}

static bool is_zlib_joblib(const struct foreign_file *f)
{
	return f->size > 2 && f->bytes[0] == 'x' && strchr("\x01\x5e\x9c\xda", f->bytes[1]) &&
		f->bytes[1] != 0;
}

static bool is_zip(const struct foreign_file *f)
{
	return AT(f, 0, "PK\x03\x04") || AT(f, 0, "PK\x05\x06");
}

static bool is_torch_script(const struct foreign_file *f)
{
	return is_zip(f) && foreign_holds(f, "/data.pkl") && foreign_holds(f, "/code/");
}

static bool is_torch_zip(const struct foreign_file *f)
{
	return is_zip(f) && (foreign_holds(f, "/data.pkl") || foreign_holds(f, "/byteorder"));
}

static bool is_torch_program(const struct foreign_file *f)
{
	return is_zip(f) && foreign_holds(f, "serialized_exported_program.json");
}

static bool is_keras_zip(const struct foreign_file *f)
{
	return is_zip(f) && foreign_holds(f, "model.weights.h5");
}

static bool is_mojo(const struct foreign_file *f)
{
	return is_zip(f) && foreign_holds(f, "model.ini");
}

static bool is_rows_zip(const struct foreign_file *f)
{
	return is_zip(f) && foreign_holds(f, ".npy");
}

static bool is_skops(const struct foreign_file *f)
{
	return is_zip(f) && foreign_holds(f, "schema.json");
}

static bool is_hdf5(const struct foreign_file *f)
{
	return AT(f, 0, "\x89HDF\r\n\x1a\n");
}

static bool is_ort(const struct foreign_file *f)
{
	return AT(f, 4, "ORTM");
}

// A sound ONNX file that is refused for another reason may hold the same names.
static bool is_onnx_perhaps(const struct foreign_file *f)
{
	return foreign_holds(f, "onnx") || foreign_holds(f, "ONNX") || foreign_holds(f, "pytorch");
}

static bool is_saved_model(const struct foreign_file *f)
{
	return !is_onnx_perhaps(f) &&
		(foreign_holds(f, "saved_model_main_op") ||
			foreign_holds(f, "__saved_model_init_op") ||
			foreign_holds(f, "StatefulPartitionedCall"));
}

static bool is_frozen_graph(const struct foreign_file *f)
{
	return f->size > 0 && f->bytes[0] == 0x0a && !is_onnx_perhaps(f) &&
		foreign_holds(f, "Placeholder") && foreign_holds(f, "dtype");
}

static bool is_coreml(const struct foreign_file *f)
{
	return !is_onnx_perhaps(f) && foreign_holds(f, "com.github.apple.coremltools");
}

static bool is_safetensors(const struct foreign_file *f)
{
	uint64_t header = 0;

	for (size_t i = 8; i-- > 0 && f->size > 10;)
		header = header << 8 | f->bytes[i];
	return header >= 2 && header <= f->size - 8 && AT(f, 8, "{\"");
}

static bool is_gguf(const struct foreign_file *f)
{
	return AT(f, 0, "GGUF");
}

static bool is_cbm(const struct foreign_file *f)
{
	return AT(f, 0, "CBM1");
}

static bool is_catboost_code(const struct foreign_file *f)
{
	return foreign_text_holds(f, "ApplyCatboostModel") ||
		foreign_text_holds(f, "apply_catboost_model");
}

static bool is_lightgbm_json(const struct foreign_file *f)
{
	return foreign_begins(f, "{") && foreign_holds(f, "\"tree_info\"") &&
		!foreign_holds(f, "\"learner\"");
}

static bool is_lightgbm_code(const struct foreign_file *f)
{
	return foreign_text_holds(f, "double PredictTree0(");
}

// Its binary form is read where the objective's name stands behind the header.
static bool is_xgboost_binary(const struct foreign_file *f)
{
	return (AT(f, 0, "binf") || AT(f, 0, "bs64")) &&
		!xgboost_binary_recognises(f->bytes, f->size);
}

static bool is_xgboost_json_dump(const struct foreign_file *f)
{
	return foreign_begins(f, "[") && foreign_text_holds(f, "\"nodeid\"");
}

static bool is_xgboost_text_dump(const struct foreign_file *f)
{
	return foreign_begins(f, "booster[0]") || foreign_begins(f, "0:[") ||
		foreign_begins(f, "0:leaf=");
}

static bool is_xgboost_config(const struct foreign_file *f)
{
	return foreign_begins(f, "{") && foreign_holds(f, "\"learner\"") &&
		!foreign_holds(f, "\"trees\"") && !foreign_holds(f, "\"weights\"");
}

static bool is_keras_json(const struct foreign_file *f)
{
	return foreign_begins(f, "{") && foreign_text_holds(f, "\"class_name\"") &&
		foreign_text_holds(f, "\"config\"");
}

static bool is_text_onnx(const struct foreign_file *f)
{
	return foreign_begins(f, "ir_version:") ||
		(foreign_begins(f, "<") && foreign_text_holds(f, "ir_version:"));
}

static bool is_json_onnx(const struct foreign_file *f)
{
	return foreign_begins(f, "{") && foreign_text_holds(f, "\"irVersion\"");
}

static bool is_mlflow(const struct foreign_file *f)
{
	return foreign_text_holds(f, "flavors:\n") && foreign_text_holds(f, "python_function:");
}

static bool is_rows(const struct foreign_file *f)
{
	return AT(f, 0, "\x93NUMPY") || AT(f, 0, "PAR1");
}

static bool is_serialised_xgboost(const struct foreign_file *f)
{
	return AT(f, 0, "CONFIG-offset:");
}

static bool is_packed(const struct foreign_file *f)
{
	return AT(f, 0, "\x1f\x8b") || AT(f, 0, "BZh") ||
		AT(f, 0,
			"\xfd"
			"7zXZ") ||
		AT(f, 0, "\x28\xb5\x2f\xfd") || AT(f, 0, "7z\xbc\xaf") || AT(f, 257, "ustar");
}

// The first row that fits is the file's: those of more special kinds stand before the others.
static const struct foreign_kind {
	bool (*is)(const struct foreign_file *f);
	const char *what, *instead;
} KINDS[] = {
	{ is_empty, "an empty file", "save or copy it anew" },
	{ is_image, "an image of Martlet already", "use it as it is: martletctl model push IMAGE" },
	{ is_lfs, "a pointer of Git LFS, not the file that it stands for",
		"fetch that with git lfs pull" },
	{ is_html, "an HTML page, such as a server answers instead of a file",
		"download the file itself" },
	{ is_pmml, "PMML", "convert the model it was made of to ONNX" },
	{ is_text_onnx, "ONNX written as text",
		"write it as binary with onnx.save(onnx.parser.parse_model(text), "
		"\"model.onnx\")" },
	{ is_json_onnx, "ONNX written as JSON",
		"write it as binary with onnx.save(google.protobuf.json_format.Parse("
		"text, onnx.ModelProto()), \"model.onnx\")" },
	{ is_openvino, "OpenVINO's network description", "give the ONNX file that it was made of" },
	{ is_xml, "XML", "save the model as ONNX, XGBoost JSON or LightGBM text" },
	{ is_torch_pickle, "a pickle of PyTorch", SAVE_TORCH },
	{ is_xgboost_pickle, "a Python pickle of an XGBoost model",
		"load it in Python and " SAVE_XGBOOST },
	{ is_lightgbm_pickle, "a Python pickle of a LightGBM model",
		"load it in Python and save it with model.booster_.save_model(\"model.txt\")" },
	{ is_catboost_pickle, "a Python pickle of a CatBoost model",
		"load it in Python and " SAVE_CATBOOST },
	{ is_sklearn_pickle, "a Python pickle of a scikit-learn model",
		"load it in Python and " SAVE_SKLEARN },
	{ is_joblib, "a joblib file of Python", "load it with joblib.load and " SAVE_SKLEARN },
	{ is_any_pickle, "a Python pickle", "load it in Python and " SAVE_SKLEARN },
	{ is_zlib_joblib, "a compressed pickle, as joblib writes it",
		"load it with joblib.load and " SAVE_SKLEARN },
	{ is_torch_program, "a program of torch.export", SAVE_TORCH },
	{ is_torch_script, "TorchScript of PyTorch",
		"load it with torch.jit.load and " SAVE_TORCH },
	{ is_torch_zip, "a PyTorch file", "load it with torch.load and " SAVE_TORCH },
	{ is_keras_zip, "a Keras model", SAVE_KERAS },
	{ is_mojo, "a MOJO of H2O", "train or export the model as XGBoost JSON or ONNX" },
	{ is_skops, "a skops file of scikit-learn",
		"load it with skops.io.load and " SAVE_SKLEARN },
	{ is_rows_zip, "rows of NumPy, not a model", "give the model's own file" },
	{ is_zip, "a zip archive", "unpack it and give the model's file that is in it" },
	{ is_hdf5, "HDF5, as Keras saves models (.h5)", SAVE_KERAS },
	{ is_ort, "a model of ONNX Runtime's own format (ORT)",
		"give the ONNX file that it was made of" },
	{ is_cbm, "a CatBoost model (CBM)", SAVE_CATBOOST },
	{ is_catboost_code, "a CatBoost model as source code", SAVE_CATBOOST },
	{ is_lightgbm_json, "a LightGBM model in JSON, as dump_model writes it", SAVE_LIGHTGBM },
	{ is_lightgbm_code, "a LightGBM model as source code", SAVE_LIGHTGBM },
	{ is_xgboost_binary, "an XGBoost model in a binary form that is not read",
		"load it in Python, by an XGBoost of before 3.1, with booster = "
		"xgboost.Booster(model_file=\"FILE\") and save it with "
		"booster.save_model(\"model.json\")" },
	{ is_serialised_xgboost, "an XGBoost booster with its configuration, as pickles hold it",
		"load it with Booster.load_model and " SAVE_XGBOOST },
	{ is_xgboost_json_dump, "a JSON dump of XGBoost's trees (dump_model), which lacks the rest",
		SAVE_XGBOOST },
	{ is_xgboost_text_dump, "a text dump of XGBoost's trees (dump_model), which lacks the rest",
		SAVE_XGBOOST },
	{ is_xgboost_config, "XGBoost's configuration (save_config), without the model",
		SAVE_XGBOOST },
	{ is_keras_json, "a Keras model's architecture, without its weights", SAVE_KERAS },
	{ is_mlflow, "MLflow's description of a model", "give the model's file that it names" },
	{ is_rows, "rows, not a model", "give the model's own file" },
	{ is_safetensors, "safetensors: weights without the network", SAVE_TORCH },
	{ is_gguf, "GGUF, a language model's weights", "Martlet scores feature rows" },
	{ is_coreml, "a CoreML model", "convert the model it was made of to ONNX" },
	{ is_saved_model, "a TensorFlow SavedModel",
		"convert its folder with python -m tf2onnx.convert --saved-model FOLDER --output "
		"model.onnx" },
	{ is_frozen_graph, "a frozen graph of TensorFlow",
		"convert it with python -m tf2onnx.convert --graphdef FILE --inputs X:0 --outputs "
		"Y:0 --output model.onnx" },
	{ is_packed, "a packed archive", "unpack it and give the model's file that is in it" },
};

int foreign_refuse(const void *bytes, size_t size, struct error *err)
{
	const struct foreign_file file = { bytes, size };

	for (size_t i = 0; i < sizeof(KINDS) / sizeof(*KINDS); i++) {
		if (KINDS[i].is(&file))
			return error_set(
				err, -EINVAL, "this is %s: %s", KINDS[i].what, KINDS[i].instead);
	}
	return 0;
}
