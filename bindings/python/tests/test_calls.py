# SPDX-License-Identifier: Apache-2.0
"""Nested and suspended calls, and what calls may use."""
import asyncio
import pathlib
import threading
import time
from typing import Any, Callable, Dict, List

import pytest

import mote

SIGNATURES = {
    "down": "(u32)->u32",
    "around": "(string)->string",
    "act": "(u32)->void",
    "wait": "(u32)->u32",
    "wait_bytes": "(bytes,string)->bytes",
    "wait_only": "()->void",
}

Box = Callable[..., mote.Sandbox]


@pytest.fixture
def box(host: mote.Host, guests: pathlib.Path) -> Box:
    """Makes a sandbox of the guest `nested`; host functions that are not given answer later."""
    image = mote.Image(host, guests / "nested")

    def make(options: Dict[str, Any] = {}, **functions: Callable[..., Any]) -> mote.Sandbox:
        policy = mote.Policy(host, **options)
        policy.capture(1)
        for name, signature in SIGNATURES.items():
            later = functions.get(name, lambda *args: mote.PENDING)
            policy.function("env", name, signature, later)
        return mote.Sandbox(image, policy, user="a user")

    return make


def pending(answer: mote.Answer) -> mote.Pending:
    assert isinstance(answer, mote.Pending)
    return answer


# ---- nested ----------------------------------------------------------------------


def test_nested_calls(box: Box) -> None:
    def around(text: str) -> str:
        echoed = mote.current_sandbox().call("echo", text + "!")
        assert isinstance(echoed, str)
        return f"<{echoed}>"

    sandbox = box(down=lambda n: mote.current_sandbox().call("down", n), around=around)
    assert sandbox.call("down", 5) == 6
    assert sandbox.report.host_calls == 5
    assert sandbox.call("around", "text") == "<text!>|text"
    with pytest.raises(LookupError):
        mote.current_sandbox()


def test_nested_too_deep_is_the_host_functions_to_handle(box: Box) -> None:
    caught: List[mote.LimitReached] = []

    def down(n: int) -> mote.Answer:
        try:
            return mote.current_sandbox().call("down", n)
        except mote.LimitReached as problem:
            caught.append(problem)
            return 100

    assert box(down=down).call("down", 50) == 100 + 9 and len(caught) == 1


def test_nested_errors_that_do_not_poison(box: Box) -> None:
    def act(what: int) -> None:
        with pytest.raises(mote.GuestError, match="inner"):
            mote.current_sandbox().call("fail_here")

    sandbox = box(act=act)
    assert sandbox.call("outer", 1) == 2 and sandbox.state == "ready"


def test_nested_fault_ends_all(box: Box) -> None:
    raised: List[BaseException] = []

    def act(what: int) -> None:
        try:
            mote.current_sandbox().call("crash")
        except mote.Fault as problem:
            raised.append(problem)
            with pytest.raises(mote.Poisoned):
                mote.current_sandbox().call("alive")

    sandbox = box(act=act)
    with pytest.raises(mote.Fault) as caught:
        sandbox.call("outer", 1)
    assert len(raised) == 1 and caught.value.code == "MOTE_EFAULT"
    assert sandbox.report.symbol.startswith("crash") and sandbox.state == "poisoned"
    sandbox.reset()
    assert sandbox.call("alive") == 42


def test_an_exception_passes_through_nested_calls(box: Box) -> None:
    first = ZeroDivisionError("at the bottom")

    def down(n: int) -> mote.Answer:
        if n == 0:
            raise first
        return mote.current_sandbox().call("down", n)

    sandbox = box(down=down)
    with pytest.raises(mote.HostFunctionError) as caught:
        sandbox.call("down", 3)
    causes: List[BaseException] = [caught.value]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    assert causes[-1] is first
    assert [type(cause) for cause in causes[:-1]] == [mote.HostFunctionError] * 3


def test_nested_in_another_sandbox(box: Box) -> None:
    seen: List[mote.Sandbox] = []
    inner = box(act=lambda what: seen.append(mote.current_sandbox()))

    def act(what: int) -> None:
        inner.call("outer", what)
        seen.append(mote.current_sandbox())

    outer = box(act=act)
    assert outer.call("outer", 7) == 8 and seen == [inner, outer]
    assert outer.user == "a user"


def test_streams_and_logs_may_not_call(host: mote.Host, guests: pathlib.Path) -> None:
    policy = mote.Policy(host)
    for name, signature in SIGNATURES.items():
        policy.function("env", name, signature, lambda *args: mote.PENDING)
    policy.log(lambda level, text: mote.current_sandbox().call("alive"))  # type: ignore
    with mote.Sandbox(mote.Image(host, guests / "nested"), policy) as sandbox:
        with pytest.raises(mote.HostFunctionError) as caught:
            sandbox.call("log_line")
        assert isinstance(caught.value.__cause__, mote.Busy)


