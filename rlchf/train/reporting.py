"""The trackers that metrics are sent to, by name."""

from collections.abc import Collection

from rlchf.options import meant

DOCUMENTED = ("tensorboard", "wandb")


def tracker_names(report_to: str, known: Collection[str], installed: Collection[str]) -> list[str]:
    """The names in a comma-separated list of trackers, without ``none``.

    Parameters
    ----------
    known, installed
        The names that the library takes which sends the metrics, and those whose packages are there.

    Raises
    ------
    ValueError
        If there is no such tracker, or its package is not installed.

    Examples
    --------
    >>> tracker_names("tensorboard, none", ["tensorboard"], ["tensorboard"])
    ['tensorboard']
    >>> tracker_names("tensorbord", ["tensorboard"], [])
    Traceback (most recent call last):
    ...
    ValueError: report_to (--report-to) names no tracker 'tensorbord'; did you mean tensorboard?
    """
    names = [name.strip() for name in report_to.split(",") if name.strip() not in ("", "none")]
    for name in names:
        if name not in known:
            hint = meant(name, known) or f"choose from {', '.join(DOCUMENTED)}, or none"
            raise ValueError(f"report_to (--report-to) names no tracker {name!r}; {hint}")
    missing = sorted(set(names) - set(installed))
    if missing:
        raise ValueError(
            f"report_to (--report-to): {', '.join(missing)} is not installed; pip install "
            f"{' '.join(missing)}, or leave it out"
        )
    return names


def trainer_trackers(report_to: str) -> list[str]:
    """The names as `transformers.TrainingArguments` takes them.

    Raises
    ------
    ValueError
        As `tracker_names`.
    """
    from transformers.integrations.integration_utils import (
        INTEGRATION_TO_CALLBACK,
        get_available_reporting_integrations,
    )

    unlisted = [
        "azure_ml",
        "flyte",
    ]  # never or not always listed as available, and tell by themselves
    installed = [*get_available_reporting_integrations(), *unlisted, "all"]
    return tracker_names(report_to, [*INTEGRATION_TO_CALLBACK, "all"], installed) or ["none"]


def accelerate_trackers(report_to: str) -> list[str]:
    """The names as `accelerate.Accelerator` takes them, those of registered classes too.

    Raises
    ------
    ValueError
        As `tracker_names`.
    """
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers
    from accelerate.utils import LoggerType

    registered = set(LOGGER_TYPE_TO_CLASS) - {str(name) for name in LoggerType}
    installed = registered.union(map(str, get_available_trackers()))
    return tracker_names(report_to, list(LOGGER_TYPE_TO_CLASS), installed)
