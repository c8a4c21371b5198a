"""Agreement of collective rankings with the ballots behind them, by annotator and by group."""

from rlchf.auditing._rounds import Rounds, Unit, rounds_of
from rlchf.auditing._tallies import tally
from rlchf.auditing.agreement import Agreement
from rlchf.auditing.distortion import distortion, worst_distortion
from rlchf.auditing.estimates import Estimate
from rlchf.auditing.groups import Grouping
from rlchf.auditing.held_out import HeldOut, Interval
from rlchf.auditing.justified import Verdict, justified
from rlchf.auditing.margins import Margins, margins
from rlchf.auditing.report import Audit, audit
from rlchf.auditing.spread import Spread, spread
from rlchf.auditing.stages import GroupShare, StageShares, trace_shares
from rlchf.auditing.standing import Standing, opposed_groups, standings
from rlchf.auditing.violations import Violation, Violations, violations
from rlchf.auditing.welfare import Welfare, gini, p_mean, price_of_fairness, welfare

__all__ = [
    "Agreement",
    "Audit",
    "Estimate",
    "GroupShare",
    "Grouping",
    "HeldOut",
    "Interval",
    "Margins",
    "Rounds",
    "Spread",
    "StageShares",
    "Standing",
    "Unit",
    "Verdict",
    "Violation",
    "Violations",
    "Welfare",
    "audit",
    "distortion",
    "gini",
    "justified",
    "margins",
    "opposed_groups",
    "p_mean",
    "price_of_fairness",
    "rounds_of",
    "spread",
    "standings",
    "tally",
    "trace_shares",
    "violations",
    "welfare",
    "worst_distortion",
]
