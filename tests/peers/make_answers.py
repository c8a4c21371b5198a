"""Write ``tests/peers/elections.json``: what pref_voting and abcvoting say of random elections.

    pip install -e '.[oracle]'
    python -m tests.peers.make_answers

It takes a minute, and the package need not be there to run it: nothing of rlchf is imported. The
tests read the file only, and `about` in it says how it is written.
"""

import contextlib
import importlib
import json
import math
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from tests.peers.notation import (
    by_key,
    by_score,
    digits,
    levels_of,
    order,
    pairs,
    sets,
    sets_in_order,
    shares,
)

FILE = Path(__file__).parent / "elections.json"
SEED = 20240601
COUNTS = {"strict": 520, "weak": 300, "approvals": 180, "grades": 80}
FEW = 12  # optimal orders that are written down; with more of them the answer is null
PATIENCE = 200  # orders of the tied margins that ranked pairs and river may try

ABOUT = """\
Answers of pref_voting 1.18.2 and abcvoting 2.19.2, written by tests/peers/make_answers.py.
A row is the ballots and then the peers' answers, in the order of the columns; null is no answer.
Responses are digits. An order such as 0(12)3 is best first, with tied responses in brackets.
Ballots are orders, and what they do not name they do not rank; 3*012 was cast three times.
Approval ballots are sets of responses, grade ballots the grades of responses 0, 1, ... from 0 to 5.
Answers are an order, several optimal orders, a set of winners, pairs ij where i beats j, tied
committees (- is the empty one), or shares: whole numbers in proportion to the probabilities of
responses 0, 1, ...
"""

Row = dict[str, str | None]


def peer(module: str) -> Any:
    """A module that is only there with the extra ``oracle``."""
    return importlib.import_module(module)


# -- elections -------------------------------------------------------------------------------------


def mallows(rng: np.random.Generator, m: int, dispersion: float) -> list[int]:
    """A ranking near 0, 1, ..., by repeated insertion."""
    ranking: list[int] = []
    for i in range(m):
        chances = dispersion ** np.arange(i, -1.0, -1.0)
        ranking.insert(int(rng.choice(i + 1, p=chances / chances.sum())), i)
    return ranking


def strict_ballots(rng: np.random.Generator, number: int) -> dict[str, int]:
    m = 3 + number % 4
    n = int(rng.choice([3, 4, 5, 6, 7, 8, 9, 10, 21]))
    names = rng.permutation(m)
    dispersion = 1.0 if number % 2 else 0.6
    ballots = Counter(digits(names[mallows(rng, m, dispersion)]) for _ in range(n))
    if number % 8 >= 6:  # with weights
        return {ballot: int(rng.integers(1, 10)) for ballot in ballots}
    return dict(sorted(ballots.items()))


def weak_ballots(rng: np.random.Generator, number: int) -> dict[str, int]:
    m = 3 + number % 3
    ballots: Counter[str] = Counter()
    for _ in range(int(rng.integers(3, 9))):
        grades = rng.integers(1, m + 1, size=m)
        named = rng.random(m) > (0.3 if number % 2 else 0.0)
        named[rng.integers(m)] = True
        ballots[by_key(np.flatnonzero(named).tolist(), grades.__getitem__)] += 1
    if number % 6 >= 4:
        return {ballot: int(rng.integers(1, 6)) for ballot in ballots}
    return dict(sorted(ballots.items()))


def approval_ballots(rng: np.random.Generator, number: int) -> dict[str, int]:
    m = 4 + number % 3
    ballots: Counter[str] = Counter()
    for _ in range(int(rng.integers(3, 11))):
        approved = rng.random(m) < 0.4
        approved[rng.integers(m)] = True
        ballots[digits(np.flatnonzero(approved))] += 1
    if number % 6 >= 4:
        return {ballot: int(rng.integers(1, 6)) for ballot in ballots}
    return dict(sorted(ballots.items()))


def grade_ballots(rng: np.random.Generator, number: int) -> dict[str, int]:
    m, n = 3 + number % 3, int(rng.integers(3, 10))
    return dict(Counter(digits(rng.integers(0, 6, size=m)) for _ in range(n)))


