"""The orders of least summed squared distance."""
