"""The shares of kinds of text in a run: what tells them apart, their targets, and what became of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rlchf.aggregation import Aggregation
from rlchf.auditing import StageShares, trace_shares
from rlchf.io.aggregations import read_scores
from rlchf.jobs.inputs import Inputs
from rlchf.jobs.runfile import KeptShares, Run
from rlchf.jobs.share_targets import (
    given_shares,
    shares_of_first_places,
    shares_of_preferences,
    shares_of_weights,
)
from rlchf.options import checked, label_test, meant
from rlchf.train.ppo.checks import check_reference
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.rewards import combination_named
from rlchf.train.ppo.rewards.kinds import kinds_by_labels

OBJECTIVE = "share_targets"
OTHER = "other"
"""The kind of the texts that have none of several labels."""
FORMS = (
    "write shares such as emoji=0.4,terse=0.2; annotators, or annotators:COLUMN, for the annotators' "
    "weights; or rule for the first places in the collective rankings"
)


@dataclass(frozen=True)
class TextKinds:
    """The labels of a run: a text is of the kind of the first label that it has.

    Examples
    --------
    >>> kinds = TextKinds({"emoji": lambda text: not text.isascii()})
    >>> kinds.of("Tea 🍵"), kinds.of("Tea")
    ('emoji', 'no emoji')
    """

    labels: Mapping[str, Callable[[str], object]]

    @property
    def rest(self) -> str:
        """The kind of the texts that have no label."""
        return f"no {next(iter(self.labels))}" if len(self.labels) == 1 else OTHER

    def of(self, text: str) -> str:
        """The kind of a text."""
        return next((name for name, test in self.labels.items() if test(text)), self.rest)

    def columns(self, text: str) -> dict[str, bool]:
        """Whether a text has each label."""
        return {name: bool(test(text)) for name, test in self.labels.items()}

    def among(self, labelled: Mapping[str, Any]) -> str:
        """The kind of a text of which the `columns` are known."""
        return next((name for name in self.labels if labelled[name]), self.rest)


@dataclass(frozen=True)
class RunShares:
    """The kinds of text in a run, and the shares of them that its policy should have.

    Attributes
    ----------
    run, inputs
        The run and its inputs.
    kinds
        The labels, those with targets in the order of the targets where these are given.

    Raises
    ------
    ValueError
        From `of`, if a label, an option or the form of the targets is wrong.
    """

    run: Run
    inputs: Inputs
    kinds: TextKinds

    @classmethod
    def of(cls, run: Run, inputs: Inputs) -> "RunShares":
        """Read the labels, and refuse targets that cannot be kept, before anything is written."""
        tests = {
            name: label_test(test, "[label] test" if name == run.label.name else f"label {name}")
            for name, test in run.labels.items()
        }
        for listed in inputs.responses.values():  # a function that raises does so now
            for text in listed.values():
                TextKinds(tests).columns(text)
        kept = run.share_targets
        if kept is None:
            return cls(run, inputs, TextKinds(tests))
        check_kept(kept, run.ppo)
        if "=" in kept.targets:
            tests = _in_order(given_shares(kept.targets), tests)
        elif kept.targets.partition(":")[0] != "annotators" and kept.targets != "rule":
            raise ValueError(f"[share_targets] targets is {kept.targets!r}; {FORMS}")
        elif ":" in kept.targets and inputs.annotators is None:
            raise ValueError(
                f"[share_targets] targets is {kept.targets!r}, and [data] annotators names no file; give one"
            )
        shares = cls(run, inputs, TextKinds(tests))
        if kept.targets != "rule":
            shares.targets(None)
        return shares

    def targets(self, result: Aggregation | None) -> dict[str, float]:
        """The share of each label, given the collective rankings if they follow from these; or none."""
        kept = self.run.share_targets
        if kept is None:
            return {}
        targets = self._found(kept, result)
        try:
            kinds_by_labels(targets, self.kinds.labels)
        except ValueError as error:
            raise ValueError(f"[share_targets] {error}") from None
        return targets

    def _found(self, kept: KeptShares, result: Aggregation | None) -> dict[str, float]:
        """The shares as they are given, or from the annotators or the collective rankings."""
        names = list(self.kinds.labels)
        where, _, column = kept.targets.partition(":")
        if "=" in kept.targets:
            return given_shares(kept.targets)
        if column:
            people = self.inputs.annotators
            assert people is not None
            return shares_of_weights(people, column, names, self.run.data.annotators)
        if where == "annotators":
            return shares_of_preferences(self.inputs.rankings, self.of_responses, names)
        assert result is not None
        responses = self.inputs.responses
        rule, file = self.run.rule["name"], self.run.data.responses
        return shares_of_first_places(result, self.kinds.labels, responses, f"rule {rule}", file)

    def objective(self, result: Aggregation) -> dict[str, Any]:
        """What the job of PPO is told of the labels and the shares to keep."""
        targets = self.targets(result)
        if not targets:
            return {"label": self.run.labels}
        assert self.run.share_targets is not None
        return {
            "label": {name: self.run.labels[name] for name in targets},
            "combine": OBJECTIVE,
            "targets": ",".join(f"{name}={share!r}" for name, share in targets.items()),
            "option": self.run.share_targets.option,
        }

    @cached_property
    def of_responses(self) -> dict[str, dict[str, str]]:
        """For each prompt the kind of each response."""
        rankings, texts = self.inputs.rankings, self.inputs.responses
        return {
            p: {r: self.kinds.of(texts[p][r]) for r in rankings.responses(p)}
            for p in rankings.prompt_ids
        }

    def stages(
        self, result: Aggregation, scores: Path, samples: Sequence[dict[str, Any]]
    ) -> list[StageShares]:
        """Each group's share, and each kind's, at every stage.

        Parameters
        ----------
        scores
            The reward model's scores of the prompts held out, a file that need not exist.
        samples
            The policy's texts with their labels.
        """
        rankings = self.inputs.rankings
        orders = {f"aggregated ({self.run.rule['name']})": result}
        if scores.exists():
            orders["reward model, held out"] = read_scores(scores, rankings)[1]
        texts: dict[str, list[str]] = {}
        for row in samples if self.kinds.labels else ():
            texts.setdefault(f"policy {row['stage']} PPO", []).append(self.kinds.among(row))
        categories = self.of_responses if self.kinds.labels else None
        groups = self.inputs.groups or None
        return trace_shares(rankings, orders, groups, categories=categories, texts=texts)

    def rows(self, stages: Sequence[StageShares]) -> list[dict[str, Any]]:
        """Each label's share at every stage, a row each."""
        return [
            {"label": name, **asdict(stage.categories[name])}
            for name in self.kinds.labels
            for stage in stages
            if name in stage.categories
        ]


def _in_order(
    targets: Mapping[str, float], tests: Mapping[str, Callable[[str], object]]
) -> dict[str, Callable[[str], object]]:
    """The labels in the order of their targets, each of which has one."""
    for name in [*targets, *tests]:
        if name not in tests or name not in targets:
            lacks = "target has no label" if name in targets else "label has no target"
            raise ValueError(
                f"[share_targets] the {lacks}: {name!r}; the targets are of {', '.join(targets)}, and the "
                f"labels are {', '.join(tests)}"
            )
    return {name: tests[name] for name in targets}


def check_kept(kept: KeptShares | None, ppo: PPOConfig | None) -> None:
    """Refuse share targets without a KL penalty to a reference, and options that they have not."""
    if kept is None or ppo is None:
        return
    check_reference("[share_targets]", ppo)
    types = combination_named(OBJECTIVE).option_types()
    for name, value in kept.option.items():
        if name not in types:
            hint = meant(name, types) or f"choose from {', '.join(types)}"
            raise ValueError(f"[share_targets] option has no {name!r}; {hint}")
        checked(types[name], value, f"[share_targets] option {name}")
