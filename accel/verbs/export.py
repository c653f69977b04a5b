"""`accel export`: a checkpoint becomes a QONNX file."""

from __future__ import annotations

from pathlib import Path

from accel.verbs.output import whole_file


def export(checkpoint: Path | str, out: Path | str) -> None:
    """Write the model of a checkpoint as QONNX to `out`.

    Raises UserError when `checkpoint` cannot be read as one, or `out` cannot be written.
    """
    import models

    trained = models.load(checkpoint)
    with whole_file(Path(out)) as path:
        models.export(trained.model, path)
