"""Constitutions: principles that critique, revise and judge responses, and vote like annotators.

References
----------
Y. Bai et al., "Constitutional AI: harmlessness from AI feedback", 2022.
"""

from typing import TYPE_CHECKING

from rlchf.lazy import lazy_names

if TYPE_CHECKING:
    from rlchf.constitution.judge_config import JudgeConfig
    from rlchf.constitution.judging import judge_pairs
    from rlchf.constitution.principles import Constitution, Principle
    from rlchf.constitution.questions import Answer, Question

__all__ = ["Answer", "Constitution", "JudgeConfig", "Principle", "Question", "judge_pairs"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Answer": "rlchf.constitution.questions",
        "Constitution": "rlchf.constitution.principles",
        "JudgeConfig": "rlchf.constitution.judge_config",
        "Principle": "rlchf.constitution.principles",
        "Question": "rlchf.constitution.questions",
        "judge_pairs": "rlchf.constitution.judging",
    },
)
