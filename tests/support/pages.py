"""The pages of the documentation that people write; the site makes others of the code."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
MADE = [ROOT / "docs/reference" / name for name in ("api", "commands", "rules")]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if not {*page.parents} & {*MADE}),
]


def name_of(page: Path) -> str:
    """A page's path from the root of the repository."""
    return page.relative_to(ROOT).as_posix()
