"""A language model as its files hold it: configuration, tensors by canonical names, tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from accel.checkpoints.configuration import Configuration, shapes
from accel.checkpoints.mapped import MappedFile
from accel.checkpoints.tokenizer import Tokenizer
from accel.checkpoints.weight import Weight
from accel.spelling import printable, shortened


@dataclass(frozen=True)
class Checkpoint:
    """A model whose tensors are still in their files, mapped into memory.

    weights has the names of `shapes(configuration)`, such as `embedding`, `layers.3.attention.q`,
    `layers.3.attention.q.bias`, `layers.3.feedforward.norm`, `norm` and `head`.
    """

    path: Path
    configuration: Configuration
    weights: Mapping[str, Weight]
    make_tokenizer: Callable[[], Tokenizer]

    def __getitem__(self, name: str) -> Weight:
        """A tensor by its canonical name."""
        return self.weights[name]

    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the checkpoint. Raises UserError when it has none, or one that is not known."""
        return self.make_tokenizer()

    @property
    def head(self) -> Weight:
        """The matrix (vocabulary, width) that gives the logits: the embedding where it is tied."""
        return self.weights["embedding" if self.configuration.tied else "head"]

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors in the files."""
        return sum(weight.raw.nbytes for weight in self.weights.values())


def checked(file: MappedFile, configuration: Configuration, found: dict[str, Weight]) -> dict[str, Weight]:
    """The tensors in the order of the network. Raises UserError unless they are those of the configuration."""
    wanted = shapes(configuration)
    if missing := [name for name in wanted if name not in found]:
        raise file.refused(f"{len(missing)} tensors are missing: {shortened(missing, 4)}")
    if more := [printable(found[name].name) for name in found if name not in wanted]:
        raise file.refused(
            f"{len(more)} tensors have no place in a network of this configuration: {shortened(more, 4)}",
            "the file is damaged, or of a model that is not known",
        )
    for name, shape in wanted.items():
        if found[name].shape != shape:
            raise file.refused(f"tensor {printable(found[name].name)!r} has shape {found[name].shape}, not {shape}")
    return {name: found[name] for name in wanted}


def split(weight: Weight, *names: str) -> dict[str, Weight]:
    """A tensor that holds several of equally many outputs, such as GPT-2's queries, keys and values."""
    rows = weight.shape[0] // len(names) if weight.shape else 0
    return {name: weight.rows(i * rows, (i + 1) * rows) for i, name in enumerate(names)}
