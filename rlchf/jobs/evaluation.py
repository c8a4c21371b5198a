"""An evaluation in a folder: its measures as JSON, its calibration as a picture."""

from pathlib import Path

from rlchf.evaluation.report import Evaluation
from rlchf.io.json import write_json


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
    try:
        from rlchf.plots.evaluation import calibration_plot
        from rlchf.plots.save import save
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
    else:
        written.append(folder / "calibration.png")
        save(calibration_plot(evaluation.calibration), written[-1])
    return written
