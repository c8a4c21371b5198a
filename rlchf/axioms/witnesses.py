"""What breaks an axiom, in words: the Condorcet winner, or the group that lacks what it deserves."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from rlchf.axioms.cases import Case
from rlchf.axioms.definitions._committees import MOST, Committee, sets
from rlchf.axioms.definitions.majority import majority_winner
from rlchf.axioms.definitions.smith import smith_set
from rlchf.axioms.definitions.solid_coalitions import NEARLY, coalitions, slots
from rlchf.axioms.elections import Elections
from rlchf.display import listed

Group = tuple[int, np.ndarray, tuple[int, ...]]
"""The seats that a group deserves, its ballots (K,), and the responses that all of them approve."""


def witness(axiom: str, case: Case, names: Sequence[str]) -> str:
    """Who should have won, or which group lacks seats; empty where the axiom has no such witness.

    Examples
    --------
    >>> from rlchf.axioms.counterexamples import names_of, replayed, stored
    >>> for key in (("borda", "condorcet"), ("borda", "solid coalitions"), ("borda", "JR")):
    ...     case = replayed(stored()[key]).counterexample.case
    ...     print(witness(key[1], case, names_of(case)[0]))
    Condorcet winner: a
    k = 2: 1 of 2 annotators rank a above all others and deserve 1 of the first 2; there are none
    k = 3: 1 of 3 annotators approve a, deserve 1 of the first 3 (b, c and d), and none of them approves any
    of these
    """
    e = case.elections[0]
    if axiom in ONE:
        title, find = ONE[axiom]
        who = [names[i] for i in np.flatnonzero(find(e)[0]).tolist()]
        return f"{title}: {', '.join(who)}" if who else ""
    if axiom == "solid coalitions":
        return _coalition(case, names)
    if axiom in GROUPS and e.n_responses <= MOST:
        return _group(axiom, case, names)
    return ""


def _loser(e: Elections) -> np.ndarray:
    last = e.ranks == e.ranks.max(axis=2, keepdims=True)
    alone = last & (last.sum(axis=2, keepdims=True) == 1)
    return np.asarray((alone * e.tenths[..., None]).sum(axis=1) * 2 > e.totals[:, None])


ONE: dict[str, tuple[str, Callable[[Elections], np.ndarray]]] = {
    "condorcet": ("Condorcet winner", lambda e: (e.margins > 0).sum(axis=2) == e.n_responses - 1),
    "condorcet loser": (
        "Condorcet loser",
        lambda e: (e.margins < 0).sum(axis=2) == e.n_responses - 1,
    ),
    "majority": ("majority winner", majority_winner),
    "majority loser": ("majority loser", _loser),
    "smith": ("Smith set", smith_set),
}
"""What an axiom about the winner is about, and the responses that are it."""


def _group(axiom: str, case: Case, names: Sequence[str]) -> str:
    """The first k of which a group lacks what it deserves."""
    (e,), (places,) = case.elections, case.places
    for k in range(1, e.n_responses):
        elected = places < k
        if int(elected.sum()) != k:
            continue
        won = (e.approved & elected[:, None]).sum(axis=2)
        committee = Committee(k, elected, e.approved, won, e.tenths, e.totals / k)
        for seats, group, agreed in GROUPS[axiom](committee):
            if not committee.deserves(group[None], seats)[0]:
                continue
            short = f"none of them approves {'any' if seats == 1 else seats} of these"
            if axiom == "PJR":
                short = "together they approve fewer of these"
            first = listed([names[i] for i in np.flatnonzero(elected[0]).tolist()])
            return (
                f"k = {k}: {_size(e, group)} approve {listed([names[i] for i in agreed])}, deserve {seats} "
                f"of the first {k} ({first}), and {short}"
            )
    return ""


def _size(e: Elections, group: np.ndarray) -> str:
    return f"{float((group * e.weights[0]).sum()):g} of {float(e.weights[0].sum()):g} annotators"


def _jr(committee: Committee) -> Iterator[Group]:
    for i in range(committee.elected.shape[1]):
        yield 1, committee.agreed((i,))[0] & (committee.won[0] < 1), (i,)


def _ejr(committee: Committee) -> Iterator[Group]:
    for seats in range(1, committee.seats + 1):
        for some in sets(committee.elected.shape[1], seats):
            yield seats, committee.agreed(some)[0] & (committee.won[0] < seats), some


def _ejr_plus(committee: Committee) -> Iterator[Group]:
    for seats in range(1, committee.seats + 1):
        for i in np.flatnonzero(~committee.elected[0]).tolist():
            yield seats, committee.agreed((i,))[0] & (committee.won[0] < seats), (i,)


def _pjr(committee: Committee) -> Iterator[Group]:
    M = committee.elected.shape[1]
    got = committee.approved[0] & committee.elected[0]  # (K, M)
    for seats in range(1, committee.seats + 1):
        for some in sets(M, seats):
            for few in sets(M, seats - 1):
                confined = ~got[:, np.setdiff1d(np.arange(M), few)].any(axis=1)
                yield seats, committee.agreed(some)[0] & confined, some


GROUPS: dict[str, Callable[[Committee], Iterator[Group]]] = {
    "JR": _jr, "PJR": _pjr, "EJR": _ejr, "EJR+": _ejr_plus,
}  # fmt: skip
"""The groups that may lack seats, by axiom."""


def _coalition(case: Case, names: Sequence[str]) -> str:
    """The first k of which a solid coalition lacks what it deserves."""
    (e,), (places,) = case.elections, case.places
    for k in range(1, e.n_responses + 1):
        inside, tied, left = (one[0] for one in slots(places, k))
        for (coalition,) in coalitions(e):
            above = np.where(coalition, e.values[0], -np.inf).max(axis=1)
            solid = above < np.where(coalition, np.inf, e.values[0]).min(axis=1)
            weight = float((solid * e.tenths[0]).sum())
            deserved = min(int(weight * k / e.totals[0] + NEARLY), int(coalition.sum()))
            received = int((coalition & inside).sum() + min((coalition & tied).sum(), left))
            if received < deserved:
                which = listed([names[i] for i in np.flatnonzero(coalition).tolist()])
                return (
                    f"k = {k}: {_size(e, solid)} rank {which} above all others and deserve {deserved} of the "
                    f"first {k}; there {'is' if received == 1 else 'are'} {received or 'none'}"
                )
    return ""
