"""What became of the shares that a run was to keep, in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def by_stage(
    rows: Sequence[Mapping[str, Any]], label: str, several: bool
) -> dict[str, Mapping[str, Any]]:
    """A label's share at each stage: of mixed pairs, or of first places beside other labels; of texts.

    Parameters
    ----------
    rows
        The shares in ``report.json``.
    several
        Whether other labels have targets too.

    Returns
    -------
    The row of each stage, whose name lacks the rule.
    """
    measures = ("first places" if several else "mixed pairs", "texts")
    return {
        row["stage"].partition(" (")[0]: row
        for row in rows
        if row["label"] == label and row["measure"] in measures
    }


def sentences(summary: Mapping[str, Any]) -> Iterator[str]:
    """What became of each target, and of it in the run to compare with, given what ``report.json`` holds.

    Examples
    --------
    >>> ballots = {"label": "emoji", "stage": "ballots", "measure": "mixed pairs", "share": 0.4}
    >>> texts = {"label": "emoji", "stage": "policy after PPO", "measure": "texts"}
    >>> kept = texts | {"share": 0.4, "low": 0.37, "high": 0.43}
    >>> lost = texts | {"share": 0.04, "low": 0.02, "high": 0.06}
    >>> compared = {"rule": "kemeny", "shares": [ballots, lost]}
    >>> summary = {"targets": {"emoji": 0.4}, "shares": [ballots, kept], "compared": compared}
    >>> for sentence in sentences(summary):
    ...     print(sentence)
    The share of emoji is 40 % in the ballots and 40 % (37 to 43 %) in the policy's texts; the target is 40 %.
    With kemeny and a KL penalty alone it is 40 % in the ballots and 4 % (2 to 6 %) in the policy's texts.
    """
    targets, compared = summary["targets"], summary.get("compared")
    for name, target in targets.items():
        several = len(targets) > 1
        path = _path(by_stage(summary["shares"], name, several))
        yield f"The share of {name} is {path}; the target is {100 * target:.0f} %."
        if compared:
            path = _path(by_stage(compared["shares"], name, several))
            yield f"With {compared['rule']} and a KL penalty alone it is {path}."


WHERE = {
    "ballots": "the ballots", "aggregated": "the collective rankings",
    "policy after PPO": "the policy's texts",
}  # fmt: skip
"""The stages that a sentence names."""


def _path(line: Mapping[str, Mapping[str, Any]]) -> str:
    """The shares from the ballots to the texts, in words."""
    parts = []
    for stage, row in line.items():
        if stage not in WHERE:
            continue
        ends = ""
        if row["measure"] == "texts":
            ends = f" ({100 * row['low']:.0f} to {100 * row['high']:.0f} %)"
        parts.append(f"{100 * row['share']:.0f} %{ends} in {WHERE[stage]}")
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
