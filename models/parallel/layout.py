"""Division of the work among the processes."""

from __future__ import annotations

from dataclasses import dataclass, fields

from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from accel.errors import UserError
from models.config import EncoderConfig

DIMENSIONS = ("pipeline", "data", "tensor")
"""Of the mesh, outermost first: neighbours, which have the fastest links, share a layer's matrices."""
SCHEDULES = ("1f1b", "gpipe")


@dataclass(frozen=True)
class Parallel:
    """`data` replicas of `pipeline` stages of layers whose matrices `tensor` processes share.

    Replicas alone are kept equal by DDP; `sharded` ones (FSDP2) divide weights, gradients and optimizer states, and so
    do replicas in a hybrid. A pipeline cuts its part of the batch into `microbatches` (0: twice as many as stages).
    Raises UserError, naming the field, when a value is out of range.
    """

    data: int = 1
    tensor: int = 1
    pipeline: int = 1
    sharded: bool = False
    schedule: str = "1f1b"
    microbatches: int = 0

    def __post_init__(self) -> None:
        for name in (*DIMENSIONS, "microbatches"):
            value, least = getattr(self, name), int(name in DIMENSIONS)
            if type(value) is not int or value < least:
                raise UserError(f"parallel.{name} is a number from {least}; got {value!r}")
        if type(self.sharded) is not bool:
            raise UserError(f"parallel.sharded is true or false; got {self.sharded!r}")
        if self.schedule not in SCHEDULES:
            raise UserError(f"parallel.schedule is one of {', '.join(SCHEDULES)}; got {self.schedule!r}")
        if self.pipeline == 1 and self.microbatches > 1:
            raise UserError(f"parallel.microbatches ({self.microbatches}) are a pipeline's; leave them out")
        if self.microbatches and self.microbatches < self.pipeline:
            raise UserError(
                f"parallel.microbatches ({self.microbatches}) must be at least parallel.pipeline ({self.pipeline})"
            )

    @classmethod
    def parse(cls, text: str) -> Parallel:
        """`data=2,tensor=2,sharded=true` → layout. Raises UserError."""
        kinds = {spec.name: type(spec.default) for spec in fields(cls)}
        values: dict[str, object] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = (piece.strip() for piece in part.partition("="))
            if name not in kinds:
                raise UserError(f"parallel has no {name!r}; there are {', '.join(kinds)} (data=2,tensor=2)")
            values[name] = _value(value, kinds[name])
        return cls(**values)  # type: ignore[arg-type]

    def __str__(self) -> str:
        """The form that `parse` reads; defaults are left out."""
        changed = {s.name: getattr(self, s.name) for s in fields(self) if getattr(self, s.name) != s.default}
        return ",".join(f"{name}={str(value).lower()}" for name, value in changed.items()) or "data=1"

    @property
    def processes(self) -> int:
        """Number of processes that the layout takes."""
        return self.data * self.tensor * self.pipeline

    @property
    def chunks(self) -> int:
        """Microbatches per step of a replica."""
        return self.microbatches or (2 * self.pipeline if self.pipeline > 1 else 1)

    @property
    def fully_sharded(self) -> bool:
        """True when FSDP2 keeps the replicas, not DDP (which takes neither a tensor's parts nor a pipeline's stage)."""
        return self.data > 1 and (self.sharded or self.tensor > 1 or self.pipeline > 1)

    def check(self, config: EncoderConfig, batch: int, world: int) -> None:
        """Raises UserError when a model, a batch or the number of processes does not fit."""
        if self.processes != world:
            raise UserError(
                f"parallel: {self} takes {self.processes} processes, {world} were started: torchrun --nproc-per-node N"
            )
        for name in ("heads", "kv_heads", "hidden"):
            if getattr(config, name) % self.tensor:
                raise UserError(
                    f"{name} ({getattr(config, name)}) must be a multiple of parallel.tensor ({self.tensor})"
                )
        self._check_kind(config)
        if self.pipeline > config.layers:
            raise UserError(f"parallel.pipeline ({self.pipeline}) is more than the model's layers ({config.layers})")
        if batch % (self.data * self.chunks):
            raise UserError(
                f"batch ({batch}) must be a multiple of parallel.data ({self.data}) × microbatches ({self.chunks})"
            )

    def _check_kind(self, config: EncoderConfig) -> None:
        """Refuse layouts that a kind of model does not support."""
        if self.tensor > 1 and config.rank:
            raise UserError(f"parallel.tensor ({self.tensor}) divides full matrices, not those of rank {config.rank}")
        if config.accumulator_bits and (self.tensor > 1 or self.fully_sharded):  # they change weights in place
            raise UserError(
                f"parallel: accumulator_bits takes whole matrices, {self} divides them: data or pipeline alone"
            )
        if self.tensor > 1 and config.learned_scales and config.per_channel:
            raise UserError("parallel.tensor divides no learned scales per channel: use learned_scales=False")
        if self.pipeline > 1 and config.shared:
            raise UserError("parallel.pipeline has stages of their own layers: use shared=False")

    def mesh(self, device: str) -> DeviceMesh:
        """All processes in order of rank, with the dimensions' names; `device` is "cpu" or "cuda"."""
        sizes = tuple(getattr(self, name) for name in DIMENSIONS)
        return init_device_mesh(device, sizes, mesh_dim_names=DIMENSIONS)


def _value(text: str, kind: type) -> object:
    """Parse a number or a boolean; anything else stays text, which the checks refuse."""
    if kind is bool and text in ("true", "false"):
        return text == "true"
    return int(text) if kind is int and text.isdecimal() else text
