"""Counterexamples: kept as JSON, put into words, and replayed."""

import json
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from string import ascii_lowercase
from typing import Any

import numpy as np

from rlchf.axioms.cases import Case, Places
from rlchf.axioms.deciding import decider
from rlchf.axioms.definitions import check_of
from rlchf.axioms.elections import Elections
from rlchf.axioms.searching import rejudged
from rlchf.axioms.witnesses import witness
from rlchf.display import counted
from rlchf.notation import parse_ballot
from rlchf.profiles import UNSTATED, Profiles
from rlchf.rules import AXIOMS

TABLE = "counterexamples.json"
NEEDED = {
    "monotonicity": "response", "clones": "columns", "IIA": "response", "local IIA": "response",
    "participation": "ballot", "neutrality": "renaming",
}  # fmt: skip
"""What the record of a counterexample must say of the change, by axiom."""


UNREADABLE = (
    "the counterexample is not as rlchf axioms --out writes one: rule, axiom, ballots, given, about and "
    "elections"
)


@dataclass(frozen=True)
class Counterexample:
    """Elections on which a rule breaks an axiom.

    Attributes
    ----------
    rule, axiom
        Their names.
    ballots
        What the ballots have: "strict", "ties", "gaps" or "ties and gaps".
    case
        One election of each kind that the axiom compares.
    """

    rule: str
    axiom: str
    ballots: str
    case: Case

    @property
    def size(self) -> str:
        """How large the largest of the elections is.

        Examples
        --------
        >>> stored()["borda", "condorcet"].size
        '3 responses, 3 annotators'
        """
        largest = max(self.case.elections, key=lambda e: (e.n_responses, float(e.weights.sum())))
        weight = float(largest.weights.sum())
        whole = weight.is_integer()
        people = counted(int(weight), "annotator") if whole else f"weight {weight:g}"
        size = f"{counted(largest.n_responses, 'response')}, {people}"
        return f"{size}, {self.prompts} identical prompts" if self.prompts > 1 else size

    @property
    def prompts(self) -> int:
        """How many identical prompts there are, for a rule across prompts; the result is the last one's."""
        return self.case.elections[0].identical

    def record(self) -> dict[str, Any]:
        """The counterexample as plain values, which `from_record` reads."""
        names = names_of(self.case)
        return {
            "rule": self.rule,
            "axiom": self.axiom,
            "ballots": self.ballots,
            "given": self.case.elections[0].given,
            **({"prompts": self.prompts} if self.prompts > 1 else {}),
            "about": about_record(self.case, names[0]),
            "elections": [
                {"responses": list(name), "ballots": list(ballot_records(e, name))}
                for e, name in zip(self.case.elections, names, strict=True)
            ],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Counterexample":
        """Read what `record` made.

        Raises
        ------
        ValueError
            If something is missing or does not fit.
        """
        try:
            check = check_of(str(record["axiom"]))
            rule, kind = str(record["rule"]), str(record["ballots"])
            prompts = max(1, int(record.get("prompts", 1)))
            elections = tuple(
                replace(election_of(one, record["given"]), identical=prompts)
                for one in record["elections"]
            )
            names = [str(name) for name in record["elections"][0]["responses"]]
            about = about_of(record["about"], names)
        except KeyError as error:
            raise ValueError(f"the counterexample lacks the key {error}") from None
        except (TypeError, AttributeError, IndexError):
            raise ValueError(UNREADABLE) from None
        needed = NEEDED.get(check.name)
        if needed and needed not in about:
            raise ValueError(f"the counterexample to {check.name} lacks {needed!r} in 'about'")
        if len(elections) != len(check.titles):
            raise ValueError(
                f"the counterexample to {check.name} has {counted(len(elections), 'election')}; give "
                f"{len(check.titles)}: {', '.join(check.titles)}"
            )
        return cls(rule, check.name, kind, Case(elections, (), about))


def names_of(case: Case) -> list[list[str]]:
    """The names of the responses of each election: letters, and a2, a3 for clones of a."""
    most = case.elections[0].n_responses
    names = [*ascii_lowercase[:most]] if most <= 26 else [f"r{i}" for i in range(most)]
    response = case.about.get("response")
    every = []
    for e in case.elections:
        rest = names
        if response is not None and e.n_responses < most:
            rest = [name for i, name in enumerate(names) if i != response[0]]
        if response is not None and e.n_responses > most:
            clones = [f"{names[response[0]]}{n + 2}" for n in range(e.n_responses - most)]
            rest = [[*names, *clones][i] for i in case.about["columns"][0]]
        every.append(rest)
    return every


def ranking_text(ranks: np.ndarray, names: list[str]) -> str:
    """A ballot or a result in words.

    Examples
    --------
    >>> ranking_text(np.array([1, 2, 0, 1]), list("abcd"))
    'a = d > b'
    """
    levels = np.unique(ranks[ranks > 0])
    tiers = [[names[i] for i in np.flatnonzero(ranks == level)] for level in levels]
    return " > ".join(" = ".join(tier) for tier in tiers)


def ballot_records(e: Elections, names: list[str]) -> Iterator[dict[str, Any]]:
    """Each ballot of one election as plain values; absent ones have weight 0."""
    for k in range(e.n_ballots):
        values, weight = e.values[0, k], float(e.weights[0, k])
        record: dict[str, Any] = {
            "ranking": ranking_text(e.ranks[0, k], names),
            "weight": int(weight) if weight.is_integer() else weight,
        }
        if e.given == "scores":
            scores = e.offset - values
            record["scores"] = {names[i]: float(scores[i]) for i in np.flatnonzero(values)}
        if e.given == "approvals":
            opinions = np.asarray(e.profiles().approvals)[:, k]
            record["approves"] = [names[i] for i in np.flatnonzero(opinions == 1)]
            record["disapproves"] = [names[i] for i in np.flatnonzero(opinions == -1)]
        yield record


def election_of(record: Mapping[str, Any], given: str) -> Elections:
    """One election from plain values."""
    names = [str(name) for name in record["responses"]]
    index = {name: i for i, name in enumerate(names)}
    ballots = record["ballots"]
    if not all(isinstance(ballot["weight"], int | float) for ballot in ballots):
        raise ValueError(UNREADABLE)
    weights = np.array([float(ballot["weight"]) for ballot in ballots])
    if not len(ballots) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("the counterexample needs ballots with weights of 0 or more")
    ranks = np.zeros((len(names), len(ballots)), dtype=np.int16)
    scores = np.full(ranks.shape, np.nan)
    approvals = np.full(ranks.shape, UNSTATED, dtype=np.int8)
    for k, ballot in enumerate(ballots):
        for rank, level in enumerate(parse_ballot(str(ballot["ranking"])), start=1):
            for name in level:
                if name not in index:
                    raise ValueError(f"a ballot names {name!r}; choose from {', '.join(names)}")
                ranks[index[name], k] = rank
        for name, score in ballot.get("scores", {}).items():
            scores[index[name], k] = float(score)
        if given == "approvals":
            approvals[:, k] = 0
            approvals[[index[name] for name in ballot["approves"]], k] = 1
            approvals[[index[name] for name in ballot["disapproves"]], k] = -1
    profiles = Profiles(
        ranks, np.array([0, len(ballots)]), weights, np.arange(len(ballots)),
        scores=scores if given == "scores" else None,
        approvals=approvals if given == "approvals" else None,
    )  # fmt: skip
    return Elections.from_profiles(profiles)


def about_record(case: Case, names: list[str]) -> dict[str, Any]:
    """What the change was, with names of responses."""
    record: dict[str, Any] = {}
    for key, values in case.about.items():
        row = values[0].tolist()
        if key == "response":
            record[key] = names[row]
        elif key == "renaming":
            record[key] = [names[i] for i in row]
        else:
            record[key] = row
    return record


def about_of(record: Mapping[str, Any], names: list[str]) -> dict[str, np.ndarray]:
    """What the change was, from names of responses."""
    about = {}
    index = {name: i for i, name in enumerate(names)}
    for key, row in record.items():
        if key in ("response", "renaming"):
            unknown = [one for one in (row if key == "renaming" else [row]) if one not in index]
            if unknown:
                raise ValueError(f"'about' names {unknown[0]!r}; choose from {', '.join(names)}")
        if key == "response":
            about[key] = np.array([index[row]])
        elif key == "renaming":
            about[key] = np.array([[index[name] for name in row]])
        else:
            about[key] = np.array([row])
    return about


@dataclass(frozen=True)
class Replay:
    """A counterexample with the results that the rule gives now.

    Attributes
    ----------
    counterexample
        With these results.
    broken
        Whether the rule breaks the axiom on it.
    """

    counterexample: Counterexample
    broken: bool


def replayed(counterexample: Counterexample) -> Replay:
    """Run the rule on every election of a counterexample, and judge again.

    Raises
    ------
    ValueError
        If there is no such rule, or the elections do not fit each other.

    Examples
    --------
    >>> replayed(stored()["instant_runoff", "monotonicity"]).broken
    True
    """
    decide = decider(counterexample.rule)
    try:
        case, broken = rejudged(decide, counterexample.axiom, counterexample.case)
        names_of(case)
    except (IndexError, TypeError, ValueError) as error:  # of what somebody changed in a record
        raise ValueError(
            f"what 'about' says of the change to {counterexample.axiom} does not fit its elections: {error}"
        ) from None
    return Replay(replace(counterexample, case=case), broken)


def in_words(replay: Replay) -> list[str]:
    """A counterexample in lines: the axiom, each election, and the ranking that the rule gives.

    Examples
    --------
    >>> print(*in_words(replayed(stored()["borda", "IIA"])), sep="\\n")
    borda breaks IIA: the order of two responses does not change when another response withdraws ...
    ballots
      1: a > b > c
      1: c > a > b
      borda ranks a > c > b
    a withdraws
      1: b > c
      1: c > b
      borda ranks b = c
    """
    found, case = replay.counterexample, replay.counterexample.case
    verb = "breaks" if replay.broken else "does not break"
    lines = [f"{found.rule} {verb} {found.axiom}: {AXIOMS[found.axiom].sentence}"]
    names = names_of(case)
    words = {"response": "", "ballot": ""}
    if "response" in case.about:
        words["response"] = names[0][int(case.about["response"][0])]
    if "ballot" in case.about:
        ballot = case.elections[0].ranks[0, int(case.about["ballot"][0])]
        words["ballot"] = ranking_text(ballot, names[0])
    titles = check_of(found.axiom).titles
    for title, e, places, name in zip(titles, case.elections, case.places, names, strict=True):
        same = f" (the same on {found.prompts} prompts)" if found.prompts > 1 else ""
        lines.append(f"{title.format(**words)}{same}")
        lines += [f"  {line}" for line in ballot_lines(e, name)]
        last = " on the last prompt" if found.prompts > 1 else ""
        lines.append(f"  {found.rule} ranks {result_text(places, name)}{last}")
    wrong = witness(found.axiom, case, names[0]) if replay.broken else ""
    return [*lines, f"  {wrong}"] if wrong else lines


def ballot_lines(e: Elections, names: list[str]) -> list[str]:
    """The ballots with a weight in words, those that are alike together."""
    totals: dict[str, float] = {}
    for record in ballot_records(e, names):
        text = record["ranking"]
        if "scores" in record:
            text = ", ".join(f"{name} {score:g}" for name, score in record["scores"].items())
        if "approves" in record:
            text += f" (approves {', '.join(record['approves']) or 'none'})"
        if record.get("disapproves"):
            text = f"{text[:-1]}, disapproves {', '.join(record['disapproves'])})"
        if record["weight"]:
            totals[text] = totals.get(text, 0) + record["weight"]
    return [f"{weight:g}: {text}" for text, weight in totals.items()]


def result_text(places: Places, names: list[str]) -> str:
    """The ranking of one election in words."""
    return ranking_text(places[0] + 1, names)


@cache
def stored() -> dict[tuple[str, str], Counterexample]:
    """The counterexamples that come with the package, by rule and axiom."""
    text = pkgutil.get_data(__package__, TABLE)
    if text is None:
        raise ValueError(f"{TABLE} is missing from the package; install it again")
    found = [Counterexample.from_record(record) for record in json.loads(text)["counterexamples"]]
    return {(one.rule, one.axiom): one for one in found}


@cache
def searched() -> dict[tuple[str, str], int]:
    """On how many cases no counterexample was found when the table was made, by rule and axiom."""
    text = pkgutil.get_data(__package__, TABLE) or b"{}"
    rows = json.loads(text).get("searched", {})
    return {(rule, axiom): n for rule, row in rows.items() for axiom, n in row.items()}
