"""The adapters of frameworks that cannot be installed beside this project, called as those call them."""

import asyncio
import importlib.util
import inspect
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import FunctionJudge

from judge.errors import DataError, JudgeError
from judge.records import Verdict
from rl.adapters import micro_batches, openrlhf, verl
from rl.adapters.verifiers import rubric_functions


def verdict_of(record):
    """By the completion; the question must have come through."""
    assert record.prompt == "Capital of Peru?"
    if record.completion == "?":
        return None
    if record.completion == "I do not know":
        return Verdict.ABSTAIN
    return Verdict.CORRECT if record.completion in record.references else Verdict.WRONG


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> FunctionJudge:
    """In place of the judge that every process opens for itself."""
    judge = FunctionJudge(verdict_of)
    batches = micro_batches.MicroBatches(judge)
    for module in (verl, openrlhf):
        monkeypatch.setattr(module, "open_batches", lambda source, max_fpr: batches)
    return judge


def loaded_from_its_file(module: Any, name: str) -> Callable[..., Any]:
    """As verl and OpenRLHF load a reward function: from a path, under a name of their own."""
    spec = importlib.util.spec_from_file_location("custom_module", Path(module.__file__))
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return getattr(loaded, name)


# verl


def as_verl(solution: str, truth: Any = "Lima", **kwargs: Any) -> dict[str, float]:
    """All by keyword, the addresses of a reward model included, with `reward_kwargs` bound before."""
    function = partial(verl.compute_score, **kwargs)
    extra = {"split": "train", "index": 0, "question": "Capital of Peru?"}
    return function(
        data_source="nq", solution_str=solution, ground_truth=truth, extra_info=extra,
        reward_router_address=None, reward_model_tokenizer=None,
    )  # fmt: skip


def test_verl_gets_the_reward_and_the_verdict(judge):
    assert as_verl("Lima") == {"score": 1.0, "acc": 1.0, "abstain": 0.0, "wrong": 0.0, "unscored": 0.0}
    assert as_verl("Quito")["score"] == -1.0
    assert as_verl("I do not know", reward={"break_even": 0.75})["score"] == 0.5


def test_verl_may_have_several_right_answers_as_parquet_keeps_them(judge):
    array = pytest.importorskip("numpy").array(["Lima", "Ciudad de los Reyes"], dtype=object)
    assert as_verl("Ciudad de los Reyes", array)["acc"] == 1.0


def test_verl_asks_from_many_threads_and_each_gets_its_own(judge):
    answers = ["Lima", "Quito", "I do not know"] * 30
    with ThreadPoolExecutor(8) as threads:
        scores = [result["score"] for result in threads.map(as_verl, answers)]
    assert scores == [1.0, -1.0, 0.0] * 30


def test_verl_cannot_leave_a_sample_out_so_it_is_told(judge):
    with pytest.raises(JudgeError, match="unscored"):
        as_verl("?")
    assert as_verl("?", unscored=0.0) == {
        "score": 0.0, "acc": 0.0, "abstain": 0.0, "wrong": 0.0, "unscored": 1.0,
    }  # fmt: skip


def test_a_sample_without_a_right_answer_is_refused(judge):
    with pytest.raises(DataError, match="ground_truth"):
        as_verl("Lima", "")


def test_verl_loads_it_from_its_file_with_a_trained_judge(tiny_judge):
    compute_score = loaded_from_its_file(verl, "compute_score")
    assert compute_score("nq", "lima it is", "lima", None, judge=str(tiny_judge))["score"] == 1.0


# OpenRLHF

PROMPT = "<|im_start|>user\nCapital of Peru?<|im_end|>\n<|im_start|>assistant\n"


