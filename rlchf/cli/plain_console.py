"""A console that shows texts as they are."""

from typing import Any

from rich.console import Console
from rich.text import Text

from rlchf.display import in_notebook, printable


class PlainConsole(Console):
    """A console on which no text is markup, an emoji's code, or a control sequence.

    Names of files, columns, groups and annotators come from files, and files from anyone.

    Examples
    --------
    >>> PlainConsole(width=40).print("[bold]a[/b] :smile: \\x1b[2J")
    [bold]a[/b] :smile: \\x1b[2J
    """

    def __init__(self, **options: Any) -> None:
        plain = {"markup": False, "emoji": False, "highlight": False}
        if in_notebook():
            plain["force_terminal"] = False
        super().__init__(**{**plain, **options})

    def on_broken_pipe(self) -> None:
        """Leave it to the program how it ends when the reader of its output has gone."""
        raise BrokenPipeError

    def render_str(self, text: str, **options: Any) -> Text:
        """The text of a line or of a table's cell."""
        return super().render_str(printable(text, keep="\n\t"), **{**options, "markup": False})
