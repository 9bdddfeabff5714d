#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_readme.sh BUILD: what the README tells a stranger to do, taken from it word for word, against
# an installation of BUILD in a scratch folder.
set -euo pipefail
build=${1:?usage: test_readme.sh BUILD}
readme=$(cd "$(dirname "$0")/../.." && pwd)/README.md
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# block LANGUAGE N: the Nth code block of that language
block() {
    awk -v fence="\`\`\`$1" -v wanted="$2" '
        $0 == fence { n++; inside = n == wanted; next }
        /^```/ { inside = 0 }
        inside' "$readme"
}

export HOME=$scratch
cmake --install "$build" --prefix "$scratch/mote" >/dev/null
cd "$scratch"
block c 1 >guest.c
block c 2 >host.c
for i in 1 2; do
    block sh $i >commands$i
    block text $i >expected$i
    [ -s commands$i ] && [ -s expected$i ] ||
        { echo "README.md has other blocks than this test knows" >&2; exit 1; }
done

# prints N: the Nth commands print the Nth text behind what building prints; "..." stands for any text.
prints() {
    local wanted printed
    bash -euo pipefail "commands$1" >log || { cat log >&2; exit 1; }
    printed=$(tail -n "$(wc -l <"expected$1")" log)
    wanted=$(sed -e 's/[][*?\\]/\\&/g' -e 's/\.\.\./*/g' "expected$1")
    # shellcheck disable=SC2053 # a pattern is meant
    [[ $printed == $wanted ]] || { diff -u "expected$1" <(echo "$printed") >&2; exit 1; }
}

prints 1
"$scratch/mote/bin/mote" run --invoke total guest tea 3 2>said && exit 1
grep -q price said
prints 2
man -M "$scratch/mote/share/man" --where 7 mote >/dev/null
echo "readme: the first program and the plugins print what the README says"
