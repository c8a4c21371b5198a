"""Evaluator features: the prompt says who judges, so that one model predicts each annotator's ranking.

The features are text before the prompt, so the checkpoint stays a plain sequence-classification model.
Which columns and which template made the text stands beside it, in ``evaluators.json``.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from rlchf.io import Annotators, atomic_write
from rlchf.preferences import Ballots, Example, ballots_by_prompt, check_texts, order_targets
from rlchf.prompts import Prompt
from rlchf.rankings import Rankings

FILE = "evaluators.json"
PLACE = "{features}"


@dataclass(frozen=True)
class Evaluators:
    """How a model is told who judges.

    Attributes
    ----------
    columns
        Features of the annotators file that the model is told.
    template
        What stands before the prompt; ``{features}`` becomes such as ``age 30; region north``.
    group
        The feature that the temperatures are by; "" for one temperature.
    temperatures
        By group, what divides score differences to make them log-odds (see `calibrate`); "" is for
        annotators of no group or of another one. 1 where there is none.

    Examples
    --------
    >>> people = Annotators(["ann", "bob"], None, {"age": ["30", "41"], "region": ["north", ""]})
    >>> Evaluators(("age", "region")).texts(people)
    {'ann': 'Annotator: age 30; region north.\\n\\n', 'bob': 'Annotator: age 41.\\n\\n'}
    """

    columns: tuple[str, ...]
    template: str = "Annotator: {features}.\n\n"
    group: str = ""
    temperatures: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.columns:
            raise ValueError("no column is chosen; name at least one of the annotators file")
        if self.template.count(PLACE) != 1:
            raise ValueError(
                f"the template is {self.template!r}; it must have {PLACE} once, for the features"
            )

    def texts(self, annotators: Annotators) -> dict[str, str]:
        """What the model is told of each annotator; "" if no feature of theirs is known."""
        known = {column: annotators.group(column) for column in self.columns}
        found = {}
        for who in annotators.ids:
            features = [f"{c} {known[c][who].strip()}" for c in self.columns if who in known[c]]
            found[who] = self.template.replace(PLACE, "; ".join(features)) if features else ""
        return found

    def groups(self, annotators: Annotators) -> dict[str, str]:
        """Each annotator's group, "" if they have none."""
        known = annotators.group(self.group) if self.group else {}
        return {who: known.get(who, "") for who in annotators.ids}

    def temperature(self, group: str) -> float:
        """The temperature of a group, or that of all if the group has none of its own."""
        return self.temperatures.get(group, self.temperatures.get("", 1.0))

    def save(self, folder: str | Path) -> None:
        """Write ``evaluators.json`` into a checkpoint's folder."""
        with atomic_write(Path(folder) / FILE) as file:
            file.write((json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n").encode())

    @classmethod
    def load(cls, folder: str | Path) -> "Evaluators":
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            If the checkpoint is not one that learned from evaluator features.
        """
        path = Path(folder) / FILE
        if not path.exists():
            raise ValueError(
                f"{folder} has no {FILE}, so nobody knows which features its model was told; "
                "give a model that was trained with evaluator features"
            )
        found = json.loads(path.read_text(encoding="utf-8"))
        return cls(**found | {"columns": tuple(found["columns"])})


def told(prompt: Prompt, text: str) -> Prompt:
    """A prompt that says who judges: plain text begins with it, a conversation's system message does.

    Examples
    --------
    >>> told("Greet me.", "Annotator: age 30.\\n\\n")
    'Annotator: age 30.\\n\\nGreet me.'
    >>> told([{"role": "user", "content": "Hi"}], "Annotator: age 30.\\n\\n")[0]
    {'role': 'system', 'content': 'Annotator: age 30.'}
    """
    if not text:
        return prompt
    if isinstance(prompt, str):
        return text + prompt
    first, *rest = prompt
    if first["role"] == "system":
        return [{**first, "content": text + first["content"]}, *rest]
    return [{"role": "system", "content": text.rstrip()}, *prompt]


def evaluator_examples(
    rankings: Rankings,
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Mapping[str, str]],
    annotators: Annotators,
    evaluators: Evaluators,
    *,
    ballots: bool = False,
) -> list[Example]:
    """One example for each prompt and each different text of features among those who ranked it.

    Annotators of whom the model is told the same share an example, and so a forward pass. Its pair
    targets and weights make the Bradley-Terry loss that of the ballots one by one, exactly; its ranks
    are the order by mean share of wins. As several examples share a prompt, hold prompts out before,
    with `Rankings.subset`, and people with `split_annotators`.

    Parameters
    ----------
    rankings
        The ballots; those of annotators of whom nothing is known have the plain prompt.
    prompts, responses
        The texts.
    annotators, evaluators
        The features, and how the model is told them.
    ballots
        Give the ballots themselves in place of targets, for ``learn_from = "ballots"``: losses of
        places, and groups. Every annotator keeps their name.

    Raises
    ------
    ValueError
        If a text is missing, or the annotators file names nobody who cast a ballot.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "b > a")])
    >>> people = Annotators(["ann", "bob"], None, {"age": ["30", "41"]})
    >>> for one in evaluator_examples(
    ...     rankings, {"p": "Greet me."}, {"p": {"a": "No.", "b": "Hi!"}}, people, Evaluators(("age",))
    ... ):
    ...     print(repr(one.prompt), one.ranks)
    'Annotator: age 30.\\n\\nGreet me.' [1, 2]
    'Annotator: age 41.\\n\\nGreet me.' [2, 1]
    """
    check_texts(rankings, prompts, responses)
    texts = evaluators.texts(annotators)
    if not set(texts) & set(rankings.annotator_ids):
        raise ValueError(f"the annotators file names none of the annotators in {rankings.source}")
    cast, made = ballots_by_prompt(rankings), []
    for prompt_id in rankings.prompt_ids:
        ids = rankings.responses(prompt_id)
        for text, cell in _cells(cast[prompt_id], texts).items():
            targets, pair_weights = merged(cell)
            if not pair_weights.any():
                continue  # nothing is compared
            made.append(
                Example(
                    prompt_id=prompt_id,
                    prompt=told(prompts[prompt_id], text),
                    response_ids=ids,
                    responses=[responses[prompt_id][r] for r in ids],
                    ranks=_places(targets, pair_weights),
                    weight=1.0 if ballots else float(pair_weights.sum()),
                    targets=None if ballots else targets,
                    pair_weights=None if ballots else pair_weights,
                    ballots=cell if ballots else None,
                )
            )
    return made


def _cells(cast: Ballots, texts: Mapping[str, str]) -> dict[str, Ballots]:
    """The ballots on a prompt by what the model is told of those who cast them."""
    rows: dict[str, list[int]] = {}
    for v, who in enumerate(cast.annotators):
        rows.setdefault(texts.get(who, ""), []).append(v)
    return {
        text: Ballots(cast.ranks[v], cast.weights[v], [cast.annotators[i] for i in v])
        for text, v in rows.items()
    }


def merged(ballots: Ballots) -> tuple[np.ndarray, np.ndarray]:
    """Pair targets and pair weights (K, K) that cost Bradley-Terry what the ballots cost one by one.

    A ballot of weight w that compares n pairs gives each of them w / n, since its loss is a mean over
    them. A pair's loss is linear in its target, so that the weighted mean of the targets says it all.
    The example's weight is that of all ballots that compare anything, which the table sums to.

    Examples
    --------
    >>> ranks = np.array([[1, 2, 3], [2, 1, 0]])
    >>> targets, weights = merged(Ballots(ranks, np.ones(2), ["ann", "bob"]))
    >>> targets[0].round(3), weights[0].round(3), weights.sum().round(3)
    (array([ nan, 0.25, 1.  ]), array([0.   , 0.667, 0.167]), np.float64(2.0))
    """
    each = order_targets(ballots.ranks)
    known = ~np.isnan(each)
    share = ballots.weights / np.maximum(known.sum((1, 2)), 1)
    weights = (share[:, None, None] * known).sum(0)
    wins = (share[:, None, None] * np.nan_to_num(each)).sum(0)
    targets = np.full(weights.shape, np.nan)
    np.divide(wins, weights, out=targets, where=weights > 0)
    return targets, weights


def _places(targets: np.ndarray, weights: np.ndarray) -> list[int]:
    """Places by the mean share of wins; 0 for a response that nobody compares."""
    total = weights.sum(1)
    mean = (weights * np.nan_to_num(targets)).sum(1) / np.where(total > 0, total, 1)
    keys = np.where(total > 0, -mean.round(12), 2.0)
    places = 1 + np.unique(keys, return_inverse=True)[1]
    return [int(place) if known else 0 for place, known in zip(places, total > 0, strict=True)]
