"""Float networks → files with quantizers, by ONNX Runtime's static quantization, in a form that the import takes.

samples.py     calibration data
network.py     an ONNX file, or a torch module and its export
cleaning.py    one input, one output, fixed shapes, constants computed
choice.py      which nodes get quantizers
static.py      ONNX Runtime's quantization of those
"""

from accel.quantization.static import quantize

__all__ = ["quantize"]
