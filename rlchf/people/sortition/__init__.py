"""Sortition: panels drawn by lot under quotas, with the inclusion probability of everybody."""

from rlchf.people.sortition.quotas import Quota
from rlchf.people.sortition.selection import Selection, draw_panel

__all__ = ["Quota", "Selection", "draw_panel"]
