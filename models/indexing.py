"""qonnx's wrapper of a model, which looks tensors up by their names: its own goes through all of them every time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from onnx import TensorProto, helper, numpy_helper, shape_inference
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation import infer_shapes
from qonnx.util.basic import random_string

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto, NodeProto, ValueInfoProto

ENDS = ("input", "output")
"""Parts of a graph whose order counts."""


class IndexedModel(ModelWrapper):  # type: ignore[misc]  # qonnx has no types
    """A model without subgraphs. What transformations do to the graph itself shows in the length of its parts."""

    def __init__(self, model: ModelProto) -> None:
        self._indices: dict[str, tuple[int, dict[str, Any]]] = {}
        super().__init__(model)

    def _index(self, part: str) -> dict[str, Any]:
        """Items of a part of the graph by name, nodes by the names of their outputs."""
        items = getattr(self.graph, part)
        length, found = self._indices.get(part, (-1, {}))
        if length != len(items):
            pairs = ((name, item) for item in items for name in (item.output if part == "node" else [item.name]))
            found = dict(pairs)
            self._indices[part] = len(items), found
        return found

    def _replace(self, part: str, item: Any) -> None:
        """Put an item behind all others, in place of the one of its name."""
        items, index = getattr(self.graph, part), self._index(part)
        if item.name in index:
            items.remove(index[item.name])
        items.append(item)
        index[item.name] = items[-1]
        self._indices[part] = len(items), index

    def get_tensor_valueinfo(self, tensor_name: str) -> ValueInfoProto | None:
        found = (self._index(part).get(tensor_name) for part in (*ENDS, "value_info"))
        return next((item for item in found if item is not None), None)

    def get_tensor_shape(self, tensor_name: str, fix_missing_init_shape: bool = False) -> list[int] | None:
        info, stored = self.get_tensor_valueinfo(tensor_name), self._index("initializer").get(tensor_name)
        if info is not None:
            return [dimension.dim_value for dimension in info.type.tensor_type.shape.dim]
        if stored is not None and fix_missing_init_shape:
            self.set_tensor_shape(tensor_name, stored.dims, stored.data_type)
        return None if stored is None else list(stored.dims)

    def set_tensor_shape(self, tensor_name: str, tensor_shape: Sequence[int], dtype: int | None = None) -> None:
        if any(tensor_name in self._index(part) for part in ENDS):
            super().set_tensor_shape(tensor_name, tensor_shape, dtype)
            self._indices.clear()
            return
        old = self.get_tensor_valueinfo(tensor_name)
        kept = TensorProto.FLOAT if old is None else old.type.tensor_type.elem_type
        self._replace(
            "value_info", helper.make_tensor_value_info(tensor_name, kept if dtype is None else dtype, tensor_shape)
        )

    def get_initializer(self, tensor_name: str, return_dtype: bool = False) -> Any:
        stored = self._index("initializer").get(tensor_name)
        found = (None, None) if stored is None else (numpy_helper.to_array(stored), stored.data_type)
        return found if return_dtype else found[0]

    def set_initializer(self, tensor_name: str, tensor_value: np.ndarray) -> None:
        made = numpy_helper.from_array(tensor_value, tensor_name)
        self._replace("initializer", made)
        self.set_tensor_shape(tensor_name, list(tensor_value.shape), made.data_type)

    def make_new_valueinfo_name(self) -> str:
        while self.get_tensor_valueinfo(name := random_string()) is not None:
            pass
        return name

    def find_producer(self, tensor_name: str) -> NodeProto | None:
        found: NodeProto | None = self._index("node").get(tensor_name)
        return found


def with_shapes(model: ModelProto) -> IndexedModel:
    """The model with the shapes of all tensors: qonnx's InferShapes, but for the wrapper that it makes."""
    before = IndexedModel(model)
    hidden = infer_shapes._hide_finn_ops(before)
    found = IndexedModel(shape_inference.infer_shapes(before.model))
    infer_shapes._restore_finn_ops(found, hidden)
    return found