# ---- suspended --------------------------------------------------------------------


def test_suspended_and_resumed(box: Box) -> None:
    sandbox = box()
    question = pending(sandbox.call("wait", 5))
    assert (question.module, question.name, question.args) == ("env", "wait", (5,))
    assert question.sandbox is sandbox and sandbox.pending is question
    assert sandbox.state == "suspended"
    with pytest.raises(mote.Suspended):
        sandbox.call("alive")
    assert question.resume(7) == 7
    assert sandbox.state == "ready" and sandbox.pending is None
    with pytest.raises(mote.InvalidArgument, match="env.wait waits no longer"):
        question.resume(7)


def test_again_and_again(box: Box) -> None:
    answer = box().call("wait_often", 10)
    for i in range(1, 11):
        question = pending(answer)
        assert question.args == (i,)
        answer = question.resume(2 * i)
    assert answer == 110


def test_an_old_question_cannot_be_answered_again(box: Box) -> None:
    sandbox = box()
    first = pending(sandbox.call("wait_often", 2))
    second = pending(first.resume(1))
    with pytest.raises(mote.InvalidArgument):
        first.resume(1)
    with pytest.raises(mote.InvalidArgument):
        first.cancel()
    assert second.resume(1) == 2


def test_bytes_and_nothing(box: Box) -> None:
    sandbox = box()
    question = pending(sandbox.call("wait_bytes", b"data" * 10000, "text"))
    assert question.args == (b"data" * 10000, "text")
    assert question.resume(b"answer" * 10000) == b"answer" * 10000
    question = pending(sandbox.call("wait_only"))
    with pytest.raises(TypeError, match="wait_only has no result"):
        question.resume(1)
    assert question.resume() is None


def test_a_wrong_answer_leaves_it_suspended(box: Box) -> None:
    sandbox = box()
    question = pending(sandbox.call("wait", 5))
    with pytest.raises(OverflowError):
        question.resume(-1)
    with pytest.raises(TypeError):
        question.resume("text")
    with pytest.raises(OverflowError):
        question.fail(2**40, "text")
    assert sandbox.pending is question and question.resume(1) == 1


def test_fail(box: Box) -> None:
    question = pending(box().call("wait", 5))
    with pytest.raises(mote.GuestError, match="no answer ü"):
        question.fail(9, "no answer ü")


def test_cancel_and_reset(box: Box) -> None:
    sandbox = box()
    question = pending(sandbox.call("wait", 5))
    question.cancel()
    assert sandbox.state == "poisoned" and sandbox.report.fault == "interrupt"
    with pytest.raises(mote.InvalidArgument):
        question.resume(1)
    sandbox.reset()
    question = pending(sandbox.call("wait", 5))
    sandbox.reset()
    assert sandbox.state == "ready" and sandbox.pending is None
    with pytest.raises(mote.InvalidArgument):
        question.cancel()
    pending(sandbox.call("wait", 5))
    sandbox.close()


def test_interrupted_while_suspended(box: Box) -> None:
    sandbox = box()
    question = pending(sandbox.call("wait", 5))
    assert sandbox.interrupt()
    with pytest.raises(mote.Interrupted):
        question.resume(1)
    assert sandbox.pending is None and sandbox.state == "poisoned"


def test_deadline_of_a_suspended_call(box: Box) -> None:
    sandbox = box({"deadline": 30})
    assert sandbox.deadline is None
    question = pending(sandbox.call("wait", 5))
    assert sandbox.deadline is not None and 0 < sandbox.deadline - time.monotonic() <= 30
    assert question.resume(1) == 1 and sandbox.deadline is None
    question = pending(sandbox.call("wait", 5, deadline=0.01))
    time.sleep(0.02)
    with pytest.raises(mote.DeadlineExceeded):
        question.resume(1)
    sandbox.reset()
    question = pending(sandbox.call("wait_often", 2))
    question = pending(question.resume(1, deadline=0.01))
    assert sandbox.deadline is not None and sandbox.deadline - time.monotonic() <= 0.01
    with pytest.raises(ValueError):
        question.resume(1, deadline=0)


def test_resumed_by_another_thread(box: Box) -> None:
    question = pending(box().call("wait", 5))
    answers: List[mote.Answer] = []
    thread = threading.Thread(target=lambda: answers.append(question.resume(6)))
    thread.start()
    thread.join()
    assert answers == [6]


