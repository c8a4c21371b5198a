"""Choosing a constitution from files to files: the job of `rlchf constitution choose`."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from rlchf.constitution.choosing.opinion_groups import opinion_groups, split
from rlchf.constitution.choosing.report import Chosen, check_question, share_text
from rlchf.constitution.choosing.settings import ChooseJob, SlateConfig
from rlchf.constitution.choosing.slates import CONSENSUS, check_rule
from rlchf.constitution.choosing.votes import Votes
from rlchf.display import counted, number
from rlchf.io import read_annotators, read_rankings, read_responses
from rlchf.io.constitutions import write_constitution
from rlchf.io.files import STANDARD_STREAM, bare_name
from rlchf.io.json import write_json
from rlchf.io.matching import match_annotators
from rlchf.io.sources import read_source
from rlchf.io.sources._records import Files
from rlchf.io.sources.polis import LONG, WIDE
from rlchf.jobs.evaluation import need_matplotlib
from rlchf.jobs.folders import beside
from rlchf.jobs.inputs import check_paths
from rlchf.jobs.progress import stage
from rlchf.options import listed
from rlchf.profiles import UNSTATED
from rlchf.rankings import Rankings

LETTERS = "ABCDE"
FEW = 5
"""Votes on a statement that say little more than the prior."""
GROUPS = ("group-id", "group", "opinion_group")
"""Names of columns of annotators that are likely to have opinion groups."""


def choose_files(job: ChooseJob, config: SlateConfig) -> Chosen:
    """Read votes, elect a slate, and write it.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or no such slate can be elected.
    """
    check_rule(config.rule, config.option)
    check_question(job.question)
    for out in job.out:
        if bare_name(out)[1] not in ("json", "toml"):
            raise ValueError(f"--out is {out!r}; give a file that ends in .json or .toml")
    if job.picture:
        if Path(job.picture).suffix not in (".svg", ".png"):
            raise ValueError(f"--picture is {job.picture!r}; give a file that ends in .svg or .png")
        need_matplotlib()
    job = _with_files_beside(job)
    check_paths([*job.votes, job.responses, job.annotators], [*job.out, job.picture])
    votes, exported = read_votes(job)
    groups, groups_from = find_groups(votes, exported, job, config.seed)
    if config.rule == CONSENSUS and not groups:
        raise ValueError(f"{CONSENSUS} needs opinion groups: {groups_from}; give --group")
    compared = job.compare or bool(job.picture)
    with stage("electing a slate", quiet=True) as tick:
        chosen = Chosen.of(votes, groups, config, groups_from, compared, tick)
    _write(chosen, job)
    _warn(chosen)
    return chosen


def read_votes(job: ChooseJob) -> tuple[Votes, dict[str, str]]:
    """The votes on one conversation, and each voter's group where an export has it.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or there are several conversations and none is named.
    """
    paths = list(job.votes)
    if job.from_ == "polis" or (job.from_ == "auto" and _looks_like_polis(paths)):
        if job.responses and job.responses not in paths:
            paths.append(job.responses)
        try:
            _, converted = read_source(paths, "polis", {"agree": job.agree})
            columns = converted.columns()
        except ValueError as error:
            raise ValueError(str(error).replace("-o agree=", "--agree ")) from None
        prompt = _one_conversation(list(converted.prompts), job)
        ballots: dict[str, dict[str, int]] = {}
        for row in zip(
            columns["prompt_id"], columns["annotator_id"], columns["response_id"], columns["approval"],
            strict=True,
        ):  # fmt: skip
            if row[0] == prompt:
                ballots.setdefault(row[1], {})[row[2]] = row[3]
        texts = converted.responses.get(prompt, {})
        groups = {
            who: features["group"]
            for who, features in converted.annotators.items()
            if features.get("group") and who in ballots
        }
        return _with_texts(Votes.from_ballots(ballots, texts, prompt), len(texts)), groups
    format = "approvals" if "approval=" in job.columns else "auto"
    rankings = read_rankings(paths, format, columns=job.columns or None)
    prompt = _one_conversation(rankings.prompt_ids, job)
    texts = _texts(job, prompt)
    return _with_texts(
        Votes.from_ballots(approvals_of(rankings, prompt), texts, prompt), len(texts)
    ), {}


def approvals_of(rankings: Rankings, prompt: str) -> dict[str, dict[str, int]]:
    """Each annotator's approvals of the responses to a prompt: 1, 0 and -1.

    Raises
    ------
    ValueError
        If a ballot states none.
    """
    p = rankings.prompt_index[prompt]
    names = rankings.responses(prompt)
    approvals = rankings.entry_approvals
    ballots: dict[str, dict[str, int]] = {}
    for n in range(int(rankings.ballot_starts[p]), int(rankings.ballot_starts[p + 1])):
        entries = slice(int(rankings.entry_starts[n]), int(rankings.entry_starts[n + 1]))
        voter = rankings.annotator_ids[int(rankings.ballot_annotators[n])]
        if approvals is None or (approvals[entries] == UNSTATED).any():
            raise ValueError(
                f"{rankings.source}: the ballot of {voter!r} on {prompt!r} states no approvals; give a "
                "column approval with 1, 0 or -1, or name theirs, such as --columns approval=score"
            )
        one = ballots.setdefault(voter, {})
        for response, approval in zip(
            rankings.entry_responses[entries].tolist(), approvals[entries].tolist(), strict=True
        ):
            one[names[response]] = approval
    return ballots


def find_groups(
    votes: Votes, exported: dict[str, str], job: ChooseJob, seed: int = 0
) -> tuple[dict[str, np.ndarray], str]:
    """The opinion groups by name, and where they come from: a file, the export, or clusters of the votes.

    Raises
    ------
    ValueError
        If the file has no such column or names none of the voters.
    """
    if job.group:
        if not job.annotators:
            raise ValueError("groups of a file need both --annotators and --group")
        annotators = read_annotators(job.annotators)
        match = match_annotators(votes.voters, annotators.ids)
        if not match.shared:
            raise ValueError(
                f"{job.annotators} names none of the voters; give annotator_id with ids such as "
                f"{votes.voters[0]!r}{match.hint}"
            )
        of_voter = annotators.group(job.group)
        if annotators.weights is not None:
            warnings.warn(
                f"the weights in {job.annotators} do not count: every voter has one vote",
                stacklevel=3,
            )
        groups = split(votes, of_voter)
        found = f"the column {job.group} of {job.annotators}"
    elif exported and not job.clusters:
        groups, found = split(votes, exported), "the group-id of the export"
    else:
        try:
            clusters = opinion_groups(votes, seed)
        except ValueError as error:
            if job.clusters:
                raise
            return {}, str(error)
        groups = {LETTERS[g]: clusters.labels == g for g in range(int(clusters.labels.max()) + 1)}
        found = (
            f"k-means on two principal components (silhouette {number(clusters.silhouette, 2)}), an "
            "approximation of what Polis does"
        )
    alone = len(votes.voters) - int(sum(members.sum() for members in groups.values()))
    if alone:
        have = "has" if alone == 1 else "have"
        warnings.warn(
            f"{alone} of {counted(len(votes.voters), 'voter')} {have} no opinion group",
            stacklevel=3,
        )
    return groups, found


def _looks_like_polis(paths: list[str]) -> bool:
    if STANDARD_STREAM in paths:
        return False
    try:
        files = Files.of(paths)
        return any(files.holding(*keys) for keys in (WIDE, *(long[:3] for long in LONG)))
    except ValueError:
        return False


def _with_files_beside(job: ChooseJob) -> ChooseJob:
    """The same job with the texts and annotators of the folder of votes, unless others are given."""
    responses = job.responses or beside(job.votes, "responses")
    annotators = beside(job.votes, "annotators")
    if job.annotators or not annotators:
        return replace(job, responses=responses)
    if job.group:
        return replace(job, responses=responses, annotators=annotators)
    columns = [name for name in GROUPS if name in read_annotators(annotators).features]
    if columns and not job.clusters:
        warnings.warn(
            f"{annotators} has a column {columns[0]!r}, which is not read; for the opinion groups in it give "
            f"--group {columns[0]}",
            stacklevel=3,
        )
    return replace(job, responses=responses)


def _one_conversation(prompts: list[str], job: ChooseJob) -> str:
    """The conversation that the job names, or the only one."""
    if job.prompt and job.prompt not in prompts:
        raise ValueError(
            f"there is no conversation {job.prompt!r}; choose from {listed(prompts[:20], job.prompt)}"
        )
    if not prompts:
        raise ValueError(f"{', '.join(job.votes)}: there is no conversation with votes")
    if not job.prompt and len(prompts) > 1:
        raise ValueError(
            f"{', '.join(job.votes)}: there are {len(prompts)} conversations; choose one with --prompt, "
            f"from {', '.join(prompts[:20])}"
        )
    return job.prompt or prompts[0]


def _texts(job: ChooseJob, prompt: str) -> dict[str, str]:
    """The statements' texts."""
    return read_responses(job.responses).get(prompt, {}) if job.responses else {}


