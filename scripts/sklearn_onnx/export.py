# SPDX-License-Identifier: BSD-3-Clause
"""The ONNX graph while it grows: columns, constants, nodes, and where in the model the export is."""
import contextlib
from typing import NamedTuple, Optional

import numpy as np
from onnx import TensorProto, helper, numpy_helper

ML = "ai.onnx.ml"
TABLE = {}  # class name -> method -> converter(export, model, rows): filled from the families' tables


class Refusal(ValueError):
    """What cannot be exported: where in the model, and why."""


class WantsText(Exception):
    """A column of the input turned out to hold texts: the export begins again, knowing that."""

    def __init__(self, column):
        super().__init__(column)
        self.column = column


class Column(NamedTuple):
    """One column of a row: the one at `index` of a tensor [N, width], or an input of texts [N, 1]."""
    tensor: str
    index: int = 0
    width: int = 1
    origin: Optional[int] = None    # the input's column that it is, unchanged
    text: bool = False
    fill: Optional[str] = None      # the text that a missing one counts as
    # Made of another column by a function that rises: (that column, the function, of float64). Trees
    # then compare the other column, and their decisions do not depend on how float32 rounds.
    raised: Optional[tuple] = None


def dense(values):
    """float64, also of what scikit-learn keeps sparse."""
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values, np.float64)


