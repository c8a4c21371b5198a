"""Conditioning on annotator features: one model predicts each annotator's ranking.

The features are text before the prompt, so the checkpoint stays a plain sequence-classification model.
``conditioning.json``, beside it, has the columns and the template of the text.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from rlchf.io import Annotators
from rlchf.io.json import read_object, write_json
from rlchf.preferences import Ballots, Example, ballots_by_prompt, check_texts, mean_targets
from rlchf.prompts import Prompt
from rlchf.rankings import Rankings
from rlchf.settings import built

FILE = "conditioning.json"
PLACEHOLDER = "{features}"


@dataclass(frozen=True)
class Conditioning:
    """How prompts show the features of an annotator, and the temperatures of groups of annotators.

    Attributes
    ----------
    columns
        Columns of the annotators file that are shown.
    template
        The text before the prompt; ``{features}`` becomes, for example, ``age 30; region north``.
    group
        The column whose groups have their own temperatures; "" for one temperature.
    temperatures
        By group, the divisor of score differences that makes them log-odds (see `calibrate`); "" is for
        annotators without a group or in another one. 1 where there is none.

    Examples
    --------
    >>> people = Annotators(["ann", "bob"], None, {"age": ["30", "41"], "region": ["north", ""]})
    >>> Conditioning(("age", "region")).texts(people)
    {'ann': 'Annotator: age 30; region north.\\n\\n', 'bob': 'Annotator: age 41.\\n\\n'}
    """

    columns: tuple[str, ...]
    template: str = "Annotator: {features}.\n\n"
    group: str = ""
    temperatures: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.columns:
            raise ValueError("no column is chosen; name at least one column of the annotators file")
        if self.template.count(PLACEHOLDER) != 1:
            raise ValueError(
                f"the template is {self.template!r}; it must have {PLACEHOLDER} once, for the features"
            )

    def texts(self, annotators: Annotators) -> dict[str, str]:
        """The text before the prompt for each annotator; "" if no feature of theirs is known."""
        known = {column: annotators.group(column) for column in self.columns}
        texts = {}
        for who in annotators.ids:
            features = [f"{c} {known[c][who].strip()}" for c in self.columns if who in known[c]]
            texts[who] = self.template.replace(PLACEHOLDER, "; ".join(features)) if features else ""
        return texts

    def groups(self, annotators: Annotators) -> dict[str, str]:
        """Each annotator's group; "" if they have none."""
        known = annotators.group(self.group) if self.group else {}
        return {who: known.get(who, "") for who in annotators.ids}

    def temperature(self, group: str) -> float:
        """The temperature of a group, or the common one if the group has none of its own."""
        return self.temperatures.get(group, self.temperatures.get("", 1.0))

    def save(self, folder: str | Path) -> None:
        """Write ``conditioning.json`` into a checkpoint's folder."""
        write_json(Path(folder) / FILE, asdict(self))

    @classmethod
    def load(cls, folder: str | Path) -> "Conditioning":
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            If the checkpoint is not conditioned on annotator features.
        """
        path = Path(folder) / FILE
        if not path.exists():
            raise ValueError(
                f"{folder} has no {FILE}, so the features that its model is conditioned on are not known; "
                "give a model that was trained with annotator features"
            )
        values = built(cls, read_object(path), f"{path}: ")
        for name, value in values.temperatures.items():
            if type(value) not in (int, float) or not 0 < value < math.inf:
                raise ValueError(
                    f"{path}: the temperature of {name!r} is {value!r}; it must be a number above 0"
                )
        return values


def with_annotator(prompt: Prompt, text: str) -> Prompt:
    """A prompt with an annotator's features before it, or at the start of a conversation's system message.

    Examples
    --------
    >>> with_annotator("Greet me.", "Annotator: age 30.\\n\\n")
    'Annotator: age 30.\\n\\nGreet me.'
    >>> with_annotator([{"role": "user", "content": "Hi"}], "Annotator: age 30.\\n\\n")[0]
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


