#!/bin/sh
# ONNX Runtime 1.32: quantize_static with CalibMaxIntermediateOutputs forgets every round of samples but the last, so that
# activations of all others are clipped. Documented: "the same result as all computing with None, but more memory efficient".
# Exits with 1 when that changes.
set -e
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6 sympy==1.14.0
cd "$folder"
cat > shown.py <<'PY'
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

weights = helper.make_tensor("w", TensorProto.FLOAT, [1, 1], [1.0])
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1]) for name in "xy"]
graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"], "m")], "g", ends[:1], ends[1:], [weights])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), "m.onnx")


class Reader(CalibrationDataReader):
    def __init__(self):
        self.rest = iter([8.0, 8.0, 1.0])

    def get_next(self):
        value = next(self.rest, None)
        return None if value is None else {"x": np.full((1, 1), value, np.float32)}


def scale(**options):
    quantize_static("m.onnx", "q.onnx", Reader(), quant_format=QuantFormat.QDQ, activation_type=QuantType.QInt8,
                    weight_type=QuantType.QInt8, extra_options={"ActivationSymmetric": True, **options})
    tensors = {t.name: numpy_helper.to_array(t) for t in onnx.load("q.onnx").graph.initializer}
    return float(tensors["x_scale"])


whole, rounds = scale(), scale(CalibMaxIntermediateOutputs=2)
print(f"largest input by the scale: {127 * whole:g}, in rounds of two {127 * rounds:g}; it is 8")
assert abs(127 * whole - 8) < 0.1
assert abs(127 * rounds - 1) < 0.1
PY
"$folder/env/bin/python" shown.py 2>/dev/null
