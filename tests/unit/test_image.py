"""Contents of memories as bytes: the file is that of Python's own integers, word by word, and comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from accel import image
from accel.image import Image

SIZES = [(1, 1), (3, 1), (1, 4), (5, 3), (2, 8), (3, 9), (1, 16), (2, 17), (4, 31), (1, 33), (3, 62), (7, 5)]


def lines(values: np.ndarray, bits: int) -> str:
    """Elements side by side in a word, the first one in the lowest bits."""
    columns = values.shape[1]
    words = [sum((int(v) & ((1 << bits) - 1)) << k * bits for k, v in enumerate(row)) for row in values]
    return "".join(f"{word:0{-(-columns * bits // 4)}x}\n" for word in words)


@pytest.mark.parametrize(("columns", "bits"), SIZES)
@pytest.mark.parametrize("at_once", [1, image.BITS_AT_ONCE])
def test_words_are_pythons(columns: int, bits: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "BITS_AT_ONCE", at_once)
    rng = np.random.default_rng(bits)
    values = rng.integers(-(1 << bits - 1), 1 << bits - 1, (9, columns))
    values[0], values[1] = -(1 << bits - 1), (1 << bits - 1) - 1
    made = Image.pack(values, bits)
    assert made.text().decode() == lines(values, bits)
    assert (made.depth, made.width, made.words.shape) == (9, columns * bits, (9, -(-columns * bits // 8)))
    assert Image.parse(made.text(), made.width) == made
    narrow = values.astype(np.min_scalar_type(int(values.min())))
    assert Image.pack(narrow, bits) == made


def test_unsigned_values_of_all_bits() -> None:
    values = np.array([[0, 255], [127, 128]])
    assert Image.pack(values, 8).text() == b"ff00\n807f\n"
    assert Image.pack(values.astype(np.uint8), 8).text() == b"ff00\n807f\n"


@pytest.mark.parametrize("text", [b"0\n", b"00\n0", b"0A\n", b"0g\n", b"00\r", b" 0\n", b"\xff\xff\n"])
def test_what_nobody_wrote_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Image.parse(text, 8)


def test_files_and_digests_are_those_of_the_text(tmp_path: Path) -> None:
    made = Image.pack(np.arange(40).reshape(20, 2), 6)
    image.write(tmp_path / "a.hex", made)
    image.write(tmp_path / "b.hex", made.text().decode())
    assert (tmp_path / "a.hex").read_bytes() == (tmp_path / "b.hex").read_bytes() == made.text()
    assert image.digest(made) == image.digest(made.text().decode())
    assert made != Image(11, made.words)
    assert made != made.text()
