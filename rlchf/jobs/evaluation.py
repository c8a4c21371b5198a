"""Pictures need matplotlib; an evaluation is written with a picture where it is installed."""

from importlib.util import find_spec
from pathlib import Path

from rlchf.evaluation.report import Evaluation
from rlchf.installing import pip_install
from rlchf.io.json import write_json


def need_matplotlib() -> None:
    """Refuse, before the work, pictures that could not be drawn."""
    if not find_spec("matplotlib"):
        raise ValueError(
            f"pictures need matplotlib, which is not installed; run {pip_install('report')}"
        )


def write_evaluation(folder: str | Path, evaluation: Evaluation) -> list[Path]:
    """Write ``evaluation.json`` and, where matplotlib is installed, ``calibration.png``.

    Returns
    -------
    The files, in the folder, which is created if it does not exist.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "evaluation.json"]
    write_json(written[0], evaluation.to_dict())
    if find_spec("matplotlib"):
        from rlchf.plots.evaluation import calibration_plot
        from rlchf.plots.save import save

        written.append(folder / "calibration.png")
        save(calibration_plot(evaluation.calibration), written[-1])
    return written
