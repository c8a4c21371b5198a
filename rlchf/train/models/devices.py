"""Devices by name, checked before anything is loaded onto them."""

import torch

AUTO = "auto"
"""The name that spreads a model over all GPUs."""


def check_device_name(name: str, setting: str) -> None:
    """Refuse what names no device; that it is there is `check_device`'s to say.

    Parameters
    ----------
    name
        Such as ``"cpu"`` or ``"cuda:1"``, or ``"auto"``; empty for the default.
    setting
        What messages call it.

    Raises
    ------
    ValueError
        If it is no name of a device.

    Examples
    --------
    >>> check_device_name("cuda:1", "device")
    >>> check_device_name("gpu", "device")
    Traceback (most recent call last):
    ...
    ValueError: device is 'gpu', which names no device; choose one such as cpu, cuda or cuda:1, or auto
    """
    if name in ("", AUTO):
        return
    try:
        kind = torch.device(name).type
    except RuntimeError:
        kind = "meta"
    if kind == "meta":  # which holds no numbers
        raise ValueError(
            f"{setting} is {name!r}, which names no device; choose one such as cpu, cuda or cuda:1, or auto"
        )


def check_device(name: str, setting: str) -> None:
    """Refuse a device that is not on this machine; the parameters are those of `check_device_name`.

    Raises
    ------
    ValueError
        If it is no name of a device, or there is no such device.
    """
    check_device_name(name, setting)
    if name in ("", AUTO) or torch.device(name).type == "cpu":
        return
    there = devices()
    device = torch.device(name)
    if any(device == one or device == torch.device(one.type) for one in there):
        return
    names = ", ".join(map(str, there))
    found = f"this machine has {names}" if there else "torch finds no GPU here"
    choices = f"cpu or {AUTO}" if not there else f"cpu, {names} or {AUTO}"
    raise ValueError(f"{setting} is {name!r}, and {found}; choose {choices}, or leave it out")


def devices() -> list[torch.device]:
    """The accelerators of this machine, such as its GPUs.

    Examples
    --------
    >>> all(one.index is not None for one in devices())
    True
    """
    if not torch.accelerator.is_available():
        return []
    kind = torch.accelerator.current_accelerator()
    assert kind is not None
    return [torch.device(kind.type, n) for n in range(torch.accelerator.device_count())]