def _with_texts(votes: Votes, n_texts: int) -> Votes:
    """The same votes; warn of statements without a text."""
    missing = len(votes.statements) - n_texts
    if missing > 0:
        warnings.warn(
            f"{missing} of {counted(len(votes.statements), 'statement')} have no text, and stand for "
            "themselves by their ids; give --responses",
            stacklevel=3,
        )
    return votes


def _write(chosen: Chosen, job: ChooseJob) -> None:
    for out in job.out:
        if bare_name(out)[1] == "json":
            write_json(out, chosen.to_dict())
        else:
            write_constitution(out, chosen.constitution(job.question, job.weights))
    if job.picture:
        from rlchf.plots.save import save
        from rlchf.plots.slates import service_plot

        save(service_plot(chosen.others, chosen.poll.votes.name), job.picture)


def _warn(chosen: Chosen) -> None:
    """Say what a reader of the slate would not see."""
    slate = chosen.slate
    unfilled = slate.seats - len(slate.statements)
    if unfilled:
        stay = "stays" if unfilled == 1 else "stay"
        warnings.warn(
            f"{unfilled} of {counted(slate.seats, 'seat')} {stay} open: {slate.rule} elects no statement "
            "that too few support or too many oppose",
            stacklevel=3,
        )
    if chosen.config.words is not None and chosen.service.without > 0.5:
        warnings.warn(
            f"{counted(chosen.config.words, 'word')} left room for only "
            f"{counted(len(slate.statements), 'statement')}, and {share_text(chosen.service.without)} of the "
            "voters agree with none on the slate; give a larger --words",
            stacklevel=3,
        )
    votes = chosen.poll.votes.seen.sum(axis=0)
    few = sum(int(votes[m]) < FEW for m in slate.statements)
    if few:
        has = "has" if few == 1 else "have"
        warnings.warn(
            f"{few} of {counted(len(slate.statements), 'statement')} on the slate {has} fewer than {FEW} "
            "votes, so their order rests on the prior as much as on votes; --min-votes leaves such "
            "statements out",
            stacklevel=3,
        )
