"""Pages in a Chromium without a window."""

import html
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr", "--hide-scrollbars", "--virtual-time-budget=30000",
    "--run-all-compositor-stages-before-draw",
)  # fmt: skip


FRAME = """<!doctype html><meta charset="utf-8"><title>frame</title>
<iframe src="page.html" style="width:%(width)dpx;height:%(height)dpx;border:0"></iframe><pre></pre>
<script>
const frame = document.querySelector("iframe");
const work = async (win, doc) => { %(script)s };
frame.addEventListener("load", async () => {
  const doc = frame.contentDocument;
  const charts = doc.querySelector("figure.chart");
  while (charts && doc.documentElement.dataset.drawn === undefined) {
    await new Promise((done) => setTimeout(done, 50));
  }
  document.querySelector("pre").textContent = "RESULT" + await work(frame.contentWindow, doc);
});
</script>"""


def browser() -> str:
    """The browser of $CHROME or on the path; without one the test is skipped."""
    found = os.environ.get("CHROME") or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.skip("there is no Chromium; name one in $CHROME")
    return found


def opened(
    page: str, folder: Path, script: str, *, width: int, height: int = 1200
) -> tuple[str, list[str]]:
    """Open a page in a frame of some width, and run a script in it when its charts are drawn.

    The frame is needed because a window without a screen is at least 500 pixels wide.

    Parameters
    ----------
    script
        The body of an async function of ``win`` and ``doc``, the page's window and document.

    Returns
    -------
    What the script returns, as text, and what the page wrote to the console.
    """
    (folder / "page.html").write_text(page, encoding="utf-8")
    outer = folder / "frame.html"
    outer.write_text(FRAME % {"width": width, "height": height, "script": script}, encoding="utf-8")
    command = [
        browser(), *FLAGS, "--allow-file-access-from-files", f"--user-data-dir={folder / 'profile'}",
        "--dump-dom", outer.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    result = re.search(r"<pre>RESULT(.*?)</pre>", done.stdout, re.DOTALL)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert result, f"the page was not drawn: {console or done.stderr[-2000:]}"
    return html.unescape(result[1]), console


def printed_pages(page: str, folder: Path) -> int:
    """How many pages of paper a page is."""
    (folder / "page.html").write_text(page, encoding="utf-8")
    command = [
        browser(), *FLAGS, f"--user-data-dir={folder / 'profile'}",
        f"--print-to-pdf={folder / 'page.pdf'}", (folder / "page.html").as_uri(),
    ]  # fmt: skip
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    return len(re.findall(rb"/Type\s*/Page\b", (folder / "page.pdf").read_bytes()))
