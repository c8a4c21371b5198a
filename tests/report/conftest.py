"""What the tests of reports share."""

import pytest

from rlchf.report.page import render
from tests.support.reports import every_block


@pytest.fixture(scope="session")
def page() -> str:
    """The page of a document with every kind of block and chart."""
    return render(every_block())
