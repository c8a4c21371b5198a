"""A search for elections that refute what the rules' cards claim.

    python benchmarks/rules/axioms.py --elections 12000 --out runs/axioms.json
    python benchmarks/rules/axioms.py --rules schulze --unclaimed

Elections are drawn in batches of equally many responses (2 to 5) and ballots (1 to 6). Ballots are strict,
weak orders, have gaps or both, or come from few that are alike, so that majorities cycle; weights are equal,
small whole numbers, often 0, so that totals tie, large, or tenths. Rules across prompts see several of the
elections as the prompts of one dataset, and annotators with weight 0 are absent.
Each axiom changes the elections as its definition says and compares the results. The table shows, for each
claim, on how many elections its condition held, and on how many of these it was broken; the smallest of
these is printed.
"""

import argparse
import json
import warnings
import zlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from drawn_elections import (
    KINDS,
    WEIGHTS,
    Elections,
    complete,
    drawn,
    profiles_of,
    rankings_of,
    untied,
)

import rlchf
from rlchf.rules import AXIOMS, Card, get_rule, is_across, list_rules

ACROSS = 30  # rules across prompts take so many times longer

PROMPTS = 4
"""How many elections make one dataset for a rule across prompts."""

Places = np.ndarray
"""(B, M) int: how many responses are ranked above, 0 for the winners."""

Decide = Callable[[Elections], Places]


def places(scores: np.ndarray) -> Places:
    """How many responses have a higher score, from (B, M) scores."""
    return np.asarray((scores[:, None] > scores[:, :, None]).sum(axis=2))


def decider(name: str) -> Decide:
    """The places that a rule gives on every election."""
    rule = get_rule(name)

    def of_prompts(e: Elections) -> Places:
        return places(np.asarray(rule(profiles_of(e))))

    def of_datasets(e: Elections) -> Places:
        rows = []
        for start in range(0, len(e.values), PROMPTS):
            part = slice(start, start + PROMPTS)
            dataset = Elections(e.values[part], e.weights[part])
            result = rlchf.aggregate(rankings_of(dataset), name)
            for b in range(len(dataset.values)):
                scores = result.scores(b)
                rows.append([scores[str(i)] for i in range(e.values.shape[2])])
        return places(np.array(rows))

    return of_datasets if is_across(rule) else of_prompts


@dataclass(frozen=True)
class Found:
    """On which elections (B,) an axiom's condition held, where it was broken, and the election after."""

    held: np.ndarray
    broken: np.ndarray
    after: Elections


