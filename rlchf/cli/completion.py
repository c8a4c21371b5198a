"""What the shell completes: names of rules and of their options."""

import inspect
from collections.abc import Callable
from typing import Any, get_args, get_type_hints


def rules(incomplete: str) -> list[str]:
    """Names of voting rules."""
    from rlchf.rules import rule_names

    return [name for name in rule_names() if name.startswith(incomplete)]


def ties(incomplete: str) -> list[str]:
    """Ways to break ties."""
    from rlchf.ties import POLICIES

    return [name for name in POLICIES if name.startswith(incomplete)] + rules(incomplete)


def sources(incomplete: str) -> list[str]:
    """Names of public corpora and tools."""
    from rlchf.jobs.settings import SOURCES

    return [name for name in ("auto", *SOURCES) if name.startswith(incomplete)]


def cultures(incomplete: str) -> list[str]:
    """Names of statistical cultures."""
    from rlchf.simulate.cultures import culture_names

    return [name for name in (*culture_names(), "tastes") if name.startswith(incomplete)]


def rule_options(ctx: Any, incomplete: str) -> list[str]:
    """Options of the rule, source or culture that stands on the line already, as ``name=``."""
    from rlchf.rules import get_rule

    try:
        rule: Callable[..., Any]
        if "culture" in ctx.params:
            from rlchf.simulate.cultures import get_culture

            rule = get_culture(ctx.params["culture"] or "")
        elif "from_" in ctx.params:
            from rlchf.io.sources import read_function

            rule = read_function(ctx.params["from_"])
        else:
            rule = get_rule(ctx.params.get("rule") or "kemeny")
    except ValueError:
        return []
    name, equals, written = incomplete.partition("=")
    if equals:
        choices = get_args(get_type_hints(rule).get(name))
        return [
            f"{name}={one}" for one in choices if isinstance(one, str) and one.startswith(written)
        ]
    names = [one.name for one in inspect.signature(rule).parameters.values()][1:]
    return [f"{one}=" for one in names if one.startswith(name)]


COMPLETIONS: dict[str, Callable[..., list[str]]] = {
    "rule": rules,
    "ties": ties,
    "option": rule_options,
    "from_": sources,
    "culture": cultures,
}
"""By the name of a setting."""
