"""The training recipe: one typed value that a checkpoint keeps."""

from __future__ import annotations

from dataclasses import dataclass, field

from accel.errors import UserError
from models.config import STRICT, EncoderConfig

PRECISIONS = ("float32", "bf16", "fp16")
CORRECTIONS = ("equalize", "gptq", "gpfq", "bias")


def expect(owner: object, name: str, holds: bool, what: str) -> None:
    """Raises UserError, naming the field, when a value is out of range."""
    if not holds:
        raise UserError(f"{type(owner).__name__}.{name} is {what}; got {getattr(owner, name)!r}")


@dataclass(frozen=True)
class Pruning:
    """Choice of the weights that become zero or are removed, and when.

    `weights` is the share of zeros in every Dense; `kept` of each `group` following weights of a row stay (2 of 4).
    They are chosen during quantization-aware training, over the first `ramp` of its steps. `neurons` and `heads` are
    shares that are taken out of the float network, which is then trained on: it really shrinks.
    """

    __pydantic_config__ = STRICT
    weights: float = 0.0
    kept: int = 0
    group: int = 0
    neurons: float = 0.0
    heads: float = 0.0
    layers: int = 0  # taken out, the last ones
    ramp: float = 0.5

    def __post_init__(self) -> None:
        for name in ("weights", "neurons", "heads"):
            expect(self, name, 0 <= getattr(self, name) < 1, "a share, 0 or more and below 1")
        expect(self, "ramp", 0 <= self.ramp <= 1, "0..1")
        expect(self, "layers", self.layers >= 0, "at least 0")
        expect(self, "kept", 0 <= self.kept <= self.group, "at most Pruning.group")
        if self.weights and self.group:
            raise UserError("Pruning takes weights anywhere (weights) or of every group (kept, group), not both")

    @property
    def masks(self) -> bool:
        return bool(self.weights or self.group)

    @property
    def shrinks(self) -> bool:
        return bool(self.neurons or self.heads or self.layers)


@dataclass(frozen=True)
class Distillation:
    """A teacher's share of the loss of quantization-aware training: its logits at a temperature, its last hidden
    states and its last attention maps. The teacher is the run's own float network, or a larger one trained first.
    """

    __pydantic_config__ = STRICT
    logits: float = 0.5
    temperature: float = 2.0
    hidden: float = 0.0
    attention: float = 0.0
    teacher: EncoderConfig | None = None

    def __post_init__(self) -> None:
        expect(self, "logits", 0 <= self.logits <= 1, "0..1")
        expect(self, "temperature", self.temperature > 0, "above 0")
        for name in ("hidden", "attention"):
            expect(self, name, getattr(self, name) >= 0, "at least 0")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training: `model` is the quantized network, pre-trained as its float twin.

    The defaults were chosen by `models.choose` on parts of the training images, never on the held-out ones.
    Raises UserError, naming the field, when a value is out of range.
    """

    __pydantic_config__ = STRICT
    model: EncoderConfig = field(default_factory=EncoderConfig)
    data: str = "digits"
    samples: int = 0  # of the training part, drawn once; 0: all
    seed: int = 0
    float_epochs: int = 60
    float_rate: float = 6e-3
    quant_epochs: int = 15
    quant_rate: float = 1e-3
    batch: int = 128
    weight_decay: float = 1e-2
    label_smoothing: float = 0.1
    shift_probability: float = 0.5  # of moving an image by up to one pixel, where the data knows how
    precision: str = "float32"  # of matrix products in training; calibration and export are float32
    mean_bits: float = 0.0  # of inner weights: every layer gets its own (models.mixed); 0: the model says
    corrections: tuple[str, ...] = ()  # after calibration, before quantization-aware training
    pruning: Pruning = field(default_factory=Pruning)
    distillation: Distillation | None = None

    def __post_init__(self) -> None:
        for name in ("samples", "seed", "float_epochs", "quant_epochs", "weight_decay"):
            expect(self, name, getattr(self, name) >= 0, "at least 0")
        for name in ("float_rate", "quant_rate", "batch"):
            expect(self, name, getattr(self, name) > 0, "above 0")
        for name in ("label_smoothing", "shift_probability"):
            expect(self, name, 0 <= getattr(self, name) <= 1, "0..1")
        expect(self, "precision", self.precision in PRECISIONS, f"one of {', '.join(PRECISIONS)}")
        expect(self, "corrections", set(self.corrections) <= set(CORRECTIONS), f"of {', '.join(CORRECTIONS)}")
        expect(self, "mean_bits", self.mean_bits == 0 or 2 <= self.mean_bits <= 8, "2..8, or 0")
        if {"gptq", "gpfq"} <= set(self.corrections):
            raise UserError("Recipe.corrections: gptq and gpfq both choose the roundings; take one of them")
