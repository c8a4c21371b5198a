"""HTML reports: each is one file with its tables, pictures and samples inside."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlchf.io.atomic import atomic_write
from rlchf.prompts import question

if TYPE_CHECKING:
    from rlchf.auditing import StageShares
    from rlchf.jobs.runfile import Run

SAMPLES = 12


def write_report(
    path: str | Path,
    run: "Run",
    summary: dict[str, Any],
    stages: Sequence["StageShares"],
    metrics: Sequence[dict[str, Any]],
    samples: Sequence[dict[str, Any]],
) -> None:
    """Write a run's report.

    Parameters
    ----------
    path
        The HTML file.
    run
        The settings.
    summary
        The contents of ``report.json``: the shares, the reward model's accuracy, the audit.
    stages
        Each group's share at every stage.
    metrics, samples
        The lines of ``metrics.jsonl`` and ``samples.jsonl``.
    """
    from rlchf.plots.kept import kept_plot
    from rlchf.plots.save import svg_text
    from rlchf.plots.stages import stages_plot
    from rlchf.plots.training import training_plot

    ppo = [line for line in metrics if line["stage"] == "ppo" and line["update"]]
    by_stage = {
        stage: [row for row in samples if row["stage"] == stage][:SAMPLES]
        for stage in ("before", "after")
    }
    write_page(
        path,
        "report",
        title=f"{Path(run.data.rankings[0]).parent.name}: {summary['rule']}",
        label=run.label.name,
        labels=list(dict.fromkeys(row["label"] for row in summary["shares"])),
        kept_plot=svg_text(kept_plot(summary)) if summary["sentences"] else "",
        summary=summary,
        share_plot=svg_text(stages_plot(stages)) if any(s.groups for s in stages) else "",
        groups=list(dict.fromkeys(group.name for stage in stages for group in stage.groups)),
        training_plot=svg_text(training_plot(ppo)) if ppo else "",
        samples=by_stage,
        question=question,
        settings=json.dumps(run.to_dict(), indent=2, ensure_ascii=False),
    )


def write_page(path: str | Path, template: str, **values: Any) -> None:
    """Write a page from a template of this package, with values that it needs."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    page = Environment(
        loader=PackageLoader("rlchf.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template(f"{template}.html.jinja")
    with atomic_write(path) as file:
        file.write(page.render(**values).encode())
