"""The samplers that the setting `sampler` names.

A sampler is a line in the table `SAMPLERS`. The settings read the table, so importing this module needs no
torch, and what a sampler needs is imported when it is chosen.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rlchf.train.ppo.sampling import Sampler


def _generate(longest: int, memory: float = 0.0) -> "Sampler":
    from rlchf.train.ppo.sampling import sample

    return sample


def _continuous(longest: int, memory: float = 0.0) -> "Sampler":
    try:
        from rlchf.train.ppo.continuous import sample_continuous
    except ImportError as error:
        from transformers import __version__

        raise ValueError(
            f"sampler is 'continuous', for which transformers {__version__} is too old; install 5.23 or "
            "later, or choose 'generate'"
        ) from error
    return sample_continuous


def check_sampler(name: str, where: str = "") -> None:
    """Refuse a sampler whose library is not installed.

    Raises
    ------
    ValueError
        If it is not; the message begins with ``where``.
    """
    if name == "vllm" and not find_spec("vllm"):
        raise ValueError(
            f"{where}sampler is 'vllm', which is not installed; pip install vllm, or choose 'generate'"
        )


def _vllm(longest: int, memory: float = 0.3) -> "Sampler":
    check_sampler("vllm")
    from rlchf.train.ppo.vllm_sampler import VllmSampler

    return VllmSampler(longest, memory)


SAMPLERS: "dict[str, Callable[..., Sampler]]" = {
    "generate": _generate,
    "continuous": _continuous,
    "vllm": _vllm,
}
"""For each sampler a function that makes it, given the maximum number of tokens of a prompt and its response,
and the fraction of the GPU's memory that an engine of its own may take.

The function raises ValueError if the library that the sampler needs is not installed.
"""

SAME_DRAWS = {"continuous"}
"""Samplers that draw what `generate` draws; a run begins by a comparison of the two."""
