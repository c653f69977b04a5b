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
    """One change at a time from the default."""
    base = Recipe()
    yield "default", base
    yield "no shifts", replace(base, shift_probability=0.0)
    yield "every image shifted", replace(base, shift_probability=1.0)
    yield "no label smoothing", replace(base, label_smoothing=0.0)
    yield "batch 64, float rate 3e-3", replace(base, batch=64, float_rate=3e-3)
    yield "float rate 3e-3", replace(base, float_rate=3e-3)
    yield "float 30 epochs", replace(base, float_epochs=30)
    yield "float 100 epochs", replace(base, float_epochs=100)
    yield "QAT rate 2e-3", replace(base, quant_rate=2e-3)
    yield "QAT 8 epochs", replace(base, quant_epochs=8)
    yield "QAT 25 epochs", replace(base, quant_epochs=25)


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
