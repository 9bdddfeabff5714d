#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# install.sh BUILD PREFIX: installs BUILD elsewhere and moves it to PREFIX.
set -euo pipefail
build=${1:?usage: install.sh BUILD PREFIX} prefix=${2:?usage: install.sh BUILD PREFIX}

rm -rf "$prefix" "$prefix.elsewhere"
cmake --install "$build" --prefix "$prefix.elsewhere" >/dev/null
mv "$prefix.elsewhere" "$prefix"
! grep -rlF -e "$prefix.elsewhere" "$prefix" || {
    echo "these files know where they were installed" >&2
    exit 1
}
