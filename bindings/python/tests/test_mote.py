# SPDX-License-Identifier: Apache-2.0
import math
import pathlib
import sys
import threading
import time
from typing import List, Tuple

import pytest

import mote
from mote._ffi import ffi
from mote.errors import BY_NAME

# ---- hosts and images -----------------------------------------------------------


def test_no_hypervisor() -> None:
    with pytest.raises(mote.BackendError) as caught:
        mote.Host(device="/dev/null")
    assert caught.value.code == "MOTE_EBACKEND"
    assert "/dev/null" in str(caught.value) and caught.value.remedy


def test_image_tells_its_functions(echo: mote.Image) -> None:
    functions = {function.name: function.signature for function in echo.exports}
    assert functions["echo_string"] == "(string)->string"
    assert echo.imports == []


def test_image_from_bytes_and_not_an_image(host: mote.Host, guests: pathlib.Path) -> None:
    image = mote.Image(host, (guests / "echo").read_bytes(), name="from memory")
    image.boot()
    with pytest.raises(mote.ImageError, match="not an ELF file"):
        mote.Image(host, b"no guest", name="some words")
    with pytest.raises(mote.SystemFailure) as caught:
        mote.Image(host, guests / "none")
    assert caught.value.detail == 2


def test_closing_the_host_closes_all(guests: pathlib.Path) -> None:
    with mote.Host() as host:
        image = mote.Image(host, guests / "echo")
        policy = mote.Policy(host)
        box = mote.Sandbox(image, policy)
    assert host.closed and image.closed and policy.closed and box.closed
    box.close()
    with pytest.raises(ValueError, match="closed"):
        box.call("nothing")


# ---- values ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, value",
    [
        ("echo_i32", -(2**31)),
        ("echo_u32", 2**32 - 1),
        ("echo_i64", -(2**63)),
        ("echo_u64", 2**64 - 1),
        ("echo_f32", -0.5),
        ("echo_f64", 0.1),
        ("echo_bool", True),
        ("echo_string", "two words, ü and \0"),
        ("echo_string", "not UTF-8: \udcff"),
        ("echo_bytes", b""),
        ("echo_bytes", bytes(range(256)) * 1000),
    ],
)
def test_values_come_back(echo: mote.Image, name: str, value: mote.Value) -> None:
    with mote.Sandbox(echo) as box:
        answer = box.call(name, value)
    assert answer == value and type(answer) is type(value)


def test_many_values(echo: mote.Image) -> None:
    with mote.Sandbox(echo) as box:
        answer = box.call("mixed11", -1, 2, -3, 4, 0.5, -0.0, True, "text", b"\xab", 10, 11.25)
        assert answer == "-1 2 -3 4 0.5 -0 1 text 1:ab 10 11.25"
        assert math.isnan(box.call("echo_f64", math.nan))  # type: ignore[arg-type]
        assert box.call("nothing") is None


def test_values_that_do_not_fit(echo: mote.Image) -> None:
    with mote.Sandbox(echo) as box:
        with pytest.raises(OverflowError, match="argument 1"):
            box.call("echo_i32", 2**31)
        with pytest.raises(OverflowError):
            box.call("echo_u32", -1)
        with pytest.raises(TypeError, match="argument 1"):
            box.call("echo_string", b"bytes")
        with pytest.raises(TypeError):
            box.call("echo_bytes", "text")
        with pytest.raises(TypeError, match="takes 1 arguments, 0 given"):
            box.call("echo_i32")
        with pytest.raises(mote.NotFound, match="echo_i32"):
            box.call("ecco_i32", 1)
        assert box.call("echo_i32", 1) == 1


# ---- life of a sandbox -----------------------------------------------------------


def test_state_and_reset(echo: mote.Image) -> None:
    with mote.Sandbox(echo, init_data=b"for you") as box:
        assert [box.call("count") for _ in range(3)] == [1, 2, 3]
        box.reset()
        assert box.call("count") == 1
        assert box.call("init_data") == b"for you"
        assert box.report.resets == 1 and box.report.exits > 0