# -- answers on rankings ---------------------------------------------------------------------------


class LotError(Exception):
    """Raised where a rule would draw lots: then it has no answer of its own."""


class NoLots:
    def choice(self, tied: Sequence[int]) -> int:
        raise LotError


def unless_by_lot(rule: Callable[..., Any], profile: Any, seats: int) -> str | None:
    try:
        return sets([rule(profile, num_seats=seats, rng=NoLots())])
    except LotError:
        return None


def unless_by_name(rule: Callable[..., Any], profile: Any, seats: int) -> str | None:
    """The committee, if it is the same whichever way the names of the responses break ties."""
    committees = [rule(profile, num_seats=seats, tie_break_key=key) for key in (int, int.__neg__)]
    return sets(committees[:1]) if committees[0] == committees[1] else None


def five_three_two(m: int, rank: int) -> int:
    """The scores of a positional rule."""
    return (5, 3, 2, 0, 0, 0)[rank - 1]


def few(orders: Iterable[Iterable[int]]) -> str | None:
    distinct = sets_in_order(orders)
    return distinct if len(distinct.split()) <= FEW else None


def tied_margins(profile: Any) -> int:
    """In how many orders equal margins can be taken."""
    pairs = [(i, j) for i, j in product(profile.candidates, repeat=2) if i != j]
    margins = Counter(profile.margin(i, j) for i, j in pairs if profile.margin(i, j) >= 0)
    return math.prod(math.factorial(count) for count in margins.values())


def line(graph: Any) -> list[int]:
    """The strict order that an acyclic relation between all responses is."""
    above = dict(peer("networkx").transitive_closure(graph).in_degree)
    assert sorted(above.values()) == list(range(len(above)))
    return sorted(above, key=above.__getitem__)


def lottery(profile: Any) -> str | None:
    """The maximal lottery, if it is the only one: no response can have a higher chance in another."""
    chances = peer("pref_voting.probabilistic_methods").maximal_lottery(profile)
    m = len(profile.candidates)
    margins = np.array([[profile.margin(i, j) for j in range(m)] for i in range(m)])
    for i in range(m):
        best = peer("scipy.optimize").linprog(
            -np.eye(m)[i], A_ub=-margins.T, b_ub=np.zeros(m), A_eq=np.ones((1, m)), b_eq=[1.0]
        )
        if -best.fun > chances[i] + 1e-7:
            return None
    answer = shares(chances)
    exact = np.array([int(share) for share in answer.split()], dtype=object)
    assert (exact @ margins.astype(object) >= 0).all(), "the shares are no maximal lottery"
    return answer


def majority_answers(profile: Any) -> Row:
    """The rules that look at margins only: for strict and for weak orders."""
    c1, margin = peer("pref_voting.c1_methods"), peer("pref_voting.margin_based_methods")
    tiers = peer("pref_voting.helper").swf_from_vm
    answers: Row = {
        "copeland": order(c1.copeland_ranking(profile)),
        "llull": by_score(profile.copeland_scores(scores=(1, 1, 0))),
        "beat_path": pairs(margin.beat_path_defeat(profile)),
        "split_cycle": pairs(margin.split_cycle_defeat(profile)),
        "ranked_pairs_tb": digits(line(margin.ranked_pairs_defeat_tb(profile))),
        "ranked_pairs_all": None,
        "river_tb": digits(margin.river_tb(profile)),
        "river_all": None,
        "stable_voting": order(tiers(margin.stable_voting)(profile)),
        "slater": few(c1.slater_rankings(profile)[0]),
        "maximal_lottery": lottery(profile),
    }
    for score in ("margins", "winning", "pairwise_opposition"):
        answers[f"minimax_{score}"] = by_score(margin.minimax_scores(profile, score_method=score))
    if tied_margins(profile) <= PATIENCE:
        answers["ranked_pairs_all"] = few(line(g) for g in margin.ranked_pairs_defeats(profile))
        answers["river_all"] = digits(margin.river_with_test(profile))
    for name in ("top_cycle", "gocha", "uc_gill", "uc_fish", "uc_bordes", "uc_mckelvey"):
        answers[name] = order(tiers(getattr(c1, name))(profile))
    return answers


