#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_rust.sh: bindings/rust-guest, copied, built by cargo against the installed SDK, for each target
# whose standard library is there (glibc's always is), and called from C.
set -euo pipefail
prefix=${MOTE_PREFIX:?where mote is installed}
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig

for tool in cargo rustc; do
    command -v $tool >/dev/null || { echo "rust: there is no $tool: run scripts/setup" >&2; exit 1; }
done
cp -r "$here/../../bindings/rust-guest" "$scratch/guest"
rm -rf "$scratch/guest/target"
# shellcheck disable=SC2046 # words are meant
gcc -std=c11 -Wall -Wextra -Wpedantic -Werror "$here/rust/host.c" -o "$scratch/host" \
    $(pkg-config --cflags --libs mote) -Wl,-rpath,"$prefix/lib"

cd "$scratch/guest"
for target in x86_64-unknown-linux-gnu x86_64-unknown-linux-musl; do
    [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ] || continue
    RUSTFLAGS='-C target-feature=+crt-static' \
        cargo build --quiet --offline --release --target $target || exit 1
    echo "rust: $target, $(rustc --version):"
    "$scratch/host" target/$target/release/rust-guest
    built=1
done
[ -n "${built-}" ] || { echo "rust: rustc has no standard library for x86_64 Linux" >&2; exit 1; }
