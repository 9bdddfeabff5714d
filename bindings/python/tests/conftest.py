# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
from typing import Iterator

import pytest

import mote


@pytest.fixture(scope="session")
def guests() -> pathlib.Path:
    """Where the guests of mote's tests are."""
    return pathlib.Path(os.environ["MOTE_GUEST_DIR"])


@pytest.fixture
def host() -> Iterator[mote.Host]:
    with mote.Host() as opened:
        yield opened


@pytest.fixture
def echo(host: mote.Host, guests: pathlib.Path) -> mote.Image:
    return mote.Image(host, guests / "echo")
