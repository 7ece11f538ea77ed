# SPDX-License-Identifier: BSD-3-Clause
"""scikit-learn's estimators as ONNX graphs: a table of converters by class and method, one file a family."""
from . import columns, compose, linear, trees
from .compose import METHODS, last_of
from .export import TABLE, Export, Refusal, WantsText, offers

for family in (trees, linear, columns, compose):
    TABLE.update(family.CONVERTERS)

__all__ = ["METHODS", "Export", "Refusal", "WantsText", "last_of", "offers"]
