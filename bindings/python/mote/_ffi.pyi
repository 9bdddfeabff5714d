# SPDX-License-Identifier: Apache-2.0
# Made by ffi_build.py; what it declares is C, which has no Python types.
from typing import Any

ffi: Any
