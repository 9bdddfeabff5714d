#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_man.sh: every public function has a manual page, which man finds by the function's name once it
# is installed; mandoc and groff have nothing to say about any.
set -euo pipefail
prefix=${MOTE_PREFIX:?where mote is installed}
here=$(cd "$(dirname "$0")" && pwd)
pages=$here/../../docs/man

python3 "$here/check_man.py" "$prefix/include" "$pages"
mandoc -T lint -W warning "$pages"/*
for page in "$pages"/*; do
    said=$(man --warnings -E UTF-8 -l "$page" 2>&1 >/dev/null)
    [ -z "$said" ] || { echo "$page: $said" >&2; exit 1; }
done
names=$(awk '/^\.Sh/ { name = $2 == "NAME" } name && /^\.Nm mote_/ { print $2 }' "$pages"/*.3)
# shellcheck disable=SC2086 # words are meant
man -M "$prefix/share/man" --where --section 3 $names >/dev/null
