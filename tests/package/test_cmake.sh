#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_cmake.sh: host and guest of a stranger, built by find_package(mote).
set -euo pipefail
prefix=${MOTE_PREFIX:?where mote is installed}
consumer=$(cd "$(dirname "$0")/consumer" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

quietly() {
    "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; exit 1; }
}

quietly cmake -G Ninja -S "$consumer" -B "$scratch/build" -DCMAKE_PREFIX_PATH="$prefix"
quietly cmake --build "$scratch/build"
cd "$scratch/build"
for host in ./with_shared ./with_static; do
    for guest in guests/musl_guest guests/glibc_guest; do
        said=$(timeout 30 $host $guest)
        [[ $said = "mote "*": 42" ]] || { echo "cmake: $host $guest printed '$said'" >&2; exit 1; }
    done
done
line=$(awk '/__builtin_trap/ { print NR }' "$consumer/guest.c")
for where in ./where_shared ./where_static; do
    for guest in guests/musl_guest guests/glibc_guest; do
        said=$(timeout 30 $where $guest)
        [ "$said" = "crash at guest.c:$line" ] || { echo "cmake: $where $guest printed '$said'" >&2; exit 1; }
    done
done
echo "cmake: hosts with mote::mote, mote::debug and their static ones ran guests made by mote_add_guest"
