"""All that is measured of a constitution and its judge, and the sentences that say it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any, TypeVar

import numpy as np

from rlchf.auditing.report import plain
from rlchf.constitution.correlation import Correlations, EffectiveVoters
from rlchf.constitution.evasion import Evasiveness, OverRefusal
from rlchf.constitution.influence import RuleInfluence
from rlchf.constitution.position import PositionBias
from rlchf.constitution.reliability import Reliability
from rlchf.constitution.stages import StageScore, stages_apart
from rlchf.display import counted, percent
from rlchf.evaluation.intervals import Figure

Named = TypeVar("Named", Evasiveness, OverRefusal)


@dataclass(frozen=True)
class Counts:
    """Numbers of a file of judgements.

    Attributes
    ----------
    principles, prompts, pairs, judgements
        Their numbers.
    unusable
        Judgements without an answer that can count.
    nonsense
        Answers that named no option.
    cannot_tell
        Mean probability of "cannot tell".
    """

    principles: int
    prompts: int
    pairs: int
    judgements: int
    unusable: int
    nonsense: int
    cannot_tell: float


@dataclass(frozen=True, eq=False)
class ConstitutionReport:
    """The measures of a constitution.

    Attributes
    ----------
    title
        The constitution's title, or the name of the file of judgements.
    counts
        The numbers of judgements.
    one_judge
        Whether all principles are known to be put to one judge.
    voters
        The effective number of voters.
    correlations
        The agreement between principles.
    position
        Position bias, first over all principles, then of each.
    influence
        Each rule's influences.
    reliability
        The judge's agreement with planted truth and with human labels.
    evasiveness, over_refusal
        Of each file of texts.
    stages
        Scores of texts from stage to stage.
    """

    title: str
    counts: Counts
    one_judge: bool
    voters: EffectiveVoters
    correlations: Correlations
    position: Sequence[PositionBias]
    influence: Sequence[RuleInfluence]
    reliability: Sequence[Reliability] = field(default_factory=list)
    evasiveness: Sequence[Evasiveness] = field(default_factory=list)
    over_refusal: Sequence[OverRefusal] = field(default_factory=list)
    stages: Sequence[StageScore] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """All measures and sentences as JSON values; None where a number is not finite."""
        values = {name: _value(value) for name, value in vars(self).items()}
        return {"sentences": self.sentences(), **_finite(plain(values))}

    def sentences(self) -> list[str]:
        """What there is to say, most important first."""
        return [
            *self.on_voters(), *self.on_answers(), *self.on_reliability(), *self.on_position(),
            *self.on_influence(), *self.on_evasion(), *self.on_stages(),
        ]  # fmt: skip

    def on_voters(self) -> Iterator[str]:
        """How many voters the principles count as."""
        voters, count = self.voters, counted(self.voters.principles, "principle")
        where = " on one model" if self.one_judge else ""
        verb = "counts" if voters.principles == 1 else "count"
        if np.isnan(voters.value):
            yield (
                f"How many voters {count}{where} {verb} as cannot be told, because two of them judge no "
                "pair in common."
            )
        elif np.isinf(voters.value):
            yield f"The judgements of {count}{where} cancel out."
        else:
            more = ", because some contradict others" * (voters.value > voters.principles + 0.05)
            yield (
                f"{count}{where} {verb} as {amount(voters.value, 1)} "
                f"{'voter' if round(voters.value, 1) == 1 else 'voters'}{interval(voters, 1)}{more}."
            )
        if voters.independent < voters.principles - 0.05:
            yield (
                f"Their weights differ; without any correlation they would count as "
                f"{amount(voters.independent, 1)}."
            )
        if voters.indifferent:
            names = ", ".join(voters.indifferent)
            one = len(voters.indifferent) == 1
            yield (
                f"{names} {'prefers' if one else 'prefer'} neither response of any pair, and "
                f"{'is' if one else 'are'} not counted."
            )
        yield from self._on_pairs_of_principles()

    def _on_pairs_of_principles(self) -> Iterator[str]:
        """Which two principles judge most and least alike."""
        rho, names = self.correlations.soft, self.correlations.principles
        pairs = [(rho[i, j], names[i], names[j]) for i, j in combinations(range(len(names)), 2)]
        known = [pair for pair in pairs if not np.isnan(pair[0])]
        if len(known) < 2:
            return
        (high, *alike), (low, *opposed) = max(known), min(known)
        if amount(high, 2) == amount(low, 2):
            yield f"Any two principles judge equally alike (correlation {amount(high, 2)})."
            return
        least = "contradict each other most" if low < 0 else "are alike least"
        yield (
            f"{' and '.join(alike)} judge most alike (correlation {amount(high, 2)}), and "
            f"{' and '.join(opposed)} {least} ({amount(low, 2)})."
        )

    def on_answers(self) -> Iterator[str]:
        """Which answers do not count."""
        one = self.counts
        if one.nonsense or one.unusable:
            answers = counted(one.nonsense, "answer")
            yield (
                f"{answers} named no option and {'was' if one.nonsense == 1 else 'were'} left out; "
                f"{one.unusable:,} of {counted(one.judgements, 'judgement')} "
                f"{'has' if one.unusable == 1 else 'have'} no answer that can count."
            )
        if one.cannot_tell > 0:
            yield f'The judge says "cannot tell" with a mean probability of {percent(one.cannot_tell)}.'

    def on_reliability(self) -> Iterator[str]:
        """How far the judge agrees with planted truth and people."""
        pooled = [row for row in self.reliability if row.name == "all principles"]
        for row in pooled:
            yield f"The judge agrees with the planted truth on {_agreement(row)}."
        by_rule = {one.rule for one in self.influence}
        humans = [row for row in self.reliability if row.reference == "humans"]
        for row in humans:
            if row.name in by_rule:
                yield (
                    f"The order of the principles by {row.name} agrees with the human labels on "
                    f"{_agreement(row)}."
                )
        single = [
            row for row in humans if row.name not in by_rule and not np.isnan(row.kappa.value)
        ]
        if len(single) > 1:
            best, worst = (f(single, key=lambda row: row.kappa.value) for f in (max, min))
            most, least = amount(best.kappa.value, 2), amount(worst.kappa.value, 2)
            if most == least:
                yield f"The principles agree equally with the human labels (kappa {most} each)."
                return
            yield (
                f"Of the principles, {best.name} agrees with the human labels most (kappa {most}), and "
                f"{worst.name} least ({least})."
            )

    def on_position(self) -> Iterator[str]:
        """How far the order of the responses matters."""
        one = self.position[0]
        if np.isnan(one.bias.value):
            if one.one_order:
                rest = (
                    "" if np.isnan(one.remaining) else f", {amount(one.remaining, 3)} by comparison"
                )
                yield (
                    f"Each pair was shown in one order only, so the judge's position bias{rest} stays "
                    "in the labels."
                )
            return
        place = "first" if one.bias.value >= 0 else "second"
        left = (
            "averaging both orders leaves none of it"
            if one.remaining == 0
            else f"{amount(one.remaining, 3)} of it stays in the labels"
            if not np.isnan(one.remaining)
            else "some pairs were shown in one order only, and what stays of it cannot be told"
        )
        yield (
            f"The judge adds {amount(abs(one.bias.value), 3)}"
            f"{interval(one.bias, 3, sign=place == 'second')} to the probability of the response that is "
            f"shown {place}, and prefers another response in the other order on "
            f"{percent(one.flips.value)} of the pairs; {left}."
        )

    def on_influence(self) -> Iterator[str]:
        """Whose comparisons prevail."""
        for rule in self.influence:
            rows = [row for row in rule.principles if not np.isnan(row.prevails)]
            if len(rows) < 2:
                continue
            most, least = (f(rows, key=lambda row: row.prevails) for f in (max, min))
            text = (
                f"Under {rule.rule}, comparisons by {most.principle} prevail most "
                f"({percent(most.prevails)}), and those by {least.principle} least "
                f"({percent(least.prevails)})"
            )
            if percent(most.prevails) == percent(least.prevails):
                text = (
                    f"Under {rule.rule}, the comparisons of all principles prevail equally "
                    f"({percent(most.prevails)})"
                )
            turning = max(rows, key=lambda row: row.flipped or 0)
            if turning.flipped:
                text += (
                    f"; without {turning.principle}, {turning.flipped:,} of "
                    f"{counted(rule.pairs, 'pair')} {'turns' if turning.flipped == 1 else 'turn'} around"
                )
            elif turning.flipped == 0:
                text += "; no pair turns around if a single principle is left out"
            yield text + "."

    def on_evasion(self) -> Iterator[str]:
        """How many texts evade."""
        for one in self._ends(self.evasiveness):
            yield (
                f"{one.name}: {percent(one.refusals.value)} of {counted(one.texts, 'text')} "
                f"{'refuses' if one.texts == 1 else 'refuse'} and {percent(one.unsure.value)} "
                f'{"says" if one.texts == 1 else "say"} no more than "I don\'t know".'
            )
        for row in self._ends(self.over_refusal):
            parts = []
            if row.safe:
                share = f"{percent(row.safe_refused.value)}{interval(row.safe_refused, share=True)}"
                parts.append(f"{share} of {row.safe:,} responses to safe prompts refuse")
            if row.unsafe:
                share = f"{percent(row.unsafe_answered.value)}{interval(row.unsafe_answered, share=True)}"
                parts.append(f"{share} of {row.unsafe:,} to unsafe ones answer")
            yield f"{row.name}: {', and '.join(parts)}."

    def _ends(self, rows: Sequence[Named]) -> list[Named]:
        """The rows without those of stages between the first and the last that shares prompts with it."""
        apart = stages_apart(self.stages)
        stages = [
            name for name in dict.fromkeys(row.stage for row in self.stages) if name not in apart
        ]
        return [row for row in rows if row.name not in stages[1:-1]]

    def on_stages(self) -> Iterator[str]:
        """What changes from the first stage to the last one that shares prompts with it."""
        for measure in dict.fromkeys(row.measure for row in self.stages):
            rows = [
                row
                for row in self.stages
                if row.measure == measure and not (row.change and np.isnan(row.change.value))
            ]
            last = rows[-1]
            if last.change is None or measure == "words":
                continue
            moved = last.change.value
            sure = not last.change.low <= 0 <= last.change.high
            verb = "rises" if moved > 0 else "falls" if moved < 0 else "does not change"
            unit = {"share": measure in ("refusals", "I don't know")}
            by = "" if moved == 0 else f" by {size_text(abs(moved), **unit)}"
            text = f"From {rows[0].stage} to {last.stage}, {_named(measure)} {verb}{by}"
            span = interval(last.change, 3, sign=moved < 0, **unit)
            note = "" if sure or np.isnan(last.change.low) or not moved else ", which may be chance"
            yield f"{text}{span}{note}."


def amount(value: float, digits: int) -> str:
    """A number with so many digits; a dash if it is none.

    Examples
    --------
    >>> amount(2.345, 1), amount(-0.001, 1), amount(float("nan"), 1), amount(float("inf"), 1)
    ('2.3', '0.0', '–', '∞')
    """
    if np.isnan(value):
        return "–"
    return "∞" if np.isinf(value) else f"{round(value, digits) + 0:.{digits}f}"


def interval(
    one: Figure | EffectiveVoters, digits: int = 0, *, sign: bool = False, share: bool = False
) -> str:
    """A 95 % interval in brackets behind its value, with the sign turned on request; empty without one."""
    low, high = (-one.high, -one.low) if sign else (one.low, one.high)
    if np.isnan(low):
        return ""
    if share:
        return f" ({amount(100 * low, 0)} to {amount(100 * high, 0)} %)"
    return f" ({amount(low, digits)} to {amount(high, digits)})"


def size_text(value: float, share: bool) -> str:
    """The size of a change; that of a share in percentage points.

    Examples
    --------
    >>> size_text(0.01, share=True), size_text(0.001, share=True), size_text(0.5, share=False)
    ('1 point', 'less than 1 point', '0.500')
    """
    if not share:
        return amount(value, 3)
    return counted(round(100 * value), "point") if round(100 * value) else "less than 1 point"


def _named(measure: str) -> str:
    names = {"refusals": "the share of refusals", "I don't know": 'the share of "I don\'t know"'}
    return names.get(measure, measure)


def _agreement(row: Reliability) -> str:
    """The accuracy and kappa of a comparison with a reference."""
    low, high = row.kappa.low, row.kappa.high
    note = ", which may be chance" if low <= 0 <= high else ", less than chance" if high < 0 else ""
    return (
        f"{percent(row.accuracy.value)} of {counted(row.pairs, 'comparison')} (kappa "
        f"{amount(row.kappa.value, 2)}"
        + ("" if np.isnan(row.kappa.low) else f", {interval(row.kappa, 2).strip(' ()')}")
        + f"{note})"
    )


def _value(value: Any) -> Any:
    """Dataclasses as dictionaries, arrays as lists."""
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _value(item) for name, item in asdict(value).items()}
    if isinstance(value, dict):
        return {name: _value(item) for name, item in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
