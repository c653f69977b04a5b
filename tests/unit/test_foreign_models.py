"""Real models of other kinds, from installed packages: one line that gives every reason in words, nothing written."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from command import accel, assert_refused


def files(package: str, pattern: str) -> list[Path]:
    """Files of an installed package, which is not imported."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    found = sorted(Path(spec.submodule_search_locations[0]).glob(pattern))
    assert found, f"{package} holds no {pattern}"
    return found


FLOAT = (
    "float: no quantizers found; quantize it (accel quantize MODEL.onnx --data calib.npz --out q.onnx), or train with "
    "Brevitas quantized layers and export with export_qonnx"
)
FIXED = "export with fixed sizes (batch, tokens, channels); only the batch, as the first axis, may be dynamic"


@pytest.mark.parametrize("verb", ["check", "lower"])
def test_speech_detection_has_control_flow_dynamic_shapes_and_floats(tmp_path: Path, verb: str) -> None:
    (path,) = files("silero_vad", "data/silero_vad.onnx")
    options = ["--target", "rtl", "--out", tmp_path / "out"] if verb == "lower" else []
    assert_refused(
        accel(verb, path, *options),
        str(path),
        "control flow: If 'If_0', If ",
        "export one path alone, without branches and loops",
        f"dynamic shape: input 'input' has shape (?, ?), 'state' has shape (2, ?, 128), 'sr' has shape (); {FIXED}",
        FLOAT,
        "unsupported operators: ",
        "LSTM '",
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", files("silero_vad", "data/*.onnx"), ids=lambda path: path.name)
def test_every_variant_of_it_is_refused_in_one_line(path: Path) -> None:
    assert_refused(accel("check", path), FLOAT)


def test_file_type_detection_has_a_dynamic_shape_and_floats(tmp_path: Path) -> None:
    (path,) = files("magika", "models/standard_*/model.onnx")
    result = accel("lower", path, "--target", "vitis", "--out", tmp_path / "out")
    assert_refused(result, "dynamic shape: input 'bytes' has shape (", FIXED, FLOAT)
    assert "control flow" not in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", files("onnx", "backend/test/data/light/light_*.onnx"), ids=lambda path: path.stem)
def test_image_classifiers_are_float(path: Path) -> None:
    result = accel("check", path)
    assert_refused(result, FLOAT)
    assert len(result.stderr) < 3000
