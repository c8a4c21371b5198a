"""Rewards of rlchf in other trainers: TRL and verl, neither of which is imported.

`rlchf.integrations.trl.reward` makes a reward function of TRL, and
`rlchf.integrations.verl.vote_advantages` is the arithmetic of an advantage estimator of verl.
"""

from rlchf.lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__)
