# SPDX-License-Identifier: BSD-3-Clause
"""scikit-learn's estimators as ONNX graphs: a table of converters by class and method, one file a family."""
from . import columns, compose, linear, trees
from .compose import METHODS, last_of
from .export import Export, Refusal, WantsText

TABLE = {**trees.CONVERTERS, **linear.CONVERTERS, **columns.CONVERTERS, **compose.CONVERTERS}

__all__ = ["METHODS", "TABLE", "Export", "Refusal", "WantsText", "last_of"]
