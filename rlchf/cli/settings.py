"""Options of the command line, made from the fields of settings classes."""

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import typer

from rlchf.cli.completion import COMPLETIONS
from rlchf.options import parsed_pairs

Made = TypeVar("Made")
Given = dict[str, Any]
"""The settings that a user gave, by name; those left out are not in it."""

SPELLINGS = {"kl_coef": ("--beta",), "option": ("-o",)}
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
                default=None if resumes or name not in arguments else inspect.Parameter.empty,
                annotation=_annotation(by_name[name], hints[name], name in arguments, by_name),
            )
            for name in ordered
        ]
        parameters += [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in more]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in parameters}
        command.__name__, command.__doc__ = function.__name__, function.__doc__
        return command

    return decorate


def chosen(kind: type[Made], given: Given) -> Made:
    """The settings object of what a user gave, of which only its own fields are taken.

    Raises
    ------
    ValueError
        If a setting without a default is left out, or a value does not fit.
    """
    for one in fields(kind):  # type: ignore[arg-type]  # a dataclass
        if _is_required(one) and one.name not in given:
            raise ValueError(f"{one.name} is missing: {_help(one).rstrip('.')}; see --help")
    return kind(**part(kind, given))


def part(kind: type, given: Given) -> Given:
    """What a user gave of the fields of one settings class."""
    return {one.name: given[one.name] for one in fields(kind) if one.name in given}


def refuse(given: Iterable[str], allowed: Iterable[str] = ()) -> None:
    """Refuse settings beside ``--resume``, but for those that are allowed."""
    for name in given:
        if name not in allowed:
            raise ValueError(f"--resume reads {name} from the folder; leave it out")


def flag(name: str) -> str:
    """The option of a setting.

    Examples
    --------
    >>> flag("kl_coef")
    '--kl-coef'
    """
    return "--" + name.replace("_", "-")


class SettingsCommand(typer.core.TyperCommand):
    """A command whose options are listed under the headings that their settings name."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options by heading."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                default = "Arguments" if param.param_type_name == "argument" else "Options"
                heading = getattr(param, "rich_help_panel", None) or default
                sections.setdefault(heading, []).append(record)
        for heading, records in sections.items():
            if not records:
                continue
            with formatter.section(heading):
                formatter.write_dl(records)


def _annotation(one: "Field[Any]", hint: Any, is_argument: bool, names: Collection[str]) -> Any:
    """The type of a parameter, and its option or argument; ``names`` are those of all settings."""
    text = re.sub(
        r"\w+_\w+", lambda word: flag(word[0]) if word[0] in names else word[0], _help(one)
    )
    complete = COMPLETIONS.get(one.name)
    if is_argument:
        argument = typer.Argument(help=text, show_default=False, autocompletion=complete)
        return Annotated[_option_type(hint) | None, argument]
    name = flag(one.name)
    if hint is bool:
        name = f"{name}/--no-{name[2:]}"
    option = typer.Option(
        name, *SPELLINGS.get(one.name, ()), help=text + _default(one), show_default=False,
        rich_help_panel=one.metadata.get("group") or None, autocompletion=complete,
        metavar=_metavar(hint),
    )  # fmt: skip
    return Annotated[_option_type(hint) | None, option]


def _help(one: "Field[Any]") -> str:
    return str(one.metadata.get("help", ""))


def _is_required(one: "Field[Any]") -> bool:
    return one.default is MISSING and one.default_factory is MISSING


def _default(one: "Field[Any]") -> str:
    """What stands at the end of an option's help.

    Examples
    --------
    >>> from rlchf.settings import setting
    >>> _default(setting(100, "Number of updates.")), _default(setting("", "Folder."))
    ('  [default: 100]', '')
    """
    if _is_required(one):
        return "  [required]"
    value = one.default
    if value is MISSING or value is None or value in ("", ()):
        return ""
    if isinstance(value, bool):
        return f"  [default: {'yes' if value else 'no'}]"
    return f"  [default: {value:g}]" if isinstance(value, float) else f"  [default: {value}]"


def _plain(hint: Any) -> Any:
    """The type of an optional hint."""
    if get_origin(hint) in (Union, UnionType):
        return next(one for one in get_args(hint) if one is not type(None))
    return hint


def _option_type(hint: Any) -> Any:
    """What typer has to read: repeatable options are lists."""
    hint = _plain(hint)
    return list[str] if get_origin(hint) in (tuple, dict, Mapping) else hint


def _metavar(hint: Any) -> str | None:
    """What stands for the value in ``--help``; None where typer's own word will do."""
    origin = get_origin(_plain(hint))
    return "NAME=VALUE" if origin in (dict, Mapping) else "<str>" if origin is tuple else None


def _from_text(hint: Any, value: Any) -> Any:
    """The value of a setting, None if it was not given."""
    origin = get_origin(_plain(hint))
    if value is None or (origin is not None and value == []):
        return None
    if origin in (dict, Mapping):
        return parsed_pairs(value)
    if origin is tuple:
        integers = int in get_args(get_args(hint)[0])
        return tuple(int(one) if integers and one.isdecimal() else one for one in value)
    return value
