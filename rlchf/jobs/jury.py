"""A simulated jury from files to files: what the command does."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlchf.aggregation import check_options
from rlchf.io import read_annotators, read_prompts, read_responses, table_format, write_rankings
from rlchf.io.atomic import check_writable
from rlchf.jobs.progress import stage
from rlchf.jury.conditioning import Evaluators, told
from rlchf.jury.panels import SAME, Jury, jury
from rlchf.prompts import Prompt


def jury_files(
    model: str,
    prompts: str,
    responses: str,
    annotators: str,
    out: str = "-",
    *,
    ballots: str = "",
    rule: str = "borda",
    options: Mapping[str, Any] | None = None,
    size: int = 0,
    by: Sequence[str] = (),
    tolerance: float = SAME,
    noisy: bool = False,
    seed: int = 0,
) -> Jury:
    """Read a model and texts, let a simulated jury rank the responses, and write what it decided.

    Parameters
    ----------
    model
        Folder of a reward model that learned from evaluator features.
    prompts, responses, annotators
        The files; who can be on the panel is in the last one.
    out
        The collective rankings, as `rlchf.Aggregation.write` writes them.
    ballots
        The simulated ballots, as a long table that `rlchf.read_rankings` reads; "" for none.
    rule, options, size, by, tolerance, noisy, seed
        As in `rlchf.jury.panels.jury`.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong; nothing has been written then.
    """
    inputs = [prompts, responses, annotators]
    if inputs.count("-") > 1:
        raise ValueError("several files are standard input, -; name all but one of them")
    if out == ballots:
        raise ValueError(
            f"the collective rankings and the ballots both go to {out}; name two files"
        )
    read = {Path(name).resolve() for name in inputs if name != "-"}
    for path in filter(None, (out, ballots)):
        if path != "-" and Path(path).resolve() in read:
            raise ValueError(f"{path} is an input; choose another file to write to")
        table_format(path)
        check_writable(path)
    check_options(rule, dict(options or {}))
    evaluators = Evaluators.load(model)
    asked, answers, people = (
        read_prompts(prompts), read_responses(responses), read_annotators(annotators),
    )  # fmt: skip
    from rlchf.train.reward.model import RewardModel

    scorer = RewardModel.load(model)
    longest = max(evaluators.texts(people).values(), key=len)
    _warn_of_cuts(scorer, asked, answers, longest)
    with stage(f"a jury on {len(answers)} prompts", quiet=True) as tick:
        found = jury(
            scorer, asked, answers, people, evaluators=evaluators, rule=rule, options=options,
            size=size, by=by, tolerance=tolerance, noisy=noisy, seed=seed, progress=tick,
        )  # fmt: skip
    if ballots:
        write_rankings(ballots, found.rankings)
    found.result.write(out)
    return found


def _warn_of_cuts(
    model: Any, prompts: Mapping[str, Prompt], responses: Mapping[str, Mapping[str, str]], text: str
) -> None:
    """Too long a text loses its beginning, and there the features stand."""
    from rlchf.train.models.text import encode_responses

    cut = sum(
        encode_responses(
            model.tokenizer, told(prompts[p], text), list(texts.values()), model.max_length
        )[1]
        for p, texts in responses.items() if p in prompts
    )  # fmt: skip
    if cut:
        warnings.warn(
            f"{cut} responses with their prompts are longer than {model.max_length} tokens and lose "
            "the annotator's features, which stand first; train with a larger max_length",
            stacklevel=3,
        )