def anonymity(decide: Decide, e: Elections, rng: np.random.Generator) -> Found:
    """Annotators swap their ballots, on all prompts of a dataset alike."""
    B, K = e.weights.shape
    order = np.repeat(rng.random((-(-B // PROMPTS), K)).argsort(axis=1), PROMPTS, axis=0)[:B]
    rows = np.arange(B)[:, None]
    after = Elections(e.values[rows, order], e.weights[rows, order], e.given)
    return Found(np.ones(B, bool), (decide(e) != decide(after)).any(axis=1), after)


def neutrality(decide: Decide, e: Elections, rng: np.random.Generator) -> Found:
    """Responses swap their names."""
    B, _, M = e.values.shape
    renaming = rng.random((B, M)).argsort(axis=1)
    after = replace(e, values=np.take_along_axis(e.values, renaming[:, None], axis=2))
    expected = np.take_along_axis(decide(e), renaming, axis=1)
    return Found(np.ones(B, bool), (expected != decide(after)).any(axis=1), after)


def homogeneity(decide: Decide, e: Elections, rng: np.random.Generator) -> Found:
    """All weights are multiplied by a number."""
    factor = float(rng.choice([2.0**-40, 0.1, 1 / 3, 3.0, 7e8]))
    after = replace(e, weights=e.weights * factor)
    unit = np.asarray(profiles_of(after).is_exact)
    return Found(unit, unit & (decide(e) != decide(after)).any(axis=1), after)


def unanimity(decide: Decide, e: Elections, rng: np.random.Generator) -> Found:
    """All ballots of every second election become the same strict ranking."""
    B, K, M = e.values.shape
    order = rng.random((B, M)).argsort(axis=1)
    same = 3 * order[:, None] + rng.integers(1, 4, (B, K, M))
    changed = (np.arange(B) % 2 == 0) & e.counts.any(axis=1)
    after = replace(e, values=np.where(changed[:, None, None], same, e.values))
    return Found(changed, changed & (decide(after) != order).any(axis=1), after)


def pareto(decide: Decide, e: Elections, rng: np.random.Generator) -> Found:
    """A response is moved up on all ballots, until it is above another."""
    B, _, M = e.values.shape
    i, j = rng.random((B, M)).argsort(axis=1)[:, :2].T
    values, rows = e.values.copy(), np.arange(B)
    other = values[rows, :, j]
    other = np.where(other > 0, other, rng.integers(1, M + 1, other.shape))
    values[rows, :, j] = other
    up = rng.integers(1, M + 1, other.shape) - 0.5  # where it comes to be
    values[rows, :, i] = np.minimum(up, other - 0.5)
    after = replace(e, values=values)
    above, place = all_above(after).reshape(B, -1), decide(after)
    wrong = above & (place[:, :, None] > place[:, None]).reshape(B, -1)
    return Found(np.asarray(above.any(axis=1)), np.asarray(wrong.any(axis=1)), after)


def all_above(e: Elections) -> np.ndarray:
    """(B, M, M) bool: whether all ballots with a weight rank i above j."""
    i, j = e.values[..., :, None], e.values[..., None, :]
    agree = ((i > 0) & (i < j)) | ~e.counts[..., None, None]
    some = np.asarray(e.counts.any(axis=1))
    return np.asarray(np.all(agree, axis=1) & some[:, None, None])


def majority(decide: Decide, e: Elections, rng: np.random.Generator) -> Found:
    """Complete ballots with a response that more than half of the weight ranks alone in first place."""
    first = e.ranks == 1
    alone = first & (first.sum(axis=2, keepdims=True) == 1)
    winner = (alone * e.tenths[..., None]).sum(axis=1) * 2 > e.tenths.sum(axis=1)[:, None]
    held = winner.any(axis=1) & complete(e)
    return Found(held, held & ((decide(e) == 0) != winner).any(axis=1), e)


def condorcet(decide: Decide, e: Elections, rng: np.random.Generator) -> Found:
    """A response beats every other by majority."""
    winner = (e.margins > 0).sum(axis=2) == e.values.shape[2] - 1
    held = winner.any(axis=1)
    return Found(held, held & ((decide(e) == 0) != winner).any(axis=1), e)


def condorcet_loser(decide: Decide, e: Elections, rng: np.random.Generator) -> Found:
    """A response loses to every other by majority."""
    loser = (e.margins < 0).sum(axis=2) == e.values.shape[2] - 1
    held = loser.any(axis=1)
    return Found(held, held & ((decide(e) == 0) == loser).all(axis=1), e)


def smith(decide: Decide, e: Elections, rng: np.random.Generator) -> Found:
    """The Smith set does not hold all responses."""
    reach: np.ndarray = np.asarray(e.margins >= 0)
    for k in range(e.values.shape[2]):
        reach |= reach[:, :, [k]] & reach[:, [k], :]
    inside = np.asarray(np.all(reach, axis=2))
    held = np.asarray(~np.all(inside, axis=1))
    return Found(held, held & ((decide(e) == 0) & ~inside).any(axis=1), e)


def reinforcement(decide: Decide, e: Elections, rng: np.random.Generator) -> Found:
    """Two elections with the same result become one."""
    B, _, M = e.values.shape
    place = decide(e)
    key = place @ (M ** np.arange(M))
    order = np.lexsort((rng.random(B), key))
    one, two = order[:-1], order[1:]
    held = key[one] == key[two]
    after = Elections(
        np.concatenate([e.values[one], e.values[two]], axis=1),
        np.concatenate([e.weights[one], e.weights[two]], axis=1),
        e.given,
    )
    return Found(held, held & (decide(after) != place[one]).any(axis=1), after)


def monotonicity(decide: Decide, e: Elections, rng: np.random.Generator) -> Found:
    """A sole winner is ranked higher, or tied with what was above it, on some ballots that rank it."""
    B, K, M = e.values.shape
    place, rows = decide(e), np.arange(B)
    held = (place == 0).sum(axis=1) == 1
    winner = place.argmin(axis=1)
    values = e.values.copy()
    old = values[rows, :, winner]  # (B, K)
    some = (rng.random((B, K)) < 0.5) & (old > 0)
    new = rng.integers(1, 2 * M + 1, (B, K)) / 2  # on a level or between two
    values[rows, :, winner] = np.where(some, np.minimum(old, new), old)
    after = replace(e, values=values)
    held &= (after.ranks != e.values).any(axis=(1, 2))
    return Found(held, held & ((decide(after) == 0) != (place == 0)).any(axis=1), after)


def clones(decide: Decide, e: Elections, rng: np.random.Generator) -> Found:
    """A response gets one or two clones, which are next to it on every ballot."""
    B, K, M = e.values.shape
    extra, one = int(rng.integers(1, 3)), rng.integers(0, M, B)
    rows, values = np.arange(B), e.values.copy()
    old = values[rows, :, one]  # (B, K)
    own = (values == old[..., None]).sum(axis=2) == 1  # clones of tied responses are tied
    steps = rng.integers(0, extra + 1, (B, K, extra + 1)) if rng.random() < 0.3 else (
        rng.random((B, K, extra + 1)).argsort(axis=2)
    )  # fmt: skip
    near = np.where((own & (old > 0))[..., None], old[..., None] + steps / 10, old[..., None])
    values[rows, :, one] = near[..., 0]
    cloned = np.concatenate([values, near[..., 1:]], axis=2)
    after = replace(e, values=cloned)
    won = decide(after) == 0
    won[rows, one] |= won[:, M:].any(axis=1)
    return Found(np.ones(B, bool), (won[:, :M] != (decide(e) == 0)).any(axis=1), after)


CHECKS: dict[str, Callable[[Decide, Elections, np.random.Generator], Found]] = {
    "anonymity": anonymity,
    "neutrality": neutrality,
    "homogeneity": homogeneity,
    "unanimity": unanimity,
    "pareto": pareto,
    "majority": majority,
    "condorcet": condorcet,
    "condorcet loser": condorcet_loser,
    "smith": smith,
    "reinforcement": reinforcement,
    "monotonicity": monotonicity,
    "clones": clones,
}


def few(e: Elections) -> np.ndarray:
    """(B,) bool: whether there are at most 6 responses."""
    return np.full(len(e.values), e.values.shape[2] <= 6)


def everything(e: Elections) -> np.ndarray:
    """(B,) True."""
    return np.ones(len(e.values), bool)


MEETS: dict[str, Callable[[Elections], np.ndarray]] = {
    "": everything, "complete": complete, "untied": untied, "untied eliminations": untied,
    "few": few, "rankings": everything,
}  # fmt: skip
"""Whether elections meet the condition of a scope; `domain` draws such elections."""


def domain(card: Card, scope: str) -> tuple[list[str], list[str], list[str]]:
    """The kinds of ballots, of weights and of what ballots give that a claim is about."""
    without = {"complete": "gaps", "untied": "weak", "untied eliminations": "weak"}.get(scope, "-")
    kinds = [kind for kind in KINDS if without not in kind]
    weights = ["powers"] if scope == "untied eliminations" else [*WEIGHTS]
    given = ["rankings"]
    if card.kind == "cardinal" and scope != "rankings":
        given.append("scores")
    if card.approvals:
        given.append("approvals")
    return kinds, weights, given


@dataclass(frozen=True)
class Verdict:
    """What a search found: elections on which the condition held, how many were broken, the smallest."""

    held: int
    broken: int
    example: str


def search(name: str, axiom: str, elections: int, seed: int, batch: int = 100) -> Verdict:
    """Draw elections and check one axiom of a rule."""
    card, decide = list_rules()[name], decider(name)
    scope = card.scopes.get(axiom, "")
    kinds, weights, given = domain(card, scope)
    rng = np.random.default_rng([seed, zlib.crc32(f"{name} {axiom}".encode())])
    held, broken, smallest = 0, 0, (np.inf, "")
    for start in range(0, elections, batch):
        M, K = int(rng.choice([2, 3, 3, 4, 4, 5])), int(rng.integers(1, 7))
        drawing = (str(rng.choice(options)) for options in (kinds, weights, given))
        e = drawn(rng, min(batch, elections - start), K, M, *drawing)
        found = CHECKS[axiom](decide, e, rng)
        meets = MEETS[scope](found.after)
        held += int((found.held & meets).sum())
        wrong = np.flatnonzero(found.broken & meets)
        broken += len(wrong)
        if len(wrong) and smallest[0] > M * K:
            smallest = (M * K, f"{e.text(wrong[0])}; then {found.after.text(wrong[0])}")
    return Verdict(held, broken, smallest[1])


def claims(names: Iterable[str], unclaimed: bool) -> list[tuple[str, str]]:
    """The rules and the axioms that their cards name, or do not."""
    cards = list_rules()
    return [(name, a) for name in names for a in AXIOMS if (a in cards[name].axioms) != unclaimed]


def main() -> None:
    """Search, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--elections",
        type=int,
        default=20_000,
        help=f"drawn per claim; one in {ACROSS} for rules across prompts",
    )
    parser.add_argument("--rules", nargs="+", default=list(list_rules()))
    parser.add_argument("--unclaimed", action="store_true", help="search what cards do not claim")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/axioms.json"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # about approvals read off rankings, and responses not linked
    rows = []
    for name, axiom in claims(arguments.rules, arguments.unclaimed):
        part = ACROSS if is_across(get_rule(name)) else 1
        verdict = search(name, axiom, arguments.elections // part, arguments.seed)
        rows.append({"rule": name, "axiom": axiom, **asdict(verdict)})
        if bool(verdict.broken) != arguments.unclaimed:
            print(
                f"{name}, {axiom}: {verdict.broken} of {verdict.held}; {verdict.example}",
                flush=True,
            )
    print(f"{len(rows)} claims, {sum(row['held'] for row in rows):,} elections")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
