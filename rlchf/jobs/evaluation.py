"""An evaluation in a folder: its figures as JSON, its calibration as a picture."""

import io
from pathlib import Path

from rlchf.evaluation.report import Evaluation
from rlchf.io.atomic import atomic_write


def write_evaluation(folder: str | Path, found: Evaluation) -> list[Path]:
    """Write ``evaluation.json`` and, where matplotlib is installed, ``calibration.png``.

    Returns
    -------
    The files, in the folder, which is made if need be.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = {"evaluation.json": found.to_json().encode()}
    try:
        from rlchf.plots.evaluation import calibration_plot
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
    else:
        drawn = io.BytesIO()
        figure = calibration_plot(found.calibration)
        figure.savefig(drawn, format="png", dpi=150, metadata={"Software": None})
        files["calibration.png"] = drawn.getvalue()
    for name, content in files.items():
        with atomic_write(folder / name) as file:
            file.write(content)
    return [folder / name for name in files]
