"""Rewards of rlchf as reward functions of TRL's trainers (GRPO and RLOO)."""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from torch import Tensor

from rlchf.aggregation import check_options
from rlchf.integrations.grouping import grouped_order, restored
from rlchf.integrations.trl_settings import settings_of_trainer
from rlchf.integrations.trl_texts import check_groups, key_of, prompt_of, text_of
from rlchf.options import checked, listed, meant
from rlchf.prompts import Prompt
from rlchf.train.ppo.rewards import COMBINE, LoggedReward, combination_named, groups_of
from rlchf.train.ppo.rewards.combination import Combination
from rlchf.train.ppo.rewards.named import reward_named
from rlchf.train.ppo.shaping import Reward, check_scores, keeps_state
from rlchf.train.reward.model import RewardModel


def reward(
    *rewards: str | os.PathLike[str] | Reward,
    combine: str | None = None,
    weights: Sequence[float] | None = None,
    num_generations: int = 0,
    config: Any = None,
    name: str = "",
    **options: Any,
) -> "TrlReward":
    """A reward function for ``reward_funcs`` of TRL's ``GRPOTrainer`` or ``RLOOTrainer``.

    Parameters
    ----------
    rewards
        Folders of reward models, functions as ``module:function``, or any callables
        ``(prompts, responses) -> scores``, such as those of `rlchf.train.ppo.rewards`.
    combine
        How several become one: a name in `rlchf.train.ppo.rewards.COMBINE`, as for ``rlchf ppo``.
    weights
        Weights of the rewards in a sum, or of the voters; 1 each by default.
    num_generations
        That of TRL's settings. It is needed only if the data may have a prompt twice in a batch, whose
        completions are otherwise compared all together.
    config
        The ``GRPOConfig`` or ``RLOOConfig`` of the trainer. ``num_generations``, and the ``beta`` of share
        targets, are then its own, and settings under which shares are lost are warned of, or refused.
    name
        The name that TRL's log gives it; by default the reward's, or how they are combined.
    options
        Options of the combination: ``rule``, which a vote needs, and the rule's own, ``step`` for
        max-min, ``floor`` for win shares; for share targets ``targets``, ``labels`` and ``beta``, that of
        TRL's settings.

    Raises
    ------
    ValueError
        If a reward or an option is wrong, before anything is trained.

    Examples
    --------
    >>> def brief(prompts, responses):
    ...     return [-len(text) for text in responses]
    >>> def polite(prompts, responses):
    ...     return [float("please" in text) for text in responses]
    >>> vote = reward(brief, polite, combine="vote", rule="borda", weights=[1, 2])
    >>> vote(prompts=["Ask."] * 2, completions=["Tea!", "Tea, please."], completion_ids=None)
    [-0.5, 0.5]
    >>> vote.__name__, vote.metrics["rewards/borda_vote/polite/agreement"]
    ('borda_vote', 1.0)
    """
    if not rewards:
        raise ValueError("there are no rewards; give at least one")
    if config is not None:
        num_generations = num_generations or int(config.num_generations)
        options = settings_of_trainer(combine, config, options)
    names = _names(rewards)
    parts = [os.fspath(one) if isinstance(one, os.PathLike) else one for one in rewards]
    if not name:
        name = f"{_rule_name(options)}_vote" if combine == "vote" else combine or next(iter(names))
    return TrlReward(dict(zip(names, parts, strict=True)), combine, weights, options,
                     num_generations, name)  # fmt: skip


