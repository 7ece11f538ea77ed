// SPDX-License-Identifier: BSD-3-Clause
// Files of other kinds than those that are read: each is named, with what to save instead.
#include "infer/import/import.h"
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <stdlib.h>
#include <string.h>

#define BYTES(text) text, sizeof(text) - 1

#define ZIP(name)  "PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" name
#define PICKLE(of) "\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c" of

static const char XGBOOST_HEADER[144 + 10] = "binf";

static const struct {
	const char *bytes;
	size_t size;
	const char *sentence; // its beginning
} FILES[] = {
	{ BYTES(""), "this is an empty file: save or copy it anew" },
	{ BYTES("MARTLET\n\1\0\0\0"), "this is an image of Martlet already: use it as it is" },
	{ BYTES("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 5\n"),
		"this is a pointer of Git LFS, not the file that it stands for: fetch that with "
		"git "
		"lfs pull" },
	{ BYTES("\n <!DOCTYPE html><html>404</html>"),
		"this is an HTML page, such as a server answers instead of a file: download" },
	{ BYTES("<html>"), "this is an HTML page" },
	{ BYTES("<?xml version=\"1.0\"?>\n<PMML version=\"4.4\">"), "this is PMML: convert" },
	{ BYTES("<\n  ir_version: 8,\n  opset_import: [\"\" : 17]\n>\nagraph (float[N] x) =>"),
		"this is ONNX written as text: write it as binary" },
	{ BYTES("ir_version: 8\nproducer_name: \"x\"\n"), "this is ONNX written as text" },
	{ BYTES("{\"irVersion\": \"8\", \"graph\": {}}"), "this is ONNX written as JSON" },
	{ BYTES("<?xml version=\"1.0\"?><net name=\"m\"><layers></layers></net>"),
		"this is OpenVINO's network description: give the ONNX file" },
	{ BYTES("<?xml version=\"1.0\"?><other/>"), "this is XML: save the model as ONNX" },
	{ BYTES("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."),
		"this is a pickle of PyTorch: export it with torch.onnx.export(" },
	{ BYTES(PICKLE("xgboost.sklearn\x94")),
		"this is a Python pickle of an XGBoost model: load it in Python and save it with "
		"model.save_model(\"model.json\")" },
	{ BYTES(PICKLE("lightgbm.sklearn\x94")),
		"this is a Python pickle of a LightGBM model: load it in Python and save it with "
		"model.booster_.save_model(\"model.txt\")" },
	{ BYTES(PICKLE("catboost.core\x94")),
		"this is a Python pickle of a CatBoost model: load it in Python and save it with "
		"model.save_model(\"model.json\", format=\"json\")" },
	{ BYTES(PICKLE("sklearn.svm._classes\x94")),
		"this is a Python pickle of a scikit-learn model: load it in Python and convert it "
		"with skl2onnx.to_onnx(model, rows), or with scripts/export_sklearn.py" },
	{ BYTES(PICKLE("joblib.numpy_pickle\x94")), "this is a joblib file of Python" },
	{ BYTES("\x80\x03}q\0."), "this is a Python pickle: load it in Python" },
	{ BYTES("ccopy_reg\n_reconstructor\n"), "this is a Python pickle: load it in Python" },
	{ BYTES("x\x9c\x01\x02\x03\x04\x05"), "this is a compressed pickle, as joblib writes it" },
	{ BYTES(ZIP("m/serialized_exported_program.json")), "this is a program of torch.export" },
	{ BYTES(ZIP("m/data.pkl") "PK\x03\x04m/code/__torch__.py"),
		"this is TorchScript of PyTorch: load it with torch.jit.load and export it" },
	{ BYTES(ZIP("archive/data.pkl")),
		"this is a PyTorch file: load it with torch.load and export it with "
		"torch.onnx.export(model, example_row, \"model.onnx\")" },
	{ BYTES(ZIP("config.json") "PK\x03\x04model.weights.h5"),
		"this is a Keras model: convert" },
	{ BYTES(ZIP("model.ini")), "this is a MOJO of H2O" },
	{ BYTES(ZIP("schema.json")), "this is a skops file of scikit-learn" },
	{ BYTES(ZIP("arr_0.npy")), "this is rows of NumPy, not a model" },
	{ BYTES(ZIP("m.onnx")), "this is a zip archive: unpack it" },
	{ BYTES("\x89HDF\r\n\x1a\n\0\0"), "this is HDF5, as Keras saves models (.h5): convert" },
	{ BYTES("\x1c\0\0\0ORTM\x14\0"), "this is a model of ONNX Runtime's own format (ORT)" },
	{ BYTES("CBM1\x10\0\0\0"),
		"this is a CatBoost model (CBM): save it with model.save_model(" },
	{ BYTES("double ApplyCatboostModel(const std::vector<float>& features) {"),
		"this is a CatBoost model as source code" },
	{ BYTES("def apply_catboost_model(float_features):"),
		"this is a CatBoost model as source code" },
	{ BYTES("{\"name\":\"tree\",\"version\":\"v4\",\"tree_info\":[]}"),
		"this is a LightGBM model in JSON, as dump_model writes it: save it with "
		"booster.save_model(\"model.txt\")" },
	{ BYTES("#include <x>\ndouble PredictTree0(const double* arr) {"),
		"this is a LightGBM model as source code" },
	{ XGBOOST_HEADER, sizeof(XGBOOST_HEADER),
		"this is an XGBoost model in a binary form that is not read: load it in Python, by "
		"an "
		"XGBoost of before 3.1, with booster = xgboost.Booster(model_file=\"FILE\") and "
		"save it with booster.save_model(\"model.json\")" },
	{ BYTES("CONFIG-offset:\0\0\0\0\0\0\0\0{"),
		"this is an XGBoost booster with its configuration, as pickles hold it" },
	{ BYTES("[\n  { \"nodeid\": 0, \"leaf\": 0.5 }\n]"),
		"this is a JSON dump of XGBoost's trees (dump_model), which lacks the rest: save" },
	{ BYTES("booster[0]:\n0:leaf=0.5\n"), "this is a text dump of XGBoost's trees" },
	{ BYTES("0:[f0<0.5] yes=1,no=2,missing=1\n"), "this is a text dump of XGBoost's trees" },
	{ BYTES("{\"learner\":{\"generic_param\":{},\"gradient_booster\":{\"name\":\"gbtree\"}}}"),
		"this is XGBoost's configuration (save_config), without the model" },
	{ BYTES("{\"class_name\":\"Sequential\",\"config\":{}}"),
		"this is a Keras model's architecture, without its weights" },
	{ BYTES("artifact_path: model\nflavors:\n  python_function:\n"),
		"this is MLflow's description of a model" },
	{ BYTES("\x93NUMPY\1\0"), "this is rows, not a model" },
	{ BYTES("\x10\0\0\0\0\0\0\0{\"w\":{\"dtype\":1}}  "),
		"this is safetensors: weights without the network" },
	{ BYTES("GGUF\3\0\0\0"), "this is GGUF" },
	{ BYTES("\x08\x04\x12\x20"
		"com.github.apple.coremltools"),
		"this is a CoreML model" },
	{ BYTES("\x08\x01\x12\x19\x0a\x17StatefulPartitionedCall"),
		"this is a TensorFlow SavedModel: convert its folder with python -m tf2onnx" },
	{ BYTES("\x0a\x18\x0a\x01x\x12\x0bPlaceholder*\x06\x0a\x05"
		"dtype"),
		"this is a frozen graph of TensorFlow" },
	{ BYTES("\x1f\x8b\x08\0"), "this is a packed archive: unpack it" },
	{ BYTES("BZh9"), "this is a packed archive" },
};

