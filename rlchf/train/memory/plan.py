"""What a training holds in memory, by part; reading it needs no torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

GB = 10**9
CARDS = (24, 40, 80)
"""Sizes in GB of the cards that a plan is compared with where there is no GPU."""
HEADROOM = 0.92
"""Share of a card that a plan may take: CUDA itself and gaps between tensors take the rest."""


@dataclass(frozen=True)
class Bytes:
    """What one phase of an update holds at its peak, besides what is held throughout."""

    activations: int = 0
    logits: int = 0
    cache: int = 0
    gradients: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.activations + self.logits + self.cache + self.gradients


@dataclass(frozen=True)
class Plan:
    """The memory that a training needs, in bytes.

    Attributes
    ----------
    held
        What is held throughout, by part: weights and the optimiser's state.
    phases
        What each phase adds at its peak, by name; phases follow one another, so the largest counts.
    engine
        Share of the GPU that the engine of the sampler takes for itself, besides.
    notes
        Sentences on what the plan assumes or leaves out.
    """

    held: Mapping[str, int]
    phases: Mapping[str, Bytes]
    engine: float = 0.0
    notes: tuple[str, ...] = field(default=())

    @property
    def held_bytes(self) -> int:
        """Bytes that are held throughout."""
        return sum(self.held.values())

    @property
    def peak_phase(self) -> str:
        """The phase in which the peak lies."""
        return max(self.phases, key=lambda name: self.phases[name].total)

    @property
    def peak(self) -> int:
        """Largest number of bytes held at a time, the engine of a sampler left out."""
        return self.held_bytes + self.phases[self.peak_phase].total

    def fits(self, size: float) -> bool:
        """Whether the plan fits on a card with so many bytes.

        Examples
        --------
        >>> Plan({"policy": 30 * GB}, {"training": Bytes(activations=5 * GB)}).fits(40 * GB)
        True
        >>> Plan({"policy": 30 * GB}, {"training": Bytes()}, engine=0.3).fits(40 * GB)
        False
        """
        return self.peak <= size * (HEADROOM - self.engine)

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values."""
        return {
            "held": dict(self.held),
            "phases": {name: asdict(each) for name, each in self.phases.items()},
            "engine": self.engine,
            "peak_phase": self.peak_phase,
            "peak_bytes": self.peak,
            "notes": list(self.notes),
        }