def strict_answers(ballots: dict[str, int]) -> Row:
    rankings = [[int(i) for i in ballot] for ballot in ballots]
    profile = peer("pref_voting.profiles").Profile(rankings, rcounts=list(ballots.values()))
    scoring, other = peer("pref_voting.scoring_methods"), peer("pref_voting.other_methods")
    rounds, combined = peer("pref_voting.iterative_methods"), peer("pref_voting.combined_methods")
    c1, chance = peer("pref_voting.c1_methods"), peer("pref_voting.probabilistic_methods")
    answers: Row = {
        "plurality": order(scoring.plurality_ranking(profile)),
        "borda": order(scoring.borda_ranking(profile)),
        "anti_plurality": order(scoring.anti_plurality_ranking(profile)),
        "two_approval": order(scoring.score_ranking(profile, score=lambda m, rank: int(rank <= 2))),
        "dowdall": order(scoring.score_ranking(profile, score=lambda m, rank: 1 / rank)),
        "positional_532": order(scoring.score_ranking(profile, score=five_three_two)),
        "kemeny": few(other.kemeny_young_rankings(profile)[0]),
        "instant_runoff": order(rounds.instant_runoff_ranking(profile)),
        "pr_borda": shares(chance.pr_borda(profile)),
        "bradley_terry": None,
    }
    stv = peer("pref_voting.proportional_methods")
    answers["stv_scottish_2"] = unless_by_lot(stv.stv_scottish, profile, 2)
    wig = partial(stv.stv_wig, quota_rule="droop")
    answers["stv_wig_droop_2"] = unless_by_name(wig, profile, 2)
    answers["stv_meek_2"] = unless_by_name(stv.stv_meek, profile, 2)
    with contextlib.suppress(RuntimeError):  # it did not converge
        answers["bradley_terry"] = order(other.bradley_terry_ranking(profile))
    winners = {
        "blacks": combined.blacks,
        "baldwin": rounds.baldwin,
        "strict_nanson": rounds.strict_nanson,
        "weak_nanson": rounds.weak_nanson,
        "coombs": rounds.coombs,
        "benham": rounds.benham,
        "tideman_alternative_smith": rounds.tideman_alternative(c1.top_cycle),
        "tideman_alternative_schwartz": rounds.tideman_alternative(c1.gocha),
        "instant_runoff_put": rounds.instant_runoff_put,  # parallel universes: every way to break ties
        "coombs_put": rounds.coombs_put,
        "baldwin_put": rounds.baldwin_put,
        "benham_put": rounds.benham_put,
        "tideman_alternative_put": rounds.tideman_alternative_put(c1.top_cycle),
        "bottom_two_runoff_put": rounds.bottom_two_runoff_instant_runoff_put,
        "bucklin": other.bucklin,
    }
    return (
        answers
        | majority_answers(profile)
        | {k: digits(rule(profile)) for k, rule in winners.items()}
    )


def weak_answers(ballots: dict[str, int]) -> Row:
    responses = list(range(1 + max(int(i) for ballot in ballots for i in ballot if i.isdigit())))
    rankings = [
        {i: rank for rank, level in enumerate(levels_of(ballot), 1) for i in level}
        for ballot in ballots
    ]
    profile = peer("pref_voting.profiles_with_ties").ProfileWithTies(
        rankings, rcounts=list(ballots.values()), candidates=responses
    )
    answers: Row = {}
    for name in ("symmetric", "domination", "weak_domination", "non_domination"):
        scores = getattr(peer("pref_voting.scoring_methods"), f"{name}_borda_scores")
        answers[f"borda_{name}"] = by_score(profile.borda_scores(borda_score_fnc=scores))
    answers["kemeny_winners"] = digits(peer("pref_voting.other_methods").kemeny_young(profile))
    runoff = peer("pref_voting.iterative_methods").instant_runoff
    answers["instant_runoff_split"] = digits(runoff(profile, score_method="split"))
    margin = peer("pref_voting.margin_based_methods")
    for name in ("beat_path", "split_cycle"):
        defeat = getattr(margin, f"{name}_defeat")
        answers[f"{name}_support"] = pairs(defeat(profile, strength_function=profile.support))
    return answers | majority_answers(profile)


