"""The tutorials as notebooks, as the site makes them."""

import importlib.util
from typing import Any

from tests.support.pages import ROOT


def extension() -> Any:
    """The extension of Sphinx in ``docs/_ext/notebooks.py``."""
    spec = importlib.util.spec_from_file_location("notebooks", ROOT / "docs/_ext/notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def printed(cell: Any) -> str:
    """What a cell printed on standard output and returned, as text; commands print all on it."""
    texts = []
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == "stdout":
            texts.append(output.text)
        elif output.output_type == "execute_result":
            texts.append(output.data["text/plain"] + "\n")
    return "".join(texts)
