"""The samplers that the setting `sampler` names; what each of them needs is imported when it is chosen."""

from collections.abc import Callable
from importlib.util import find_spec

import transformers

from rlchf.train.ppo.sampling import Sampler, sample


def named_sampler(name: str, longest: int) -> Sampler:
    """The sampler of that name; a prompt and its response have at most `longest` tokens together.

    Raises
    ------
    ValueError
        If the library that it needs is not installed.
    """
    return SAMPLERS[name](longest)


def _generate(longest: int) -> Sampler:
    return sample


def _continuous(longest: int) -> Sampler:
    try:
        from rlchf.train.ppo.continuous import sample_continuous
    except ImportError as error:
        raise ValueError(
            f"sampler is 'continuous', for which transformers {transformers.__version__} is too old; "
            "install 5.23 or later, or choose 'generate'"
        ) from error
    return sample_continuous


def _vllm(longest: int) -> Sampler:
    if not find_spec("vllm"):
        raise ValueError(
            "sampler is 'vllm', which is not installed; pip install vllm, or choose 'generate'"
        )
    from rlchf.train.ppo.vllm_sampler import VllmSampler

    return VllmSampler(longest)


SAMPLERS: dict[str, Callable[[int], Sampler]] = {
    "generate": _generate,
    "continuous": _continuous,
    "vllm": _vllm,
}
"""Functions that make each sampler, given the most tokens of a prompt and its response together."""