class TrlReward:
    """A reward in the form of TRL: it takes prompts, completions and the columns of the data by name.

    The completions of a prompt are compared wherever they stand in the batch, also where they are
    spread over processes. `reward` makes one.

    It can be pickled if the callables that it was given can. TRL saves no state of a reward, so that the
    weights of max-min, and the corrections of share targets, begin anew where a run of TRL is resumed.

    Attributes
    ----------
    metrics
        Of the last batch, the mean of each of several rewards, and its share: its agreement with the
        result, which is the share of the pairs of a prompt's completions that it ranks strictly and that
        the scores rank in the same order, where a tie of the scores counts half; and what the combination
        logs, such as the share of each kind and its multiplier. TRL's ``log_metric`` gets them too, and
        ``log_extra`` the scores by each reward.
    """

    def __init__(
        self,
        rewards: Mapping[str, "str | Reward"],
        combine: str | None,
        weights: Sequence[float] | None,
        options: Mapping[str, Any],
        num_generations: int,
        name: str,
    ) -> None:
        _check(rewards, combine, weights, options)
        self.__name__ = name
        self.metrics: dict[str, float] = {}
        self._given: dict[str, Any] = {
            "rewards": dict(rewards),
            "combine": combine,
            "weights": weights,
            "options": dict(options),
            "num_generations": num_generations,
            "name": name,
        }
        self._parts = {
            key: reward_named(one, "cpu") if isinstance(one, str) else one
            for key, one in rewards.items()
        }
        self._shared = {key: _Shared(part) for key, part in self._parts.items()}
        self._logged: dict[str, LoggedReward] = {}
        self._combined: Reward = next(iter(self._parts.values()))
        if combine is not None:
            self._logged = {key: LoggedReward(one) for key, one in self._shared.items()}
            self._combined = combination_named(combine).combine(self._logged, weights, **options)
        if self._compares:
            self._combined.responses_per_prompt = num_generations  # type: ignore[attr-defined]
        self._ready = self._told_of_truncation = False

    def fit(self, prompts: Sequence[Any], completions: Sequence[Any]) -> "TrlReward":
        """Find the multipliers of share targets from samples of the policy before it is trained.

        Without, they are found from the first batch, which has few samples.

        Returns
        -------
        The reward itself.

        Raises
        ------
        ValueError
            If the reward has nothing to find, or the policy never writes a kind.
        """
        if not isinstance(self._combined, Combination) or not self._combined.follows_kl:
            raise ValueError(f"{self.__name__} learns nothing from samples; leave fit out")
        self._move()
        asked = [prompt_of(prompt) for prompt in prompts]
        texts = [text_of(completion, row) for row, completion in enumerate(completions)]
        self._combined.fit(asked, texts)
        return self

    def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Any = None,
        *,
        log_metric: Callable[[str, float], None] | None = None,
        log_extra: Callable[[str, list[Any]], None] | None = None,
        **columns: Any,
    ) -> list[float]:
        """The score of each completion."""
        self._move()
        asked = [prompt_of(prompt) for prompt in prompts]
        texts = [text_of(completion, row) for row, completion in enumerate(completions)]
        first, count = 0, len(texts)
        if self._compares:
            first, asked, texts = self._with_other_processes(asked, texts)
        order = grouped_order([key_of(prompt) for prompt in asked])
        asked, texts = [asked[row] for row in order], [texts[row] for row in order]
        if self._compares:
            check_groups(asked)
        scores = check_scores(self._combined(asked, texts), texts).tolist()
        self._measure(asked, texts, scores)
        own = slice(first, first + count)
        if log_metric is not None:
            for name, value in self.metrics.items():
                log_metric(name, value)
        if log_extra is not None:
            for name, logged in self._logged.items():
                rows = zip(asked, texts, strict=True)
                values = [logged.last[str(prompt), text] for prompt, text in rows]
                log_extra(name, restored(values, order)[own])
        self._warn_of_truncation()
        return restored(scores, order)[own]

    @property
    def _compares(self) -> bool:
        return isinstance(self._combined, Combination) and self._combined.compares

    def _with_other_processes(
        self, prompts: list[Prompt], texts: list[str]
    ) -> tuple[int, list[Prompt], list[str]]:
        """The rows of all processes if a prompt's are spread over them, and where this one's begin."""
        state = PartialState()
        batches: list[tuple[list[Prompt], list[str]]] = [(prompts, texts)]
        if state.num_processes > 1:
            batches = gather_object(batches)
        keys = [{key_of(prompt) for prompt in batch[0]} for batch in batches]
        spread = sum(map(len, keys)) > len(set().union(*keys))
        for shared in self._shared.values():
            shared.over_processes = spread
        self._combined.whole_batch = spread  # type: ignore[attr-defined]
        if not spread:
            return 0, prompts, texts
        first = sum(len(batch[1]) for batch in batches[: state.process_index])
        return (
            first,
            list(chain.from_iterable(batch[0] for batch in batches)),
            list(chain.from_iterable(batch[1] for batch in batches)),
        )

    def _measure(self, prompts: list[Prompt], texts: list[str], scores: list[float]) -> None:
        self.metrics = {}
        if isinstance(self._combined, Combination):
            figures = self._combined.figures().items()
            self.metrics = {f"rewards/{self.__name__}/{name}": value for name, value in figures}
        groups = groups_of(prompts, texts, getattr(self._combined, "responses_per_prompt", 0))
        outcomes = _by_text(scores, [group.index for group in groups])
        for name, logged in self._logged.items():
            start = f"rewards/{self.__name__}/{name}"
            self.metrics[f"{start}/mean"] = logged.mean(prompts, texts)
            orders = [
                torch.tensor([logged.last[str(group.prompt), text] for text in group.responses])
                for group in groups
            ]
            agreed, ranked = map(sum, zip(*map(_agreement, orders, outcomes), strict=True))
            if ranked:
                self.metrics[f"{start}/agreement"] = float(agreed / ranked)

    def _move(self) -> None:
        """Bring the reward models to this process's device, before the first batch."""
        if not self._ready:
            for part in self._parts.values():
                if isinstance(part, RewardModel):
                    part.model.to(PartialState().device)
            self._ready = True

    def _warn_of_truncation(self) -> None:
        models = [part for part in self._parts.values() if isinstance(part, RewardModel)]
        if any(model.truncated for model in models) and not self._told_of_truncation:
            self._told_of_truncation = True
            warnings.warn(
                f"{self.__name__}: some texts are longer than a reward model reads, and are scored without "
                "their beginning",
                stacklevel=3,
            )

    def __getstate__(self) -> dict[str, Any]:
        """What it was made of; reward models given by name are loaded again."""
        combined: Any = self._combined
        state = combined.state_dict() if keeps_state(combined) else None
        return {"given": self._given, "metrics": self.metrics, "state": state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state["given"])  # type: ignore[misc]
        self.metrics = state["metrics"]
        if state["state"] is not None:
            self._combined.load_state_dict(state["state"])  # type: ignore[attr-defined]


