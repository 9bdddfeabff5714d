#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_readme.sh BUILD: the README's first program, taken from it word for word, against an
# installation of BUILD in a scratch folder.
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
block sh 1 >commands
block text 1 >expected
[ -s guest.c ] && [ -s host.c ] && [ -s commands ] && [ -s expected ] ||
    { echo "README.md has other blocks than this test knows" >&2; exit 1; }
bash -euo pipefail commands >printed
diff -u expected printed
"$scratch/mote/bin/mote" run --invoke total guest tea 3 2>said && exit 1
grep -q price said
echo "readme: the first program prints what the README says"
