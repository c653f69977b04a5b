"""Quantized transformers from Brevitas to FPGAs, exact at every level.

    graph = accel.load("model.onnx")              # QONNX file → integer graph
    graph.predict(x)                              # real samples in the file's shape, real results
    accel.reference.run(graph, integers)          # the graph in torch, integers in and out
    accel.quantize("float.onnx", "calibration.npz", "model.onnx")   # a float network becomes such a file
    accel.check("model.onnx").mismatches          # every level against the file
    accel.compare("model.onnx", "build/rtl", x)   # layer by layer
    accel.lower(graph, "rtl", "build/rtl")        # SystemVerilog
    accel.simulate("build/rtl").simulation        # measured cycles
    accel.bitstream("build/rtl", "ulx3s-85f")
    accel.lm.load("model.gguf").generate("Once upon a time")        # a language model in integers
    accel.lower_engine("stories260K.bin", "build/stories")          # its decode engine, token by token

Everything is imported on first use.
"""

from __future__ import annotations

from accel.lazy import lazy

HOMES = {
    "Builder": "accel.building",
    "Design": "accel.design",
    "Graph": "accel.graph",
    "Model": "accel.model",
    "Node": "accel.graph",
    "Schedule": "accel.dataflow.schedule",
    "Tensor": "accel.tensor",
    "UserError": "accel.errors",
    "bitstream": "accel.verbs.bitstream",
    "check": "accel.verbs.check",
    "compare": "accel.verbs.compare",
    "explore": "accel.verbs.explore",
    "export": "accel.verbs.export",
    "load": "accel.onnx_import",
    "lower": "accel.verbs.lower",
    "lower_engine": "accel.verbs.engine.lowering",
    "quantize": "accel.verbs.quantize",
    "simulate": "accel.verbs.simulate",
    "train": "accel.verbs.train",
}
MODULES = ("cut", "onnx_import", "ops", "reference", "storage")

__all__ = [*HOMES, *MODULES]
__getattr__ = lazy(__name__, {**HOMES, "lm": "accel.verbs"}, MODULES)  # lm has public names of its own
