"""The report of a run: what became of the groups' shares, how it was trained, and what it writes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rlchf.auditing.estimates import Estimate
from rlchf.auditing.reading import audit_from
from rlchf.auditing.stages import StageShares
from rlchf.display import number, shortened
from rlchf.prompts import question
from rlchf.report.audit import audit_findings
from rlchf.report.audit_sections import audit_sections, stages_section
from rlchf.report.charts import Curve, Dot, interval_chart, line_chart
from rlchf.report.document import (
    Block,
    Card,
    Cell,
    Code,
    Column,
    Document,
    Fold,
    Section,
    SideBySide,
    Table,
    Text,
)
from rlchf.report.drawing import figure_text
from rlchf.report.shares import by_stage

SAMPLES = 12
"""Prompts whose texts are shown before and after PPO."""
EXTREMES = 3
"""Texts with the highest and the lowest score that are shown, each."""
POINTS = 400
"""Points of a curve."""
LONGEST = 2000
"""Characters of a text that are shown."""
REWARD_OF = "reward of "
FROM_AUDIT = 3
"""Findings of the audit that stand among those of the run; the others stand in its section."""


def run_document(
    settings: Mapping[str, Any],
    summary: Mapping[str, Any],
    stages: Sequence[StageShares],
    metrics: Sequence[Mapping[str, Any]],
    samples: Sequence[Mapping[str, Any]],
    facts: Mapping[str, str],
) -> Document:
    """The report of a run.

    Parameters
    ----------
    settings
        All settings, defaults included.
    summary
        The contents of ``report.json``: the shares, the reward model's accuracy, the audit.
    stages
        Each group's share at every stage.
    metrics, samples
        The lines of ``metrics.jsonl`` and ``samples.jsonl``.
    facts
        Date, version, command, files.
    """
    audit = audit_from(summary["audit"])
    made = [
        _targets_section(summary), stages_section(stages), _labels_section(summary),
        _samples_section(samples), _extremes_section(samples), _reward_section(summary, metrics),
        _ppo_section(metrics), *audit_sections(audit), _settings_section(settings),
    ]  # fmt: skip
    findings = [*_findings(summary, metrics), *list(audit_findings(audit))[:FROM_AUDIT]]
    title = f"A run with the rule {summary['rule']}"
    return Document(title, findings, [section for section in made if section], facts)


def _findings(summary: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from summary["sentences"]
    if not summary["sentences"]:
        yield from _label_findings(summary)
    accuracy = summary["reward_accuracy"]
    if accuracy:
        yield (
            f"On {accuracy['held_out_prompts']} held-out prompts the reward model puts "
            f"{100 * accuracy['collective_ranking']:.0f} % of the pairs in the order of the collective "
            f"ranking, and {100 * accuracy['ballots']:.0f} % in that of the ballots."
        )
    rows = _ppo_rows(metrics)
    if rows:
        first, last = _tenths([row["reward_mean"] for row in rows])
        kl = _tenths([row["kl"] for row in rows])[1]
        yield (
            f"Over {len(rows)} updates of PPO the mean reward went from {figure_text(first)} to "
            f"{figure_text(last)} (means of the first and the last tenth), at a KL divergence of "
            f"{round(kl, 2) + 0.0:.2f} nats to the policy it started from."
        )


def _label_findings(summary: Mapping[str, Any]) -> Iterator[str]:
    """What share of the texts has each label, before and after PPO."""
    for label in dict.fromkeys(row["label"] for row in summary["shares"]):
        texts = {
            row[
                "stage"
            ]: f"{100 * row['share']:.0f} % ({100 * row['low']:.0f} to {100 * row['high']:.0f} %)"
            for row in summary["shares"]
            if row["label"] == label and row["measure"] == "texts"
        }
        if len(texts) == 2:
            before, after = texts.values()
            yield f"The share of {label} in the policy's texts is {before} before PPO and {after} after it."


def _tenths(values: Sequence[float]) -> tuple[float, float]:
    """The means of the first and of the last tenth."""
    n = max(1, len(values) // 10)
    return float(np.mean(values[:n])), float(np.mean(values[-n:]))


def _ppo_rows(metrics: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [row for row in metrics if row["stage"] == "ppo" and row["update"]]


# --- shares -------------------------------------------------------------------------------------


def _targets_section(summary: Mapping[str, Any]) -> Section | None:
    """What became of share targets, beside the run to compare with."""
    targets = summary["targets"]
    if not targets:
        return None
    runs = {f"{summary['rule']}, share targets": summary["shares"]}
    if "compared" in summary:
        compared = summary["compared"]
        runs[f"{compared['rule']}, KL penalty alone"] = compared["shares"]
    blocks: list[Block] = []
    for label, target in targets.items():
        dots = [
            Dot(stage, row["share"], row["low"], row["high"], name)
            for name, rows in runs.items()
            for stage, row in by_stage(rows, label, len(targets) > 1).items()
        ]
        blocks.append(
            interval_chart(
                f"Share of {label} from the ballots to the texts; the target, {target:.2f}, is dashed.",
                dots, x=f"share of {label}", name="stage", series="run", reference=target,
                link_series="run",
            )
        )  # fmt: skip
    rows: list[list[Cell]] = [
        [label, stage, name, Estimate(row["share"], row["low"], row["high"]), target]
        for label, target in targets.items()
        for name, lines in runs.items()
        for stage, row in by_stage(lines, label, len(targets) > 1).items()
    ]
    columns: list[Column | str] = ["label", "stage", "run", Column("share", 3), Column("target", 3)]
    blocks.append(Table(columns, rows, "Shares and their targets; 95 % intervals."))
    return Section("targets", "Targets and shares reached", blocks)


def _labels_section(summary: Mapping[str, Any]) -> Section | None:
    """The share of each label at every stage."""
    rows: list[list[Cell]] = [
        [
            row["label"], row["stage"], row["measure"],
            Estimate(row["share"], row["low"], row["high"]), row["n"],
        ]
        for row in summary["shares"]
    ]  # fmt: skip
    if not rows:
        return None
    columns: list[Column | str] = ["label", "stage", "measured on", Column("share", 3), "n"]
    table = Table(columns, rows, "Share of each label at every stage; 95 % intervals.")
    blocks: list[Block] = [table]
    if not summary["targets"]:
        dots = [
            Dot(f"{row['stage']}: {row['measure']}", row["share"], row["low"], row["high"], row["label"])
            for row in summary["shares"]
        ]  # fmt: skip
        title = "Share of each label from the ballots to the texts."
        blocks.insert(0, interval_chart(title, dots, x="share", name="stage", series="label"))
    return Section("labels", "Kinds of text", blocks)


# --- texts --------------------------------------------------------------------------------------


def _samples_section(samples: Sequence[Mapping[str, Any]]) -> Section | None:
    """For some prompts a text before PPO beside one after it."""
    first: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in samples:
        first.setdefault(_key(row), {}).setdefault(row["stage"], row)
    both = [rows for rows in first.values() if len(rows) == 2]
    if not both:
        return None
    chosen = [both[n] for n in np.unique(np.linspace(0, len(both) - 1, SAMPLES).astype(int))]
    beside = [
        SideBySide(
            _shown(question(rows["before"]["prompt"])),
            [_card(rows["before"], "before PPO"), _card(rows["after"], "after PPO")],
        )
        for rows in chosen
    ]
    note = Text(["The first text that the policy wrote for each prompt, before and after PPO."])
    more = [Fold(f"{len(beside) - 4} more prompts", beside[4:])] if len(beside) > 5 else beside[4:]
    return Section("samples", "Texts before and after PPO", [note, *beside[:4], *more])


def _extremes_section(samples: Sequence[Mapping[str, Any]]) -> Section | None:
    """The texts with the highest and the lowest scores after PPO."""
    scored = [row for row in samples if row["stage"] == "after" and row.get("score") is not None]
    scored.sort(key=lambda row: -row["score"])
    if len(scored) < 2 * EXTREMES:
        return None
    ends = {"highest": scored[:EXTREMES], "lowest": scored[: -EXTREMES - 1 : -1]}
    blocks = [
        SideBySide(
            f"The {name} scores by the reward model",
            [_card(row, _shown(question(row["prompt"]))) for row in rows],
        )
        for name, rows in ends.items()
    ]
    return Section("extremes", "The best and the worst texts after PPO", blocks)


def _key(row: Mapping[str, Any]) -> str:
    return json.dumps(row["prompt"], sort_keys=True)


def _shown(text: str) -> str:
    return shortened(text, LONGEST)


def _card(row: Mapping[str, Any], heading: str) -> Card:
    """A text with its score and its labels."""
    labels = [name for name, value in row.items() if value is True]
    notes = (
        [] if row.get("score") is None else [f"score {number(row['score'], 2)}".replace("-", "−")]
    )
    return Card(
        heading, _shown(row["response"]), [*notes, *([", ".join(labels)] if labels else [])]
    )


# --- trainings ----------------------------------------------------------------------------------


def _reward_section(
    summary: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]]
) -> Section | None:
    """The reward model: its loss, and its pair accuracy on prompts held out."""
    blocks: list[Block] = []
    rows = [row for row in metrics if row["stage"] == "reward" and {"step", "loss"} <= row.keys()]
    if len(rows) > 1:
        curve = _curve("", rows, "step", "loss")
        blocks.append(line_chart("Loss of the reward model.", [curve], x="step", y="loss"))
    accuracy = summary["reward_accuracy"]
    if accuracy:
        cells: list[list[Cell]] = [
            ["the collective ranking", accuracy["collective_ranking"]],
            ["all ballots", accuracy["ballots"]],
            *[[name, value] for name, value in accuracy["groups"].items()],
            *[[name, value] for name, value in accuracy["annotators"].items()],
        ]
        caption = (
            f"Share of the strict pairs that the reward model puts in the same order, on "
            f"{accuracy['held_out_prompts']} held-out prompts."
        )
        blocks.append(Table(["agrees with", Column("pairs", 3)], cells, caption))
    return Section("reward", "The reward model", blocks) if blocks else None


def _ppo_section(metrics: Sequence[Mapping[str, Any]]) -> Section | None:
    """The curves of PPO."""
    rows = _ppo_rows(metrics)
    if not rows:
        return None
    titles = {
        "reward_mean": ("Mean reward.", "reward"),
        "kl": ("KL divergence to the policy that PPO started from.", "KL divergence, nats"),
        "entropy": ("Entropy of the policy.", "entropy, nats"),
        "response_length": ("Length of the responses.", "tokens"),
    }
    blocks: list[Block] = [
        line_chart(title, _with_mean(rows, name), x="update", y=y, series="updates")
        for name, (title, y) in titles.items()
        if name in rows[0]
    ]
    for start, title, y in (
        ("share of ", "Shares of the kinds of text in each update.", "share"),
        (REWARD_OF, "Mean of each reward.", "reward"),
    ):
        names = [name for name in rows[0] if name.startswith(start)]
        curves = [_curve(name.removeprefix(start), rows, "update", name) for name in names]
        if curves:
            blocks.insert(2, line_chart(title, curves, x="update", y=y, series="series"))
    figures = ("reward_mean", "kl", "entropy", "response_length", "eos_share", "clip_fraction")
    cells: list[list[Cell]] = [
        [name, *_tenths([row[name] for row in rows]), rows[-1][name]]
        for name in figures
        if name in rows[0]
    ]
    columns: list[Column | str] = [
        "figure", Column("first tenth", 3), Column("last tenth", 3), Column("last update", 3),
    ]  # fmt: skip
    blocks.append(
        Table(columns, cells, f"Means over the first and the last tenth of {len(rows)} updates.")
    )
    return Section("ppo", "PPO", blocks)


def _with_mean(rows: Sequence[Mapping[str, Any]], name: str) -> list[Curve]:
    """Each update, and the mean of the last tenth of the updates so far."""
    each = _curve("each update", rows, "update", name)
    window = max(1, len(rows) // 10)
    if window == 1:
        return [each]
    values = np.array([row[name] for row in rows], dtype=float)
    sums = np.cumsum(np.concatenate([[0.0], values]))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    means = (sums[ends] - sums[starts]) / (ends - starts)
    smooth = [{"update": row["update"], name: mean} for row, mean in zip(rows, means, strict=True)]
    return [each, _curve(f"mean of the last {window}", smooth, "update", name)]


def _curve(name: str, rows: Sequence[Mapping[str, Any]], x: str, y: str) -> Curve:
    """The curve of a metric, of so many points at most."""
    kept = np.unique(np.linspace(0, len(rows) - 1, POINTS).astype(int))
    return Curve(name, [rows[n][x] for n in kept], [float(rows[n][y]) for n in kept])


def _settings_section(settings: Mapping[str, Any]) -> Section:
    text = json.dumps(settings, indent=2, ensure_ascii=False)
    return Section("settings", "Settings", [Fold("All settings, defaults included", [Code(text)])])