class _Shared:
    """A reward; where all processes want the scores of the same texts, each scores a part of them."""

    def __init__(self, reward: Reward) -> None:
        self.reward, self.over_processes = reward, False

    def __call__(self, prompts: list[Prompt], responses: list[str]) -> Sequence[float] | Tensor:
        if not self.over_processes:
            return self.reward(prompts, responses)
        state = PartialState()
        part = slice(state.process_index, None, state.num_processes)
        texts, scores = responses[part], [0.0] * len(responses)
        mine = check_scores(self.reward(prompts[part], texts), texts).tolist() if texts else []
        for process, values in enumerate(gather_object([mine])):
            scores[process :: state.num_processes] = values
        return scores


def _agreement(order: Tensor, outcome: Tensor) -> tuple[float, float]:
    """Pairs of texts on which an outcome (K,) agrees with a strict order (K,), and all such pairs."""
    signs = (order[:, None] - order[None]).sign().triu(1)  # (K, K)
    same = signs * (outcome[:, None] - outcome[None]).sign()
    ranked = float(signs.abs().sum())
    return (ranked + float(same.sum())) / 2, ranked


def _by_text(scores: Sequence[float], index: Sequence[Tensor]) -> list[Tensor]:
    """The scores of each group's texts, given those of the rows."""
    by_group = torch.tensor(scores, dtype=torch.float64).split([len(rows) for rows in index])
    made = []
    for rows, values in zip(index, by_group, strict=True):
        texts = torch.zeros(int(rows.max()) + 1, dtype=torch.float64)
        made.append(texts.index_copy(0, rows, values))
    return made


def _names(rewards: Sequence[Any]) -> list[str]:
    """A name for each reward, in order."""
    names: list[str] = []
    for one in rewards:
        if isinstance(one, str | os.PathLike):
            name = os.fspath(one).rstrip("/")
            if name in names:
                raise ValueError(f"reward {name!r} is given twice; give it once")
        elif callable(one):
            base = str(getattr(one, "__name__", type(one).__name__))
            taken = sum(other.partition(" ")[0] == base for other in names)
            name = f"{base} {taken + 1}" if taken else base
        else:
            raise ValueError(
                f"reward {one!r} is a {type(one).__name__}; give a reward model's folder, a function as "
                "module:function, or a callable"
            )
        names.append(name)
    return names


def _rule_name(options: Mapping[str, Any]) -> str:
    rule = options.get("rule", "")
    return rule if isinstance(rule, str) else str(getattr(rule, "__name__", "custom"))


def _check(
    rewards: Mapping[str, Any],
    combine: str | None,
    weights: Sequence[float] | None,
    options: Mapping[str, Any],
) -> None:
    """Refuse, before a model is read, what cannot work."""
    if combine is None:
        if len(rewards) > 1:
            raise ValueError(
                f"there are {len(rewards)} rewards; choose by combine= how they become one: "
                f"{', '.join(COMBINE)}"
            )
        if weights is not None or options:
            given = "weights" if weights is not None else next(iter(options))
            raise ValueError(f"{given} is for rewards that are combined; choose how by combine=")
        return
    if combine not in COMBINE:
        raise ValueError(f"combine is {combine!r}; choose from {listed(COMBINE, combine)}")
    kind = combination_named(combine)
    if weights is not None and kind.weighting == "none":
        raise ValueError(f"combine {combine!r} takes no weights; leave them out")
    if combine == "vote":
        if not options.get("rule"):
            raise ValueError(
                "combine='vote' needs rule=, the voting rule, such as rule='kemeny'; see rlchf rules"
            )
        of_rule = {key: value for key, value in options.items() if key not in ("rule", "ties")}
        check_options(options["rule"], of_rule, options.get("ties"))
        return
    types = kind.option_types()
    for name, value in options.items():
        if name in kind.mappings:
            continue
        if name not in types:
            known = [*kind.mappings, *types]
            hint = meant(name, known) or f"it has {', '.join(known) or 'none'}"
            raise ValueError(f"combine {combine!r} has no option {name!r}; {hint}")
        checked(types[name], value, f"option {name}")
