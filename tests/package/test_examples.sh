#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_examples.sh: every example as it was installed, copied, built alone against the installed
# library, run, and its output checked.
set -euo pipefail
prefix=${MOTE_PREFIX:?where mote is installed}
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export LC_ALL=C
unset MOTE_GUEST_DIR # the guests of the build tree are not for strangers

for folder in "$prefix"/share/doc/{libmote-dev,mote}/examples; do
    [ ! -d "$folder" ] || cp -r "$folder" "$scratch"
done
cd "$scratch"

fail() {
    echo "examples: $*" >&2
    exit 1
}

quietly() {
    "$@" >log 2>&1 || { cat log >&2; exit 1; }
}

build() {
    quietly cmake -G Ninja -S "examples/$1" -B "$1" -DCMAKE_PREFIX_PATH="$prefix"
    quietly cmake --build "$1"
    built+=" $1"
}

# prints EXPECTED COMMAND...: what it prints contains each line of EXPECTED, in this order.
prints() {
    local expected=$1 said
    shift
    said=$("$@" 2>&1) || fail "$* failed:"$'\n'"$said"
    diff <(echo "$expected") <(grep -xF -e "$expected" <<<"$said" || true) ||
        fail "$* printed:"$'\n'"$said"
}

built=
for folder in examples/*/; do
    build "$(basename "$folder")"
done

# ---- hello, hostile ----------------------------------------------------------------
[ "$(hello/hello | grep -c 'the guest says "Hello, world!"')" -eq 3 ] || fail "hello does not greet"
prints '    5 of 5 attacks ended, and the next call was right' hostile/hostile

# ---- event_loop --------------------------------------------------------------------
prints '    200 guests waited at once; 198 got the right sum, 2 waited in vain' event_loop/event_loop 200

# ---- executor ----------------------------------------------------------------------
prints '    303 jobs answered, each in a fresh sandbox; 4 were stopped' executor/executor

# ---- plugins -----------------------------------------------------------------------
mkdir folder
cp plugins/guests/plugins_count folder/1-count
cp plugins/guests/plugins_crash folder/2-crash
cp plugins/guests/plugins_shout folder/3-shout
echo 'not a guest' >folder/4-text
said=$(timeout 60 plugins/plugin_host folder 'three small words') || fail "plugin_host failed"
[[ $said = "1-count says: 3 words"$'\n'"2-crash failed: page fault: read at 0"*$'\n'"4-text is not a \
plugin: "*$'\n'"THREE SMALL WORDS" ]] || fail "plugin_host printed:"$'\n'"$said"

# ---- sqlite ------------------------------------------------------------------------
sql() {
    timeout 60 sqlite3 :memory: '.load sqlite/mote_sqlite' "SELECT mote_load('sqlite/guests/sql_functions')" "$@" 2>&1
}
prints $'4\nhello-big-world|6|' sql "SELECT slug(' Hello, big World! '), gcd(12, 18), slug(NULL)"
prints $'1\n1' sql 'SELECT calls_so_far() FROM (VALUES (1), (2))'
said=$(sql 'SELECT gcd(-9223372036854775808, -1)' || true)
[[ $said = *"divide error"* ]] || fail "sqlite printed: $said"
said=$(sql "SELECT mote_load('/dev/null')" || true)
[[ $said = *"/dev/null"* ]] || fail "sqlite printed: $said"

# ---- png_box -----------------------------------------------------------------------
python3 "$here/make_png.py" pictures
prints "    (20 grey, 20 grey+alpha, 20 palette, 20 RGB, 20 RGBA; 5 interlaced)" png_box/png_box pictures

echo "examples:$built: built against the installed library, and ran"
