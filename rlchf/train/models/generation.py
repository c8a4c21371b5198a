"""Checks of a model's ``generation_config``, which a trained policy is saved with."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlchf.io.json import read_object
from rlchf.settings import Range

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FILE = "generation_config.json"
SHARE = Range(at_least=0, at_most=1)
RANGES = {
    "temperature": Range(above=0),
    "top_k": Range(at_least=0),
    "top_p": SHARE,
    "min_p": SHARE,
    "typical_p": Range(above=0, at_most=1),
    "epsilon_cutoff": Range(at_least=0, below=1),
    "eta_cutoff": Range(at_least=0, below=1),
    "repetition_penalty": Range(above=0),
}
"""The numbers that `generate` takes."""


def check_generation_file(folder: str | Path) -> None:
    """Refuse a model's folder whose ``generation_config.json`` cannot be read, which transformers ignores.

    Raises
    ------
    ValueError
        If the file is not JSON, or no object, whose end tokens would be lost; if they are no ids.
    """
    path = Path(folder, FILE)
    if not path.is_file():
        return
    for end in _listed(read_object(path).get("eos_token_id")):
        if type(end) is not int:
            raise ValueError(f"{path}: eos_token_id names {end!r}; write the ids of tokens")


def check_generation_config(policy: "PreTrainedModel") -> None:
    """Refuse a generation_config with wrong end tokens, or one that transformers could not use or save.

    Raises
    ------
    ValueError
        If a value is wrong; the message names the file, if there is one, and the key.
    """
    generation: Any = getattr(policy, "generation_config", None)
    if generation is None:
        return
    path = Path(str(getattr(policy, "name_or_path", "")), FILE)
    where = str(path) if path.is_file() else "the policy's generation_config"
    ends = _listed(generation.eos_token_id)
    known = policy.get_input_embeddings().num_embeddings
    for end in ends:
        if not isinstance(end, int) or not 0 <= end < known:
            raise ValueError(
                f"{where}: eos_token_id names {end!r}, and the policy has tokens from 0 to {known - 1}; "
                "leave it out of the list"
            )
    for name, allowed in RANGES.items():
        problem = _problem(allowed, getattr(generation, name, None))
        if problem:
            raise ValueError(f"{where}: {name} is {getattr(generation, name)!r}; {problem}")
    try:
        generation.validate(strict=True)
    except ValueError as error:
        flags = [line[2:].split(" -- ")[0] for line in str(error).splitlines() if line[:2] == "- "]
        problem = "; ".join(flags) or " ".join(str(error).split())
        raise ValueError(
            f"the policy could not be saved with its generation_config ({problem}); correct "
            f'{path if path.is_file() else f"{FILE} in its folder"}, for instance by "do_sample": true, or '
            "policy.generation_config in Python"
        ) from None


def _listed(ids: Any) -> list[Any]:
    """The end tokens of a config as a list."""
    return list(ids) if isinstance(ids, list | tuple) else [] if ids is None else [ids]


def _problem(allowed: Range, value: Any) -> str:
    """What a value must be and is not; empty if it is, or is not given."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "it must be a number"
    return allowed.problem(value)