def test_fault_poisons_until_reset(host: mote.Host, guests: pathlib.Path) -> None:
    with mote.Sandbox(mote.Image(host, guests / "faults")) as box:
        with pytest.raises(mote.Fault, match="0xdead0000"):
            box.call("wild_write", 0xDEAD0000)
        report = box.report
        assert (report.fault, report.access, report.address) == ("page fault", "write", 0xDEAD0000)
        assert report.symbol.startswith("wild_write") and report.registers["rip"] > 0
        assert box.state == "poisoned"
        with pytest.raises(mote.Poisoned):
            box.call("alive")
        box.reset()
        assert box.state == "ready" and box.call("alive") == 42


def test_guest_error_does_not_poison(echo: mote.Image) -> None:
    with mote.Sandbox(echo) as box:
        with pytest.raises(mote.GuestError, match="bad thing") as caught:
            box.call("fail", 5, "bad thing")
        assert caught.value.detail == 5
        assert box.call("echo_i32", 1) == 1


def test_deadline(host: mote.Host, guests: pathlib.Path) -> None:
    image = mote.Image(host, guests / "faults")
    with mote.Sandbox(image, mote.Policy(host, deadline=0.05)) as box:
        with pytest.raises(mote.DeadlineExceeded):
            box.call("spin")
        box.reset()
        with pytest.raises(TimeoutError):
            box.call("spin", deadline=0.02)
        with pytest.raises(ValueError):
            box.call("alive", deadline=0)


def test_interrupt_from_another_thread(host: mote.Host, guests: pathlib.Path) -> None:
    with mote.Sandbox(mote.Image(host, guests / "faults")) as box:
        assert not box.interrupt()
        ended = []

        def interrupt() -> None:
            while not box.interrupt():  # runs while the guest does: the GIL is free
                time.sleep(0.001)
            ended.append(True)

        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(mote.Interrupted):
            box.call("spin", deadline=20)
        thread.join()
        assert ended


def test_one_thread_at_a_time(host: mote.Host, guests: pathlib.Path) -> None:
    with mote.Sandbox(mote.Image(host, guests / "faults")) as box:
        caught = []

        def spin() -> None:
            try:
                box.call("spin", deadline=20)
            except mote.Error as problem:
                caught.append(problem)

        thread = threading.Thread(target=spin)
        thread.start()
        busy = False
        while not busy:
            try:
                _ = box.report
            except mote.Busy:
                busy = True
        with pytest.raises(mote.Busy):
            box.close()
        while not box.interrupt():
            time.sleep(0.001)
        thread.join()
        assert isinstance(caught[0], mote.Interrupted)


def test_memory(echo: mote.Image) -> None:
    with mote.Sandbox(echo) as box:
        with pytest.raises(mote.RangeError):
            box.read_memory(0, 1)
        with pytest.raises(mote.RangeError):
            box.write_memory(2**64 - 1, b"xy")


def test_program(host: mote.Host, guests: pathlib.Path) -> None:
    said: List[bytes] = []
    policy = mote.Policy(host)
    policy.stream(1, write=said.append)
    policy.stream(2, write=said.append)
    image = mote.Image(host, guests / "hello_plain")
    with mote.Sandbox(image, policy, args=["hello", "7", "two words"], env={"A": "b"}) as box:
        assert box.run() == 7
        assert box.state == "closed" and box.report.code == 7
        box.reset()
        assert box.run() == 7
    text = b"".join(said).decode()
    assert text.count("hello from a plain program") == 2 and "two words" in text


def test_input(host: mote.Host, guests: pathlib.Path) -> None:
    given = [b"one\n", b"two"]
    said: List[bytes] = []
    policy = mote.Policy(host)
    policy.stream(0, read=lambda size: given.pop(0) if given else b"")
    policy.stream(1, write=said.append)
    with mote.Sandbox(mote.Image(host, guests / "cli_cat"), policy) as box:
        assert box.run() == 0
    assert b"".join(said) == b"one\ntwo"


def test_buffers_and_trace(host: mote.Host, guests: pathlib.Path) -> None:
    calls: List[mote.Syscall] = []
    policy = mote.Policy(host)
    policy.input(0, b"one\ntwo")
    policy.capture(1, limit=1000)
    policy.trace(calls.append)
    with mote.Sandbox(mote.Image(host, guests / "cli_cat"), policy) as box:
        for _ in range(2):
            assert box.run() == 0
            assert box.output(1) == b"one\ntwo"
            with pytest.raises(mote.InvalidArgument):
                box.output(2)
            box.reset()
            assert box.output(1) == b""
    assert {"read", "exit_group"} <= {call.name for call in calls}