# -- answers on approvals and grades ---------------------------------------------------------------

COMMITTEES = {
    "av": "standard",
    "pav": "brute-force",
    "cc": "brute-force",
    "seqpav": "standard",
    "revseqpav": "standard",
    "seqphragmen": "standard-fractions",
    "equal-shares": "standard-fractions",
    "equal-shares-with-increment-completion": "standard-fractions",
    "equal-shares-without-completion": "standard-fractions",
}


def approval_answers(ballots: dict[str, int]) -> Row:
    preferences, rules = peer("abcvoting.preferences"), peer("abcvoting.abcrules")
    profile = preferences.Profile(1 + max(int(i) for ballot in ballots for i in ballot))
    for ballot, count in ballots.items():
        voter = preferences.Voter([int(i) for i in ballot], weight=count)
        profile.add_voter(voter)
    answers: Row = {}
    for name, algorithm in COMMITTEES.items():
        for k in (2, 3):
            resolute = "increment" in name  # it gives one committee only
            chosen = rules.compute(name, profile, k, algorithm=algorithm, resolute=resolute)
            answers[f"{name}_{k}"] = sets(chosen)
    return answers


def grade_answers(ballots: dict[str, int]) -> Row:
    m = len(next(iter(ballots)))
    maps = [{i: int(ballot[i]) for i in range(m)} for ballot in ballots]
    grades = peer("pref_voting.grade_profiles").GradeProfile(
        maps, [0, 1, 2, 3, 4, 5], gcounts=list(ballots.values()), candidates=list(range(m))
    )
    repeated = [
        one for one, count in zip(maps, ballots.values(), strict=True) for _ in range(count)
    ]
    of = peer("pref_voting.utility_profiles").UtilityProfile
    utilities = of(repeated, domain=list(range(m)))
    with_nothing = of([one | {m: 0} for one in repeated], domain=list(range(m + 1)))
    welfare, methods = peer("pref_voting.utility_methods"), peer("pref_voting.grade_methods")
    return {
        "utilitarian": order(welfare.sum_utilitarian_ranking(utilities)),
        "relative_utilitarian": order(welfare.relative_utilitarian_ranking(utilities)),
        "nash_above_nothing": order(welfare.nash_ranking(with_nothing, sq=m)).replace(str(m), ""),
        "leximin": order(welfare.lexicographic_maximin_ranking(utilities)),
        "star": digits(methods.star(grades)),
        "majority_judgement": digits(methods.majority_judgement(grades)),
    }


# -- the file --------------------------------------------------------------------------------------

KINDS: dict[str, tuple[Callable[..., dict[str, int]], Callable[[dict[str, int]], Row]]] = {
    "strict": (strict_ballots, strict_answers),
    "weak": (weak_ballots, weak_answers),
    "approvals": (approval_ballots, approval_answers),
    "grades": (grade_ballots, grade_answers),
}


def rows(kind: str) -> Iterator[tuple[str, Row]]:
    ballots_of, answers = KINDS[kind]
    rng = np.random.default_rng([SEED, list(KINDS).index(kind)])
    for number in range(COUNTS[kind]):
        ballots = ballots_of(rng, number)
        text = " ".join(b if count == 1 else f"{count}*{b}" for b, count in ballots.items())
        yield text, answers(ballots)
    print(f"{COUNTS[kind]} elections: {kind}", file=sys.stderr)


def main() -> None:
    """Ask the peers and write the file, a line per election."""
    warnings.simplefilter("ignore")
    parts = [f'"about": {json.dumps(ABOUT.splitlines(), indent=1)}']
    for kind in KINDS:
        elections = list(rows(kind))
        columns = list(elections[0][1])
        assert all(list(row) == columns for _, row in elections)
        lines = ",\n".join(
            json.dumps([text, *row.values()], separators=(",", ":")) for text, row in elections
        )
        parts.append(f'"{kind}": {{"columns": {json.dumps(columns)},\n"rows": [\n{lines}\n]}}')
    FILE.write_text("{" + ",\n".join(parts) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
