"""What is refused before a dataset is aggregated in parts."""

import inspect
from collections.abc import Sequence
from pathlib import Path

from rlchf.io.files import display_name
from rlchf.io.large.blocks import kind_of
from rlchf.io.large.copies import STREAMED
from rlchf.io.large.parts import Range
from rlchf.jobs.large.memory import PER_ROW, enough, free_memory, shown_size
from rlchf.jobs.settings import AggregateJob
from rlchf.rules import get_rule, is_across, rule_modules


def is_streamed(path: str) -> bool:
    """Whether a file is of a kind that is read in parts."""
    return Path(path).is_file() and kind_of(path) in STREAMED


def check_kinds(paths: Sequence[str]) -> None:
    """Refuse files that are read as a whole."""
    for path in paths:
        if not is_streamed(path):
            what = display_name(path)
            if Path(path).is_file():
                kind = kind_of(path)
                what += f", a {'JSON array' if kind == 'json' else f'{kind} file'},"
            raise ValueError(
                f"{what} is read as a whole, and not in parts; give a file that is "
                f"{', '.join(STREAMED[:-1])} or {STREAMED[-1]}, or all the memory that it takes"
            )


def is_sequential(job: AggregateJob) -> bool:
    """Whether the rule goes from prompt to prompt and carries something for each annotator."""
    rule = get_rule(job.rule)
    return is_across(rule) and "frozen" in inspect.signature(rule).parameters


def check_in_parts(job: AggregateJob, need: int) -> None:
    """Refuse a rule that needs all prompts at once, and what only a whole dataset has."""
    rule, elsewhere = get_rule(job.rule), bool(job.shard or job.engine != "local")
    if job.frozen:
        raise ValueError(f"--frozen needs all prompts at once; give --memory {enough(need)}")
    if not is_across(rule):
        draws = job.ties == "random" or "seed" in inspect.signature(rule).parameters
        if elsewhere and draws and job.skip != "none":
            raise ValueError(
                "random choices depend on how many prompts are left out before; leave out --skip, or "
                "aggregate without --shard and --engine"
            )
        return
    size = f", about {shown_size(need)} here" if need else ""
    if not is_sequential(job):
        raise ValueError(
            f"rule {job.rule!r} looks at all prompts at once, and so needs memory for all of them{size}; "
            "give as much as --memory, or choose a rule that goes from prompt to prompt: "
            f"{_sequential_names()}"
        )
    if elsewhere:
        raise ValueError(
            f"rule {job.rule!r} goes from prompt to prompt, and so on one machine; leave out --shard and "
            "--engine"
        )
    for name, default in (("order", "input"), ("exact", False)):
        value = job.option.get(name, default)
        if value != default:
            raise ValueError(
                f"-o {name}={str(value).lower()} needs all prompts at once{size}; leave it out, or give as "
                "much as --memory"
            )


def _sequential_names() -> str:
    names = (name for name, module in rule_modules().items() if ".across." in module)
    rules = {name: get_rule(name) for name in names}
    return ", ".join(
        n for n, rule in rules.items() if "frozen" in inspect.signature(rule).parameters
    )


def parsed_shard(text: str) -> tuple[int, int]:
    """The number of a shard and the number of shards.

    Examples
    --------
    >>> parsed_shard("3/16"), parsed_shard("")
    ((3, 16), (1, 1))
    """
    i, slash, n = (text or "1/1").partition("/")
    if slash and i.isdecimal() and n.isdecimal() and 1 <= int(i) <= int(n):
        return int(i), int(n)
    raise ValueError(f"--shard is {text!r}; give its number and that of all shards, such as 3/16")


def prompts_of(shard: tuple[int, int], n_prompts: int, source: str) -> tuple[int, int]:
    """The first prompt of a shard, and the one after its last."""
    i, n = shard
    if n > n_prompts:
        raise ValueError(
            f"--shard is {i}/{n}, but {source} has {n_prompts:,} prompts; give at most as many shards"
        )
    return n_prompts * (i - 1) // n, n_prompts * i // n


def check_largest(parts: Sequence[Range], memory: int, source: str) -> None:
    """Refuse a prompt whose rows do not fit into any memory that there is."""
    largest = max(part.stop - part.start for part in parts)
    if largest * PER_ROW > max(memory, free_memory()):
        raise ValueError(
            f"{source}: a prompt has {largest:,} rows, which take about {shown_size(largest * PER_ROW)} of "
            "memory together; give as much as --memory"
        )