def test_openrlhf_gets_tensors_of_each_sample(judge):
    answers = ["Lima", "Quito", "I do not know"]
    result = openrlhf.reward_func(
        [f"{PROMPT}{answer}<|im_end|>" for answer in answers], [PROMPT] * 3, ["Lima"] * 3
    )
    assert result["rewards"].tolist() == [1.0, -1.0, 0.0]
    assert result["scores"].tolist() == [1.0, 0.0, 0.0]
    assert {name: values.tolist() for name, values in result["extra_logs"].items()} == {
        "correct": [1, 0, 0], "abstain": [0, 0, 1], "wrong": [0, 1, 0],
    }  # fmt: skip


def test_openrlhf_may_have_several_right_answers_in_a_label(judge):
    result = openrlhf.reward_func([f"<s>{PROMPT}Callao</s>"], [PROMPT], ['["Lima", "Callao"]'])
    assert result["scores"].tolist() == [1.0]


def test_a_query_without_its_prompt_is_refused(judge):
    with pytest.raises(DataError, match="expected the prompt"):
        openrlhf.reward_func(["Lima"], [PROMPT], ["Lima"])


def test_openrlhf_loads_it_from_its_file(tiny_judge):
    reward_func = partial(loaded_from_its_file(openrlhf, "reward_func"), judge=str(tiny_judge))

    async def rollouts(*answers: str) -> list[float]:
        """One sample a call, each in a thread of its own, and its tensor put in a list."""
        calls = [asyncio.to_thread(reward_func, [f"which? {a}</s>"], ["which?"], ["lima"]) for a in answers]
        results = await asyncio.gather(*calls)
        return [torch.tensor([result["rewards"]]).item() for result in results]

    assert asyncio.run(rollouts("lima", "quito", "it is lima")) == [1.0, -1.0, 1.0]


# verifiers


async def as_verifiers(function: Callable[..., Any], rollout: dict[str, Any]) -> float:
    """With the keyword arguments that the function's signature names, or all if it takes any."""
    parameters = inspect.signature(function).parameters.values()
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    names = [parameter.name for parameter in parameters]
    given = function(**{name: value for name, value in rollout.items() if takes_any or name in names})
    return float(await given if inspect.isawaitable(given) else given)


def rollout(answer: str) -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": "Capital of Peru?"}],
        "completion": [{"role": "assistant", "content": answer}],
        "answer": "Lima", "state": {}, "task": "default", "info": {},
    }  # fmt: skip


def test_a_rubric_gets_the_reward_and_each_verdict_under_its_name():
    functions = rubric_functions(FunctionJudge(verdict_of), reward={"break_even": 0.25})
    assert [function.__name__ for function in functions] == ["judge_reward", "correct", "abstain", "wrong"]

    async def score(answer: str) -> list[float]:
        return await asyncio.gather(*(as_verifiers(function, rollout(answer)) for function in functions))

    assert asyncio.run(score("Lima")) == [1.0, 1.0, 0.0, 0.0]
    assert asyncio.run(score("I do not know")) == [-0.5, 0.0, 1.0, 0.0]
    assert asyncio.run(score("Quito")) == [-1.0, 0.0, 0.0, 1.0]


def test_rollouts_scored_together_share_batches():
    class Judge(FunctionJudge):
        calls = 0

        def score(self, records):
            self.calls += 1
            time.sleep(0.1)  # the others gather
            return super().score(records)

    judge = Judge(verdict_of)
    reward, *_ = rubric_functions(judge)

    async def score() -> list[float]:
        return await asyncio.gather(*(as_verifiers(reward, rollout("Lima")) for _ in range(200)))

    assert asyncio.run(score()) == [1.0] * 200
    assert judge.calls < 20


def test_a_rollout_that_cannot_be_judged_is_an_error_or_what_is_set():
    with pytest.raises(JudgeError, match="unscored"):
        asyncio.run(as_verifiers(rubric_functions(FunctionJudge(verdict_of))[0], rollout("?")))
    lenient, *_ = rubric_functions(FunctionJudge(verdict_of), unscored=0.0)
    assert asyncio.run(as_verifiers(lenient, rollout("?"))) == 0.0