class Export:
    """names: of the columns; texts: numbers of those that hold texts."""

    def __init__(self, names, texts):
        self.path = []
        self.nodes, self.constants, self.inputs = [], {}, []
        self.matrices, self.warnings = {}, []
        self.rows = self._inputs(names, texts)

    def _inputs(self, names, texts):
        """Text columns are inputs of their own; runs of numbers between them are one input each."""
        rows = []
        for i, name in enumerate(names):
            if i in texts:
                self.inputs.append([name, 1, TensorProto.STRING])
                rows.append(Column(name, origin=i, text=True))
            elif i and i - 1 not in texts:
                self.inputs[-1][1] += 1
                rows.append(rows[-1]._replace(index=rows[-1].index + 1, origin=i))
            else:
                alone = i + 1 == len(names) or i + 1 in texts
                tensor = name if alone and texts else f"features:{i}" if texts else "features"
                self.inputs.append([tensor, 1, TensorProto.FLOAT])
                rows.append(Column(tensor, origin=i))
        widths = {name: width for name, width, _ in self.inputs}
        return [column._replace(width=widths[column.tensor]) for column in rows]

    @contextlib.contextmanager
    def step(self, name):
        self.path.append(str(name))
        yield
        self.path.pop()

    def refuse(self, why):
        raise Refusal(f"{'.'.join(self.path)}: {why}" if self.path else why)

    def warn(self, text):
        text = f"{'.'.join(self.path)}: {text}" if self.path else text
        if text not in self.warnings:
            self.warnings.append(text)

    def constant(self, values):
        array = np.asarray(values)
        if array.dtype.kind == "f":
            with np.errstate(over="ignore"):
                array = array.astype(np.float32)
        elif array.dtype.kind in "iu":
            array = array.astype(np.int64)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.constants:
            name = f"constant:{len(self.constants)}"
            self.constants[key] = numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
        return self.constants[key].name

    def op(self, kind, *inputs, domain="", outputs=1, **attributes):
        """A node; inputs are names or values. Its output's name, or their list. No column is likely to have such a name."""
        made = [f"{kind}:{len(self.nodes)}" + (f":{o}" if outputs > 1 else "") for o in range(outputs)]
        inputs = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        self.nodes.append(helper.make_node(kind, inputs, made, name=f"{kind}:{len(self.nodes)}", domain=domain, **attributes))
        return made[0] if outputs == 1 else made

    def cast(self, tensor):
        return self.op("Cast", tensor, to=TensorProto.FLOAT)

    def matrix(self, rows):
        """The columns as one float tensor [N, len(rows)]."""
        for column in rows:
            if column.text:
                self.refuse(f"column '{column.tensor}' holds texts; an OneHotEncoder or OrdinalEncoder must come first")
        key = tuple((column.tensor, column.index) for column in rows)
        if key in self.matrices:
            return self.matrices[key]
        parts, begin = [], 0
        for end in range(1, len(rows) + 1):
            if end < len(rows) and rows[end].tensor == rows[begin].tensor:
                continue
            indices = [column.index for column in rows[begin:end]]
            whole = indices == list(range(rows[begin].width))
            parts.append(rows[begin].tensor if whole else
                         self.op("Gather", rows[begin].tensor, np.array(indices, np.int64), axis=1))
            begin = end
        if not parts:
            self.refuse("no column is left")
        self.matrices[key] = parts[0] if len(parts) == 1 else self.op("Concat", *parts, axis=1)
        return self.matrices[key]

    def columns(self, tensor, width):
        return [Column(tensor, i, width) for i in range(width)]

    def text(self, column):
        """The column's input of texts; one not known to hold texts so far makes the export begin again."""
        if not column.text and column.origin is None:
            self.refuse("texts are encoded here, but the steps before make numbers")
        if not column.text:
            raise WantsText(column.origin)
        return column.tensor

    def run(self, model, method, rows):
        """`method` of the model on these columns: a tensor's name; of "transform", columns."""
        offered = offers(model)
        if not offered:
            self.refuse(unknown(model))
        if method not in offered:
            self.refuse(f"{type(model).__name__} has no {method} that can be exported, but {', '.join(offered)}")
        expected = getattr(model, "n_features_in_", None)
        if expected is not None and expected != len(rows):
            self.refuse(f"{type(model).__name__} was fitted to {expected} columns, here are {len(rows)}")
        return offered[method](self, model, rows)

    def model(self, name, output, title, metadata):
        """The file: the tensor `output` leaves it under the name `title`. Nodes that nothing needs are left out."""
        while title in [tensor for tensor, _, _ in self.inputs]:
            title += "_out"
        self.nodes.append(helper.make_node("Identity", [output], [title], name="output"))
        needed, nodes = {title}, []
        for node in reversed(self.nodes):
            if needed & set(node.output):
                needed |= set(node.input)
                nodes.append(node)
        newest = any(node.op_type == "TreeEnsemble" for node in nodes)
        graph = helper.make_graph(
            nodes[::-1], name,
            [helper.make_tensor_value_info(tensor, kind, ["N", n]) for tensor, n, kind in self.inputs],
            [helper.make_tensor_value_info(title, TensorProto.FLOAT, ["N", "columns"])],
            [tensor for tensor in self.constants.values() if tensor.name in needed])
        made = helper.make_model(graph, producer_name="martlet-export-sklearn", opset_imports=[
            helper.make_opsetid("", 15), helper.make_opsetid(ML, 5 if newest else 3)])
        made.ir_version = 8
        helper.set_model_props(made, metadata)
        return made


def offers(model):
    """The methods of this model that can be exported, by name; {}: none."""
    kind = type(model)
    known = kind.__module__.split(".")[0] == "sklearn" or kind.__name__ == "Pipeline"
    return {method: convert for method, convert in TABLE.get(kind.__name__, {}).items() if known and hasattr(model, method)}


def unknown(model):
    kind = type(model)
    full = f"{kind.__module__}.{kind.__name__}"
    library = kind.__module__.split(".")[0]
    if library in ("xgboost", "lightgbm", "catboost"):
        return (f"{full} is not scikit-learn's: save it by itself (XGBoost: save_model('m.json'); LightGBM: "
                "booster_.save_model('m.txt'); CatBoost: save_model('m.onnx', format='onnx')) and compile that; "
                "its rows are what the steps before it make")
    known = [parent.__name__ for parent in kind.__mro__[1:] if parent.__name__ in TABLE]
    if known:
        return f"{full} is a class of its own above {known[0]}, which may compute otherwise; fit {known[0]} itself"
    return f"{full} cannot be exported. What can: {', '.join(sorted(TABLE))}"
