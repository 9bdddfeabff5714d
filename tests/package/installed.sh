#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# installed.sh: in a root that is thrown away, with the Debian packages in /mote: installs them, uses
# them as a stranger would, and removes them. Run by scripts/deb-test.
set -euo pipefail
cd /mote

step() {
    echo "deb: $*"
}

step "installing $(echo *.deb)"
dpkg --install ./*.deb >log 2>&1 || { cat log >&2; exit 1; }
mote --version
mote doctor >log || { cat log >&2; exit 1; }

step "a guest made with the installed SDK"
echo '#include <mote_guest.h>
static int32_t add(int32_t a, int32_t b) { return a + b; }
MOTE_EXPORT(add, i32, i32, i32);' >sum.c
# shellcheck disable=SC2046 # words are meant
musl-gcc -static sum.c $(pkg-config --cflags --libs mote-guest-musl) -o sum
[ "$(mote run --invoke add ./sum 2 40)" = 42 ]
gcc -static sum.c -lmote_guest -o sum
[ "$(mote run --invoke add ./sum 2 40)" = 42 ]

step "manual pages"
man --where mote mote_call mote_image_unref >/dev/null

step "hosts, guests, examples, completion, Python"
export MOTE_PREFIX=/usr
for test in pkgconfig cmake examples; do
    bash "package/test_$test.sh"
done
export MOTE_GUEST_DIR=/mote/guests
bash package/test_completion.sh
bash package/test_python.sh /tmp/python

step "removing them"
dpkg --purge mote libmote-dev libmote-debug0 libmote0 >log 2>&1 || { cat log >&2; exit 1; }
left=$(find /usr /etc -name 'mote*' -o -name 'libmote*')
[ -z "$left" ] || { echo "deb: left behind: $left" >&2; exit 1; }
echo "deb: the packages were installed, used and removed"
