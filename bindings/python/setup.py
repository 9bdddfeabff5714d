# SPDX-License-Identifier: Apache-2.0
# The rest is in pyproject.toml.
from setuptools import setup

setup(cffi_modules=["ffi_build.py:ffi"])