def test_pending_inside_a_nested_call_is_a_failure(box: Box) -> None:
    sandbox = box(act=lambda what: mote.current_sandbox().call("wait", 1))
    with pytest.raises(mote.HostFunctionError):
        sandbox.call("outer", 1)


def test_callbacks_that_raise_before_the_question(host: mote.Host, guests: pathlib.Path) -> None:
    problem: List[BaseException] = [KeyError("lost"), KeyboardInterrupt()]

    def act(what: int) -> Any:
        try:
            mote.current_sandbox().call("log_line")
        except mote.HostFunctionError as failure:
            assert isinstance(failure.__cause__, KeyError)
        return mote.PENDING

    def log(level: int, text: str) -> None:
        raise problem.pop(0)

    policy = mote.Policy(host)
    for name, signature in SIGNATURES.items():
        policy.function("env", name, signature, act)
    policy.log(log)
    with mote.Sandbox(mote.Image(host, guests / "nested"), policy) as sandbox:
        question = pending(sandbox.call("outer", 1))
        assert question.resume() == 2  # the nested call has told of it
        with pytest.raises(KeyboardInterrupt):
            sandbox.call("log_line")


def test_many_questions_at_once(host: mote.Host, guests: pathlib.Path) -> None:
    """asyncio and one policy: many guests wait, and one thread answers them."""

    async def ask(image: mote.Image, policy: mote.Policy, number: int) -> mote.Answer:
        with mote.Sandbox(image, policy) as sandbox:
            answer = sandbox.call("wait_often", 3)
            while isinstance(answer, mote.Pending):
                await asyncio.sleep(0.001)
                answer = answer.resume(number)
            return answer

    async def ask_all() -> List[mote.Answer]:
        image, policy = mote.Image(host, guests / "nested"), mote.Policy(host)
        for name, signature in SIGNATURES.items():
            policy.function("env", name, signature, lambda *args: mote.PENDING)
        return await asyncio.gather(*(ask(image, policy, number) for number in range(20)))

    assert asyncio.run(ask_all()) == [3 * number for number in range(20)]


# ---- what calls may use ------------------------------------------------------------


def test_cpu_time(host: mote.Host, guests: pathlib.Path) -> None:
    image = mote.Image(host, guests / "faults")
    with mote.Sandbox(image, mote.Policy(host, cpu_time=True)) as sandbox:
        sandbox.call("count_to", 10_000_000)
        assert 0 < sandbox.report.cpu_time
    with mote.Sandbox(image) as sandbox:
        sandbox.call("alive")
        assert sandbox.report.cpu_time == 0.0


def test_cpu_budget(host: mote.Host, guests: pathlib.Path) -> None:
    image = mote.Image(host, guests / "faults")
    with mote.Sandbox(image, mote.Policy(host, cpu_budget=0.02)) as sandbox:
        with pytest.raises(mote.CpuExceeded) as caught:
            sandbox.call("spin", deadline=60)
        assert isinstance(caught.value, mote.DeadlineExceeded)
        assert sandbox.report.fault == "CPU budget" and sandbox.report.cpu_time >= 0.02


def test_call_bytes(host: mote.Host, echo: mote.Image) -> None:
    with mote.Sandbox(echo, mote.Policy(host, call_bytes=1000)) as sandbox:
        assert sandbox.call("echo_bytes", b"x" * 1000) == b"x" * 1000
        with pytest.raises(mote.LimitReached):
            sandbox.call("echo_bytes", b"x" * 1001)


def test_refused_system_calls(host: mote.Host, guests: pathlib.Path) -> None:
    image = mote.Image(host, guests / "cli_probe")
    args = ["probe", "read", "/etc/passwd"]
    with mote.Sandbox(image, mote.Policy(host, refuse_by_fault=True), args=args) as sandbox:
        with pytest.raises(mote.Refused):
            sandbox.run()
        assert sandbox.report.text.startswith("open")
    with mote.Sandbox(image, mote.Policy(host), args=args) as sandbox:
        assert sandbox.run() == 1 and sandbox.report.refused > 0


def test_results_of_a_function_that_many_threads_share(
    host: mote.Host, guests: pathlib.Path
) -> None:
    """What a host function answered stays whole while other threads are in the same one."""
    policy = mote.Policy(host)
    for name, signature in SIGNATURES.items():
        policy.function("env", name, signature, lambda *args: f"{args[0]}" * 1000)
    image = mote.Image(host, guests / "nested")
    wrong: List[int] = []

    def work(number: int) -> None:
        with mote.Sandbox(image, policy) as sandbox:
            for _ in range(30):
                if sandbox.call("around", f"{number}") != f"{number}" * 1000 + f"|{number}":
                    wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
