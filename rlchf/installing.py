"""How this installation of rlchf gets the packages of an extra."""

import json
from pathlib import Path


def pip_install(extra: str) -> str:
    """Return the command that installs an extra of ``pyproject.toml``, for error messages.

    It depends on where rlchf comes from, as pip has recorded it (PEP 610): an extra of a clone is
    installed in the clone, and one of the package index by name.

    Parameters
    ----------
    extra: such as ``train``.

    Returns
    -------
    The command, followed by the folder to run it in if that matters.

    Examples
    --------
    >>> pip_install("train").startswith("pip install ")
    True
    """
    folder = Path(__file__).absolute().parents[1]
    if (folder / "pyproject.toml").is_file():  # imported from a clone: the install stays editable
        return f"pip install -e '.[{extra}]' in {folder}"
    return command(extra, recorded_origin())


def recorded_origin() -> str | None:
    """Return the contents of ``direct_url.json``; None for a package of an index."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        return distribution("rlchf").read_text("direct_url.json")
    except PackageNotFoundError:
        return None


def command(extra: str, origin: str | None) -> str:
    """Return the command that installs an extra of a package with that ``direct_url.json``.

    Examples
    --------
    >>> print(command("train", None))
    pip install 'rlchf[train]'
    >>> print(command("train", '{"url": "file:///home/eve/rlchf", "dir_info": {}}'))
    pip install '.[train]' in /home/eve/rlchf
    >>> print(command("train", '{"url": "file:///tmp/rlchf-1.0.whl", "archive_info": {}}'))
    pip install 'rlchf[train] @ file:///tmp/rlchf-1.0.whl'
    """
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    if origin is None:
        return f"pip install 'rlchf[{extra}]'"
    facts = json.loads(origin)
    url = facts["url"]
    if "dir_info" in facts:
        editable = "-e " if facts["dir_info"].get("editable") else ""
        return f"pip install {editable}'.[{extra}]' in {url2pathname(urlsplit(url).path)}"
    if "vcs_info" in facts:
        url = f"{facts['vcs_info']['vcs']}+{url}@{facts['vcs_info']['commit_id']}"
    return f"pip install 'rlchf[{extra}] @ {url}'"
