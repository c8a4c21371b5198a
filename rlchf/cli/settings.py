"""Options of the command line, made from the fields of settings classes."""

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import Field, fields
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import typer

from rlchf.cli.completion import COMPLETIONS
from rlchf.jobs.folders import with_files_beside
from rlchf.options import parsed_pairs
from rlchf.settings import is_required

Made = TypeVar("Made")
Given = dict[str, Any]
"""The settings that a user gave, by name; those left out are not in it."""
Json = Annotated[bool, typer.Option("--json", help="Result as JSON on standard output.")]

SPELLINGS = {
    "kl_coef": ("--beta",),
    "option": ("-o",),
    "responses_per_prompt": ("-n",),
    "k": ("-k",),
}
"""Further names of options."""


def with_settings(
    *kinds: type, arguments: Sequence[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for every field of settings classes.

    Parameters
    ----------
    kinds
        The settings classes; a field that several have is one option.
    arguments
        Fields that are positional arguments.

    Returns
    -------
    A decorator of a function ``(given, **more)``: ``given`` holds the settings that the user gave, and
    the function's other parameters stay what they are.
    """
    hints = {name: hint for kind in reversed(kinds) for name, hint in get_type_hints(kind).items()}
    by_name = {one.name: one for kind in reversed(kinds) for one in fields(kind)}
    ordered = dict.fromkeys([*arguments, *(one.name for kind in kinds for one in fields(kind))])

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        more = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        def command(**values: Any) -> None:
            given = {name: _from_text(hints[name], values.pop(name)) for name in ordered}
            function({name: value for name, value in given.items() if value is not None}, **values)

        resumes = any(one.name == "resume" for one in more)  # then no argument is needed
        parameters = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty
                if name in arguments and is_required(by_name[name]) and not resumes
                else None,
                annotation=_annotation(by_name[name], hints[name], name in arguments, by_name),
            )
            for name in ordered
        ]
        parameters += [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in more]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in parameters}
        command.__name__, command.__doc__ = function.__name__, function.__doc__
        command.settings = kinds  # type: ignore[attr-defined]  # whose ranges the reference states
        return command

    return decorate


def chosen(kind: type[Made], given: Given) -> Made:
    """The settings object of what a user gave, of which only its own fields are taken.

    Texts and annotators that it needs come from the folder of the rankings where they lie there.

    Raises
    ------
    ValueError
        If a setting without a default is left out, or a value does not fit.
    """
    given = with_files_beside(kind, given)
    for one in fields(kind):  # type: ignore[arg-type]  # a dataclass
        if is_required(one) and one.name not in given:
            raise ValueError(f"{one.name} is missing: {_help(one).rstrip('.')}; see --help")
    return kind(**part(kind, given))


def part(kind: type, given: Given) -> Given:
    """What a user gave of the fields of one settings class."""
    return {one.name: given[one.name] for one in fields(kind) if one.name in given}


def refuse_beside_resume(
    given: Iterable[str], allowed: Iterable[str] = (), *, reads: str = "the folder"
) -> None:
    """Refuse settings beside ``--resume``, but for those that are allowed.

    Parameters
    ----------
    reads
        Where the settings are kept, for messages.
    """
    for name in given:
        if name not in allowed:
            raise ValueError(f"--resume reads {name} from {reads}; leave it out")


def flag(name: str) -> str:
    """The option of a setting; a line at the end of its name only tells it from a word of Python.

    Examples
    --------
    >>> flag("kl_coef"), flag("from_")
    ('--kl-coef', '--from')
    """
    return "--" + name.rstrip("_").replace("_", "-")


class SettingsCommand(typer.core.TyperCommand):
    """A command whose options are listed under the headings that their settings name."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words behind the command's name, a required one without braces."""
        return [re.sub("[{}]", "", piece) for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options by heading, first those that must be given."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                record = record[0].replace("<list[str]>", "<str>..."), record[1]
                default = "Arguments" if param.param_type_name == "argument" else "Options"
                heading = getattr(param, "rich_help_panel", None) or default
                sections.setdefault(heading, []).append(record)
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(sorted(records, key=lambda row: "[required]" not in row[1]))


def _annotation(one: "Field[Any]", hint: Any, is_argument: bool, names: Collection[str]) -> Any:
    """The type of a parameter, and its option or argument; ``names`` are those of all settings."""
    kind = _kind(hint)
    complete = COMPLETIONS.get(one.name)
    typed = list[str] if kind in (tuple, dict) else _plain(hint)
    text = re.sub(
        r"\w+_\w+", lambda word: flag(word[0]) if word[0] in names else word[0], _help(one)
    )
    if is_argument:
        metavar = one.name.upper()
        argument = typer.Argument(
            help=text, show_default=False, autocompletion=complete, metavar=metavar
        )
        return Annotated[typed | None, argument]
    name = flag(one.name)
    if hint is bool:
        name = f"{name}/--no-{name[2:]}"
    option = typer.Option(
        name, *SPELLINGS.get(one.name, ()), help=text + _default(one), show_default=False,
        rich_help_panel=one.metadata.get("group") or None, autocompletion=complete,
        metavar={dict: "NAME=VALUE", tuple: "<str>"}.get(kind),
    )  # fmt: skip
    return Annotated[typed | None, option]


def _help(one: "Field[Any]") -> str:
    return str(one.metadata.get("help", ""))


def _default(one: "Field[Any]") -> str:
    """What stands at the end of an option's help.

    Examples
    --------
    >>> from rlchf.settings import setting
    >>> _default(setting(100, "Number of updates.")), _default(setting("", "Folder."))
    ('  [default: 100]', '')
    """
    if is_required(one):
        return "  [required]"
    value = one.default
    if isinstance(value, bool):
        return f"  [default: {'yes' if value else 'no'}]"
    if isinstance(value, float):
        return f"  [default: {value:g}]"
    return (
        f"  [default: {value}]"
        if isinstance(value, int) or (isinstance(value, str) and value)
        else ""
    )


def _plain(hint: Any) -> Any:
    """The type of an optional hint."""
    if get_origin(hint) in (Union, UnionType):
        return next(one for one in get_args(hint) if one is not type(None))
    return hint


def _kind(hint: Any) -> Any:
    """tuple for a repeatable option, dict for a repeatable one of pairs, else a type that typer reads."""
    return get_origin(_plain(hint)) or _plain(hint)


def _from_text(hint: Any, value: Any) -> Any:
    """The value of a setting, None if it was not given."""
    kind = _kind(hint)
    if value is None or value == []:
        return None
    if kind is dict:
        return parsed_pairs(value)
    if kind is tuple:
        integers = int in get_args(get_args(hint)[0])
        return tuple(int(one) if integers and one.isdecimal() else one for one in value)
    return value
