#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_python.sh SCRATCH: the wheel of the Python binding, built from the installed header, installed
# into a virtual environment, tested against the installed library and type-checked.
set -euo pipefail
scratch=${1:?usage: test_python.sh SCRATCH}
prefix=${MOTE_PREFIX:?where mote is installed}
here=$(cd "$(dirname "$0")" && pwd)
binding=$here/../../bindings/python
[ -d "$binding" ] || binding=$here/../python

quietly() {
    "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; exit 1; }
}

rm -rf "$scratch"
mkdir -p "$scratch"
cp -r "$binding" "$scratch/source" # setuptools writes into the folder that it builds
cd "$scratch"

# cffi, pytest and mypy come from Debian's packages, so that no network is needed.
quietly /usr/bin/python3 -m venv --system-site-packages venv
export MOTE_HEADER=$prefix/include/mote.h
quietly venv/bin/python -m pip wheel --no-deps --no-build-isolation --no-index -w dist ./source
quietly venv/bin/python -m pip install --no-deps --no-index dist/mote-*-py3-none-any.whl

[ "$prefix" = /usr ] || export MOTE_LIBRARY=$prefix/lib/libmote.so.0
cp -r "$binding/tests" tests
venv/bin/python -m pytest -q -p no:cacheprovider tests
cp "$binding/pyproject.toml" .

# The README's example, with the guest of the first program.
block() {
    awk -v fence="\`\`\`$1" '$0 == fence { inside = !done; next } /^```/ { done = done || inside; inside = 0 } inside' "$2"
}
readme=$binding/../../README.md
if [ -f "$readme" ]; then
    block c "$readme" >guest.c
    musl-gcc -static -I"$prefix/include" guest.c -L"$prefix/lib/musl" -lmote_guest -o guest
    block python "$binding/README.md" >example.py
    [ "$(venv/bin/python example.py)" = 750 ] || { echo "the example of the README fails" >&2; exit 1; }
fi

MYPYPATH=source venv/bin/python -m mypy --strict --no-incremental tests source/mote
