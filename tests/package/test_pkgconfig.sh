#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_pkgconfig.sh: host and guest of a stranger, built by plain compiler calls with pkg-config.
set -euo pipefail
prefix=${MOTE_PREFIX:?where mote is installed}
consumer=$(cd "$(dirname "$0")/consumer" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig

fail() {
    echo "pkgconfig: $*" >&2
    exit 1
}

# works HOST GUEST
works() {
    local said
    said=$(timeout 30 "$1" "$2") || fail "$1 $2 failed"
    [ "$said" = "mote $(pkg-config --modversion mote): 42" ] || fail "$1 $2 printed '$said'"
}

# shellcheck disable=SC2046 # words are meant
build() {
    musl-gcc -static "$consumer/guest.c" $(pkg-config --cflags --libs mote-guest-musl) -o musl_guest
    gcc -g -static "$consumer/guest.c" $(pkg-config --cflags --libs mote-guest) -o glibc_guest
    cc "$consumer/host.c" $(pkg-config --cflags --libs mote) -Wl,-rpath,"$prefix/lib" -o shared
    cc "$consumer/host.c" $(pkg-config --cflags mote) \
        $(pkg-config --static --libs mote | sed 's/-lmote\b/-l:libmote.a/') -o static
    cc "$consumer/where.c" $(pkg-config --cflags --libs mote-debug) -Wl,-rpath,"$prefix/lib" -o where
    cc -static "$consumer/host.c" $(pkg-config --static --cflags --libs mote) -o all_static
}

build
readelf -d shared | grep -qF 'libmote.so.0' || fail "the shared program does not need libmote.so.0"
! readelf -d static | grep -qF 'libmote.so' || fail "the static program needs libmote.so"
for host in ./shared ./static ./all_static; do
    works $host musl_guest
    works $host glibc_guest
done
[[ $(timeout 30 ./where glibc_guest) = crash\ at\ guest.c:* ]] || fail "where printed something else"
echo "pkgconfig: shared, static and all static hosts ran guests of musl and glibc"
