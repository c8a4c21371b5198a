"""Tables of a slate of statements."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from rlchf.cli.tables import make_table, number
from rlchf.constitution.choosing.report import Chosen, share_text
from rlchf.constitution.choosing.service import Service
from rlchf.display import counted


def tables(chosen: Chosen) -> Iterator[Table | str]:
    """The slate, the groups, the audit, near-duplicates and, if rules are compared, one row for each."""
    votes, poll, config = chosen.poll.votes, chosen.poll, chosen.config
    prior = poll.rates.prior
    unseen = share_text(float((~votes.seen).mean()))
    yield (
        f" {votes.name}: {counted(len(votes.voters), 'voter')}, "
        f"{counted(len(votes.statements), 'statement')}, {unseen} of the votes unseen; {config.rule}, "
        f"estimate {config.estimate} (prior: {prior.mean:.2f} agree, worth {prior.strength:.1f} votes)"
    )
    yield slate_table(chosen)
    for row in chosen.rows():
        if row["duplicates"]:
            yield f" Near-duplicates of {row['id']}, not elected: {', '.join(row['duplicates'])}."
    yield ""
    if chosen.service.groups:
        yield f" Opinion groups: {chosen.groups_from}."
        yield groups_table(chosen.service)
    else:
        yield f" No opinion groups: {chosen.groups_from}."
    yield ""
    yield from audit_lines(chosen)
    if chosen.others:
        yield ""
        yield compared_table(chosen.others)


def slate_table(chosen: Chosen) -> Table:
    """One row for each elected statement, in the order of election."""
    groups = [f"{name}\nagree" for name in chosen.poll.groups]
    table = make_table(
        "",
        "id",
        "agree",
        "pass",
        "dis-\nagree",
        "un-\nseen",
        "esti-\nmate",
        "95 %\ninterval",
        *groups,
    )
    table.add_column("statement")
    table.columns[0].vertical = "top"  # a statement may have several lines
    for row in chosen.rows():
        table.add_row(
            str(row["place"]), row["id"],
            *(str(row[name]) for name in ("agree", "pass", "disagree", "unseen")),
            f"{row['estimate']:.2f}", f"{row['low']:.2f}-{row['high']:.2f}",
            *(f"{group['estimate']:.2f}" for group in row["groups"].values()),
            " ".join(row["text"].split()),
        )  # fmt: skip
    return table


def groups_table(service: Service) -> Table:
    """One row for each opinion group."""
    table = make_table(
        "group", "voters", "share", "entitled\nto", "majority\nagrees with", "mean\nagreed",
        "agree with\nnone",
    )  # fmt: skip
    for group in service.groups:
        table.add_row(
            group.name, str(group.members), share_text(group.share), str(group.entitled),
            str(group.agreed) + (" (less)" if group.left_without else ""),
            number(group.mean_agreed, 1), share_text(group.without),
        )  # fmt: skip
    return table


def audit_lines(chosen: Chosen) -> Iterator[str]:
    """Who agrees with nothing on the slate, and justified representation."""
    service, votes = chosen.service, chosen.poll.votes
    yield (
        f" Agree with no statement on the slate: {share_text(service.without)} of the voters by the rule's "
        f"ballots; by the votes cast, {share_text(service.without_seen)} of those who voted on a statement "
        f"of the slate ({share_text(service.reached)} of the voters)."
    )
    for verdict in service.verdicts:
        if verdict.holds is False:
            yield (
                f" {verdict.axiom}: violated. {counted(verdict.members, 'voter')} agree with "
                f"{votes.statements[verdict.candidate]!r}, which is not elected; they deserve "
                f"{verdict.deserved:g} and none of them agrees with more than {verdict.received:g}."
            )
    held = [one.axiom for one in service.verdicts if one.holds]
    unknown = [one.axiom for one in service.verdicts if one.holds is None]
    if held:
        yield f" Justified representation holds: {', '.join(held)}."
    if unknown:
        yield f" Not decided, because EJR+ is violated and JR is not: {', '.join(unknown)}."


def compared_table(services: Sequence[Service]) -> Table:
    """One row for each rule: what it holds for each group, and for all voters."""
    groups = [f"{group.name}\n({group.entitled})" for group in services[0].groups]
    table = make_table(
        "majorities agree with\n(entitled to)", *groups, "elected", "groups\nleft short",
        "agree with\nnone", "least\nmean", "violates",
    )  # fmt: skip
    for service in services:
        table.add_row(
            service.rule, *(str(group.agreed) for group in service.groups), str(service.elected),
            ", ".join(service.left_without) or "-", share_text(service.without),
            number(service.least_mean_agreed, 2), ", ".join(service.violated) or "-",
        )  # fmt: skip
    return table
