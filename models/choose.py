"""How the default recipe was chosen: candidates compared on validation parts of the training images.

`python -m models.choose` repeats it. The held-out images take no part: `digits.validation` splits the training part
alone, differently for every fold, and the figures are means over the folds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from models import digits
from models.training import Recipe, train

FOLDS = 3


def candidates() -> Iterator[tuple[str, Recipe]]:
    """One change at a time from the default; the float ones without quantization-aware training."""
    full = Recipe()
    plain = replace(full, quant_epochs=0)
    yield "float: default", plain
    yield "float: no shifts", replace(plain, shift_probability=0.0)
    yield "float: all shifted", replace(plain, shift_probability=1.0)
    yield "float: no label smoothing", replace(plain, label_smoothing=0.0)
    yield "float: 30 epochs", replace(plain, float_epochs=30)
    yield "float: 100 epochs", replace(plain, float_epochs=100)
    yield "float: rate 1e-3", replace(plain, float_rate=1e-3)
    yield "float: rate 6e-3", replace(plain, float_rate=6e-3)
    yield "float: batch 128", replace(plain, batch=128)
    yield "float: batch 128, rate 6e-3", replace(plain, batch=128, float_rate=6e-3)
    yield "QAT: default", full
    yield "QAT: batch 128", replace(full, batch=128)
    yield "QAT: batch 128, rate 2e-3", replace(full, batch=128, quant_rate=2e-3)
    yield "QAT: batch 128, 8 epochs", replace(full, batch=128, quant_epochs=8)
    yield "QAT: batch 128, 25 epochs", replace(full, batch=128, quant_epochs=25)


def compare() -> Iterator[tuple[str, float, float, float]]:
    """Name, mean float and quantised validation accuracy over the folds, mean seconds."""
    data = digits.load()
    for name, recipe in candidates():
        runs = [train(replace(recipe, seed=fold), split=digits.validation(data, fold)) for fold in range(FOLDS)]
        yield (
            name,
            sum(run.float_accuracy for run in runs) / FOLDS,
            sum(run.quantized_accuracy for run in runs) / FOLDS,
            sum(run.seconds for run in runs) / FOLDS,
        )


if __name__ == "__main__":
    for name, plain, quantised, seconds in compare():
        print(f"{name:28} float {plain:.2%}  quantised {quantised:.2%}  {seconds:.0f} s", flush=True)