def test_descriptor_of_the_host(
    host: mote.Host, guests: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    policy = mote.Policy(host)
    with open(tmp_path / "out", "wb") as file:
        policy.descriptor(1, file.fileno(), write=True)
    with mote.Sandbox(mote.Image(host, guests / "hello_plain"), policy, args=["hello"]) as box:
        assert box.run() == 0
    assert (tmp_path / "out").read_bytes() == b"hello from a plain program\n"


def test_grants_of_files_are_checked(host: mote.Host, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("text")
    policy = mote.Policy(host, clock="frozen", frozen_time=1.5, random="seeded", random_seed=1)
    policy.directory(tmp_path, "/data", write=True)
    policy.file(tmp_path / "file", "/file")
    with pytest.raises(mote.InvalidArgument):
        policy.file(tmp_path / "file", "/file")
    with pytest.raises(mote.SystemFailure):
        policy.directory(tmp_path / "none", "/none")
    with pytest.raises(ValueError, match="clock must be one of"):
        mote.Policy(host, clock="fast")


def test_frames(host: mote.Host, guests: pathlib.Path) -> None:
    image = mote.Image(host, guests / "faults")
    with mote.Sandbox(image) as box:
        with pytest.raises(mote.Fault):
            box.call("wild_write", 0xDEAD0000)
        frames = box.report.frames
        assert frames and image.symbol(frames[0]).startswith("wild_write")
    assert image.symbol(1) == ""


def test_backtrace(host: mote.Host, guests: pathlib.Path) -> None:
    with mote.Sandbox(mote.Image(host, guests / "faults")) as box:
        with pytest.raises(mote.Fault):
            box.call("ud2")
        report = box.report
        assert report.backtrace[0].startswith("ud2") and report.vector == 6
        assert len(report.backtrace) == len(report.frames) > 1
        assert all("+0x" in place or place.startswith("0x") for place in report.backtrace)
        box.reset()
        assert box.call("alive") == 42 and box.report.backtrace == ()


def test_image_info(host: mote.Host, guests: pathlib.Path) -> None:
    info = mote.Image(host, guests / "echo").info
    assert not info.program and info.abi_version == (1, 0) and info.symbols and info.lines
    assert {"r--", "r-x", "rw-"} == {segment.access for segment in info.segments}
    assert any(s.address <= info.entry < s.address + s.memory_size for s in info.segments)
    assert info.memory > 0 and info.stack == 8 << 20 and info.window == 0
    assert mote.Image(host, guests / "hello_plain").info.program


def test_log_of_the_host(guests: pathlib.Path) -> None:
    lines: List[Tuple[int, str]] = []
    with mote.Host(log=lambda level, text: lines.append((level, text))) as host:
        mote.Image(host, guests / "echo", name="an echo").boot()
    assert any(level < 3 and text.startswith("an echo: booted") for level, text in lines)


def test_log_of_the_host_that_raises(
    guests: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caught: List[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda it: caught.append(repr(it.exc_value)))

    def log(level: int, text: str) -> None:
        raise KeyError("lost")

    with mote.Host(log=log) as host:
        mote.Image(host, guests / "echo").boot()
    assert caught == ["KeyError('lost')"]


def test_every_error_has_a_class() -> None:
    codes = set(ffi.typeof("enum mote_error_code").relements) - {"MOTE_OK"}
    assert codes == set(BY_NAME)
    assert set(BY_NAME.values()) <= {getattr(mote, name) for name in mote.__all__}


def test_log(host: mote.Host, echo: mote.Image) -> None:
    lines = []
    policy = mote.Policy(host)
    policy.log(lambda level, text: lines.append((level, text)))
    with mote.Sandbox(echo, policy) as box:
        box.call("log", 2, "a line")
    assert lines == [(2, "a line")]


# ---- host functions ---------------------------------------------------------------


class Env:
    """Everything that the guest `hostcalls` imports."""

    def __init__(self, host: mote.Host) -> None:
        self.policy = mote.Policy(host)
        self.taken = b""
        self.problem: BaseException = mote.GuestFailure(7, "no luck")
        self.policy.function("env", "add", "(i32,i32)->i32", lambda a, b: a + b)
        self.policy.function("env", "greet", "(string)->string", lambda name: f"Hello, {name}!")
        self.policy.function("env", "fail", "()->i32", self.fail)
        self.policy.function("env", "take", "(bytes)->void", self.take)
        self.policy.function("env", "give", "(u32)->bytes", self.give)
        mixed = "(i32,u32,i64,u64,f32,f64,bool,string,bytes,i32,f64)->f64"
        self.policy.function("env", "mixed", mixed, lambda *args: float(len(args)))

    def fail(self) -> int:
        raise self.problem

    def take(self, data: bytes) -> None:
        self.taken = data

    def give(self, size: int) -> bytes:
        return self.taken[:size]


def test_host_functions(host: mote.Host, guests: pathlib.Path) -> None:
    env = Env(host)
    with mote.Sandbox(mote.Image(host, guests / "hostcalls"), env.policy) as box:
        assert box.call("add", 2, 40) == 42
        assert box.call("greet", "world") == "Hello, world!"
        assert box.call("round_trip", 100_000) is True
        assert box.call("mixed", "text", b"bytes") == 11.0
        assert box.report.host_calls == 1


def test_guest_failure_is_the_guests_to_handle(host: mote.Host, guests: pathlib.Path) -> None:
    env = Env(host)
    with mote.Sandbox(mote.Image(host, guests / "hostcalls"), env.policy) as box:
        assert box.call("fail_text") == "no luck"
        assert box.state == "ready"


def test_other_exceptions_end_the_call(host: mote.Host, guests: pathlib.Path) -> None:
    env = Env(host)
    env.problem = KeyError("lost")
    with mote.Sandbox(mote.Image(host, guests / "hostcalls"), env.policy) as box:
        with pytest.raises(mote.HostFunctionError) as caught:
            box.call("fail_text")
        assert caught.value.__cause__ is env.problem
        assert box.state == "poisoned"
        box.reset()
        env.problem = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            box.call("fail_text")
        box.reset()
        assert box.call("add", 1, 2) == 3


def test_wrong_result_is_an_error_of_the_host_function(
    host: mote.Host, guests: pathlib.Path
) -> None:
    env = Env(host)
    with mote.Sandbox(mote.Image(host, guests / "hostcalls"), env.policy) as box:
        with pytest.raises(mote.HostFunctionError) as caught:
            box.call("add", 2**31 - 1, 1)
        assert isinstance(caught.value.__cause__, OverflowError)


def test_missing_import_and_frozen_policy(host: mote.Host, guests: pathlib.Path) -> None:
    image = mote.Image(host, guests / "hostcalls")
    assert {f.name for f in image.imports if not f.weak} == {
        "add", "greet", "fail", "take", "give", "mixed"
    }  # fmt: skip
    with pytest.raises(mote.MissingImport, match="env"):
        mote.Sandbox(image)
    policy = Env(host).policy
    with pytest.raises(mote.InvalidArgument):
        policy.function("env", "twice", "(i32->i32", lambda x: x)
    with mote.Sandbox(image, policy):
        with pytest.raises(mote.Frozen):
            policy.function("env", "late", "()->void", lambda: None)


def test_a_host_function_may_use_the_memory_but_not_close(
    host: mote.Host, guests: pathlib.Path
) -> None:
    seen = []
    policy = mote.Policy(host)
    for function in mote.Image(host, guests / "hostcalls").imports:
        policy.function(function.module, function.name, function.signature, lambda *args: probe())
    box = mote.Sandbox(mote.Image(host, guests / "hostcalls"), policy)

    def probe() -> int:
        for attempt in (lambda: box.read_memory(0, 1), box.close):
            try:
                attempt()
            except mote.Error as problem:
                seen.append(type(problem))
        return 7

    with box:
        assert box.call("add", 1, 1) == 7
    assert seen == [mote.RangeError, mote.Busy]


def test_many_threads_share_an_image(host: mote.Host, echo: mote.Image) -> None:
    wrong = []

    def work(number: int) -> None:
        with mote.Sandbox(echo) as box:
            for i in range(20):
                if box.call("echo_i64", number * 1000 + i) != number * 1000 + i:
                    wrong.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