def conditioned_examples(
    rankings: Rankings,
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Mapping[str, str]],
    annotators: Annotators,
    conditioning: Conditioning,
    *,
    ballots: bool = False,
) -> list[Example]:
    """One example for each prompt and each different text of features among those who ranked it.

    Annotators with the same features share an example, and so a forward pass. Its pair targets and pair
    weights give exactly the Bradley-Terry loss of the separate ballots; its ranks are the order by mean
    share of wins. Several examples share a prompt, so hold out prompts beforehand with `Rankings.subset`,
    and annotators with `split_annotators`.

    Parameters
    ----------
    rankings
        The ballots; annotators without known features have the plain prompt.
    prompts, responses
        The texts.
    annotators, conditioning
        The features, and how prompts show them.
    ballots
        Give the ballots themselves in place of targets, for ``learn_from = "ballots"``: losses of ranks,
        and group DRO. Every annotator keeps their id.

    Raises
    ------
    ValueError
        If a text is missing, or the annotators file names nobody who cast a ballot.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "b > a")])
    >>> people = Annotators(["ann", "bob"], None, {"age": ["30", "41"]})
    >>> for one in conditioned_examples(
    ...     rankings, {"p": "Greet me."}, {"p": {"a": "No.", "b": "Hi!"}}, people, Conditioning(("age",))
    ... ):
    ...     print(repr(one.prompt), one.ranks)
    'Annotator: age 30.\\n\\nGreet me.' [1, 2]
    'Annotator: age 41.\\n\\nGreet me.' [2, 1]
    """
    check_texts(rankings, prompts, responses)
    texts = conditioning.texts(annotators)
    if not set(texts) & set(rankings.annotator_ids):
        raise ValueError(f"the annotators file names none of the annotators in {rankings.source}")
    by_prompt, examples = ballots_by_prompt(rankings), []
    for prompt_id in rankings.prompt_ids:
        ids = rankings.responses(prompt_id)
        for text, same_features in _by_features(by_prompt[prompt_id], texts).items():
            targets, pair_weights = merged(same_features)
            if not pair_weights.any():
                continue  # nothing is compared
            examples.append(
                Example(
                    prompt_id=prompt_id,
                    prompt=with_annotator(prompts[prompt_id], text),
                    response_ids=ids,
                    responses=[responses[prompt_id][r] for r in ids],
                    ranks=_ranks(targets, pair_weights),
                    weight=1.0 if ballots else float(pair_weights.sum()),
                    targets=None if ballots else targets,
                    pair_weights=None if ballots else pair_weights,
                    ballots=same_features if ballots else None,
                )
            )
    return examples


def _by_features(ballots: Ballots, texts: Mapping[str, str]) -> dict[str, Ballots]:
    """The ballots on a prompt by the text of their annotators' features."""
    rows: dict[str, list[int]] = {}
    for v, who in enumerate(ballots.annotators):
        rows.setdefault(texts.get(who, ""), []).append(v)
    return {text: ballots.part(v) for text, v in rows.items()}


def merged(ballots: Ballots) -> tuple[np.ndarray, np.ndarray]:
    """Pair targets and pair weights (K, K) with the same Bradley-Terry loss as the separate ballots.

    A ballot of weight w that compares n pairs gives each of them the weight w / n, because its loss is a
    mean over them. A pair's loss is linear in its target, so the weighted mean of the targets is enough.
    The pair weights sum to the weight of all ballots that compare anything, the example's weight.

    Examples
    --------
    >>> ranks = np.array([[1, 2, 3], [2, 1, 0]])
    >>> targets, weights = merged(Ballots(ranks, np.ones(2), ["ann", "bob"]))
    >>> targets[0].round(3), weights[0].round(3), weights.sum().round(3)
    (array([ nan, 0.25, 1.  ]), array([0.   , 0.667, 0.167]), np.float64(2.0))
    """
    ranked = (ballots.ranks > 0).sum(axis=1)  # (V,)
    return mean_targets(ballots.targets(), ballots.weights / np.maximum(ranked * (ranked - 1), 1))


def _ranks(targets: np.ndarray, weights: np.ndarray) -> list[int]:
    """Ranks by mean share of wins; 0 for a response that nobody compares."""
    total = weights.sum(1)
    mean = (weights * np.nan_to_num(targets)).sum(1) / np.where(total > 0, total, 1)
    keys = np.where(total > 0, -mean.round(12), 2.0)
    ranks = 1 + np.unique(keys, return_inverse=True)[1]
    return [int(rank) if known else 0 for rank, known in zip(ranks, total > 0, strict=True)]
