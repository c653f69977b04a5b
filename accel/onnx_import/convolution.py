"""Conv that cuts patches (kernel = stride, no padding): a linear layer over the channels of a patch."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from accel.onnx_import.attributes import understands
from accel.onnx_import.builder import Builder
from accel.onnx_import.contraction import contracted
from accel.onnx_import.linear import add_constant, is_unknown
from accel.onnx_import.values import Call, Constant, Edge, Refused, Unknown, Value

PATCHES = "cut patches with a convolution of the input whose kernel is its stride"


@understands("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
def conv(build: Builder, call: Call) -> Value:
    x, weight, bias = call.take(2, 3)
    if is_unknown(x, weight, bias):
        return Unknown()
    if not isinstance(x, Edge) or not isinstance(weight, Constant) or not isinstance(bias, Constant | None):
        raise Refused("its weights are no constants", "use a plain convolution")
    _, channels, *kernel = weight.value.shape
    batch, have, *sizes = x.layout.shape
    if len(kernel) != len(sizes) or channels != have:
        raise Refused(f"weights {weight.value.shape} do not fit input {x.layout.shape}", "export the model again")
    _check_patches(call, tuple(kernel))
    grid = [size // k for size, k in zip(sizes, kernel, strict=True)]
    if any(size % k for size, k in zip(sizes, kernel, strict=True)):
        raise Refused(f"its input {x.layout.shape} does not divide into patches of {tuple(kernel)}", PATCHES)
    split = x.layout.reshaped((batch, have, *(n for pair in zip(grid, kernel, strict=True) for n in pair)))
    if split is None:
        raise Refused("its patches are not what the channels of a token are", PATCHES)
    spatial = range(2, 2 + 2 * len(grid), 2)
    on_x = tuple(range(2 + 2 * len(grid)))
    on_w = (-1, 1, *(i + 1 for i in spatial))
    patches = replace(x, layout=split)
    y = contracted(build, call, patches, on_x, weight, on_w, (0, -1, *spatial))
    if bias is None:
        return y
    return add_constant(build, call, y, bias.moved(lambda a: a.reshape(-1, *(1,) * len(grid))), call.output)


def _check_patches(call: Call, kernel: tuple[int, ...]) -> None:
    """Raise Refused when windows overlap, have gaps, are padded or grouped."""
    ones = (1,) * len(kernel)
    if (call.integers("kernel_shape") or kernel) != kernel:
        raise Refused(f"has weights of {kernel} and another kernel_shape", "export the model again")
    strides, dilations = call.integers("strides") or ones, call.integers("dilations") or ones
    if any(call.integers("pads") or ()) or call.text("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise Refused("pads its input", PATCHES)
    if strides != kernel or prod(dilations) != 1 or call.integer("group", 1) != 1:
        raise Refused(f"has kernel {kernel} and stride {strides}: its windows are no patches", PATCHES)