static int import_of(const void *bytes, size_t size, struct error *err)
{
	struct graph *graph = NULL;
	const int rc = import_model(bytes, size, &(struct import_options){ 0 }, &graph, NULL, err);

	graph_destroy(graph);
	return rc;
}

static void each_kind_is_named(void **state)
{
	for (size_t i = 0; i < sizeof(FILES) / sizeof(*FILES); i++) {
		struct error err = { .text = "" };

		assert_int_equal(import_of(FILES[i].bytes, FILES[i].size, &err), -EINVAL);
		if (strncmp(err.text, FILES[i].sentence, strlen(FILES[i].sentence)) != 0)
			fail_msg("'%s' does not begin with '%s'", err.text, FILES[i].sentence);
	}
	(void)state;
}

// Refused for what it holds, a sound file keeps its own sentence.
static void onnx_keeps_its_sentence(void **state)
{
	struct error err = { .text = "" };
	size_t size;
	uint8_t *bytes;

	file_small();
	file.node_list[0]->op_type = file_name("StatefulPartitionedCall");
	file.model.producer_name = file_name("tf2onnx");
	bytes = file_pack(&size);
	assert_int_equal(import_of(bytes, size, &err), -ENOTSUP);
	assert_null(strstr(err.text, "this is"));
	free(bytes);
	assert_int_equal(import_of("\xff\xff", 2, &err), -EINVAL); // of no known kind
	assert_string_equal(
		err.text, "not a sound ONNX file: at byte 2 it is cut off or no protobuf");
	(void)state;
}

static void rounds_are_of_boosters(void **state)
{
	struct error err = { .text = "" };
	struct graph *graph = NULL;
	size_t size;
	uint8_t *bytes;

	file_small();
	bytes = file_pack(&size);
	assert_int_equal(import_model(bytes, size, &(struct import_options){ .rounds = 3 }, &graph,
				 NULL, &err),
		-EINVAL);
	assert_string_equal(err.text,
		"an ONNX file does not say which trees make a round: their number is for "
		"XGBoost, LightGBM and CatBoost");
	assert_null(graph);
	free(bytes);
	(void)state;
}

static void byte_order_mark_is_passed_over(void **state)
{
	static const char LIGHTGBM[] =
		"\xef\xbb\xbftree\nversion=v4\nmax_feature_idx=0\nobjective=regression\n\nTree=0\n"
		"num_leaves=1\nnum_cat=0\nleaf_value=2\n\nend of trees\n";
	static const char XGBOOST[] =
		"\xef\xbb\xbf{\"learner\":{\"objective\":{\"name\":\"reg:squarederror\"},"
		"\"learner_model_param\":{\"base_score\":\"0\",\"num_feature\":\"1\"},"
		"\"gradient_booster\":{\"name\":\"gblinear\",\"model\":{\"weights\":[1,2]}}}}";
	struct error err = { .text = "" };

	if (import_of(BYTES(LIGHTGBM), &err) != 0 || import_of(BYTES(XGBOOST), &err) != 0)
		fail_msg("%s", err.text);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_is_named),
		cmocka_unit_test(onnx_keeps_its_sentence),
		cmocka_unit_test(rounds_are_of_boosters),
		cmocka_unit_test(byte_order_mark_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
