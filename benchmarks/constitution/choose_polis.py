"""Which opinion group each rule leaves without a principle, on Polis conversations.

    OMP_NUM_THREADS=1 python benchmarks/constitution/choose_polis.py FOLDER -k 10

The folder has one Polis export in each of its folders, or is one itself, or has ``rankings.csv`` (a column
``approval``, or ``score`` with 1, 0 and -1), ``responses.jsonl`` and ``annotators.csv`` (opinion_group).
A table is printed for each conversation, and one for all; ``--json`` writes the figures. ``--disputed``
leaves those statements only with which the majority of some opinion groups, not of all, agrees.
"""

import argparse
import csv
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from rlchf.constitution.choosing.report import share_text
from rlchf.constitution.choosing.service import Service, disputed, service
from rlchf.constitution.choosing.settings import ChooseJob, SlateConfig
from rlchf.constitution.choosing.slates import RULES, Poll, compare
from rlchf.io.json import write_json
from rlchf.jobs.constitution.choose import find_groups, read_votes

HEAD = (
    "| rule | {} | elected | groups left short | agree with none | least group's mean | violates |\n"
    "|---|{}---|---|---|---|---|"
)


def jobs_of(folder: Path) -> list[ChooseJob]:
    """One job for each conversation."""
    if not (folder / "rankings.csv").is_file():
        inside = sorted(one for one in folder.iterdir() if one.is_dir())
        return [ChooseJob(votes=(str(one),), from_="polis") for one in inside or [folder]]
    with (folder / "rankings.csv").open(encoding="utf-8") as file:
        rows = csv.DictReader(file)
        prompts = list(dict.fromkeys(row["prompt_id"] for row in rows))
        approval = "" if "approval" in (rows.fieldnames or ()) else "approval=score"
    return [
        ChooseJob(
            votes=(str(folder / "rankings.csv"),), from_="rankings", prompt=prompt, columns=approval,
            responses=str(folder / "responses.jsonl"), annotators=str(folder / "annotators.csv"),
            group="opinion_group",
        )
        for prompt in prompts
    ]  # fmt: skip


def measured(
    job: ChooseJob, config: SlateConfig, only_disputed: bool
) -> tuple[Poll, list[Service]]:
    """The slates of all rules on one conversation; k is half of the statements if that is less."""
    votes, exported = read_votes(job)
    groups, _ = find_groups(votes, exported, job, config.seed)
    poll = Poll.of(votes, groups, replace(config, k=1))
    if only_disputed:
        poll = disputed(poll)
    fitted = replace(config, k=min(config.k or 1, max(len(poll.candidates) // 2, 1)))
    return poll, [service(poll, slate) for slate in compare(poll, fitted)]


def main() -> None:
    """Print a table for each conversation, and one for all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("-k", type=int, default=10)
    parser.add_argument("--estimate", default="lower", choices=["raw", "shrunk", "lower"])
    parser.add_argument("--unseen", default="fill", choices=["fill", "neutral"])
    parser.add_argument("--disputed", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", default="")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    config = SlateConfig(k=args.k, estimate=args.estimate, unseen=args.unseen, seed=args.seed)
    every: list[list[Service]] = []
    for job in jobs_of(args.folder):
        poll, services = measured(job, config, args.disputed)
        every.append(services)
        seats = services[0].seats
        unseen = share_text(float((~poll.votes.seen).mean()))
        print(
            f"\n{poll.votes.name}: {len(poll.votes.voters)} voters, {len(poll.candidates)} statements that "
            f"can win, {unseen} unseen, {seats} seats\n"
        )
        groups = [f"{group.name} ({group.entitled})" for group in services[0].groups]
        print(HEAD.format(" | ".join(groups), "---|" * len(groups)))
        for one in services:
            agreed = " | ".join(str(group.agreed) for group in one.groups)
            print(f"| {one.rule} | {agreed} | {one.elected} | {_rest(one)} |")
    print("\nall conversations, means\n")
    print(
        "| rule | groups left short | agree with none | least group's mean agreed | JR violated | "
        "EJR+ violated |\n|---|---|---|---|---|---|"
    )
    for rule in RULES:
        of_rule = [one for services in every for one in services if one.rule == rule]
        groups_in_all = sum(len(one.groups) for one in of_rule)
        short = sum(len(one.left_without) for one in of_rule)
        without = share_text(float(np.mean([one.without for one in of_rule])))
        least = np.mean([one.least_mean_agreed / one.seats for one in of_rule])
        jr, ejr = (
            f"{sum(axiom in one.violated for one in of_rule)} of {len(of_rule)}"
            for axiom in ("JR", "EJR+")
        )
        print(f"| {rule} | {short} of {groups_in_all} | {without} | {least:.0%} | {jr} | {ejr} |")
    if args.json:
        rows = [[one.to_dict([str(n) for n in range(10**4)]) for one in ones] for ones in every]
        write_json(args.json, rows)


def _rest(one: Service) -> str:
    short = ", ".join(one.left_without) or "-"
    violated = ", ".join(one.violated) or "-"
    return f"{short} | {share_text(one.without)} | {one.least_mean_agreed:.2f} | {violated}"


if __name__ == "__main__":
    main()
