#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# check.sh INCLUDE: each public header compiles alone, as C11 and C++17, with everything pedantic;
# calls with wrong types do not compile; shared structures are laid out as promised.
set -euo pipefail
include=$1
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
warnings=(-Wall -Wextra -Wpedantic -Wshadow -Wcast-qual -Wpointer-arith -Wundef -Werror)
c=(-std=c11 -Wstrict-prototypes -Wmissing-prototypes "${warnings[@]}" "-I$include")
cxx=(-x c++ -std=c++17 "${warnings[@]}" "-I$include")

die() {
    echo "headers: $*" >&2
    exit 1
}

# alone COMPILER HEADER FLAGS...: twice in one file, and used from nothing before it.
alone() {
    local compiler=$1 header=$2
    shift 2
    printf '#include <%s>\n#include <%s>\n' "$header" "$header" >"$scratch/alone.c"
    "$compiler" "$@" -c "$scratch/alone.c" -o /dev/null || die "$compiler: $header does not compile alone"
}

# refuses COMPILER CASES FLAGS...
refuses() {
    local compiler=$1 cases=$2 case
    shift 2
    "$compiler" "$@" -DCASE=0 -c "$here/bad_call.c" -o /dev/null || die "$compiler: good calls do not compile"
    for ((case = 1; case <= cases; case++)); do
        ! "$compiler" "$@" -DCASE=$case -c "$here/bad_call.c" -o /dev/null 2>"$scratch/said" ||
            die "$compiler: bad_call.c, case $case compiles"
        grep -q 'bad_call\.c:[0-9]' "$scratch/said" ||
            die "$compiler: case $case does not name the line: $(cat "$scratch/said")"
    done
    echo "headers: $compiler: $cases wrong calls refused"
}

# layout COMPILER FLAGS...: as the host sees it, and as a guest does.
layout() {
    local compiler=$1
    shift
    "$compiler" "$@" -fsyntax-only "$here/layout.c" || die "$compiler: layout.c does not hold"
}

for compiler in gcc clang; do
    layout "$compiler" "${c[@]}"
    layout "$compiler" "${c[@]}" -DGUEST
    for header in mote.h mote_call.h mote_executor.h mote_guest.h mote_abi.h; do
        alone "$compiler" $header "${c[@]}"
    done
    refuses "$compiler" 12 "${c[@]}"
done
for compiler in g++ clang++; do
    layout "$compiler" "${cxx[@]}"
    layout "$compiler" "${cxx[@]}" -DGUEST
    alone "$compiler" mote_guest.h "${cxx[@]}" -fno-exceptions -fno-rtti
    for header in mote.h mote_call.h mote_executor.h mote_guest.h mote_abi.h; do
        alone "$compiler" $header "${cxx[@]}"
    done
    refuses "$compiler" 11 "${cxx[@]}"
done
