#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_busybox.sh MOTE PROGRAMS: Debian's busybox over real files, as a guest and as a process.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=same.sh
. "$here/same.sh"
tree=$(cd "$here/../.." && pwd)

# ---- the files: the project's sources, licences, headers --------------------------
make_files() {
    mkdir -p texts tree &&
        cp -p /usr/share/common-licenses/* texts/ 2>/dev/null
    cp -rp "$tree/src" "$tree/docs" "$here/script.sh" "$here/program.awk" tree/ &&
        find /usr/include -maxdepth 1 -name '*.h' | sort | xargs cat >headers &&
        find "$tree/src" "$tree/tests" -name '*.c' | sort | xargs cat headers texts/* >text &&
        gzip -9 -c text >text.gz && xz -1 -c headers >headers.xz && bzip2 -c headers >headers.bz2 &&
        tar -cf tree.tar --sort=name --owner=me:7 --group=us:8 tree &&
        seq 1 20000 | awk '{ print ($1 * 7919) % 20011, "line", $1 % 97, $1 / 3 }' >numbers &&
        head -n 200 numbers >short
}
(cd "$native" && make_files && cp -a . "$guest") || { echo "cannot make the files" >&2; exit 2; }
while cat "$native/text"; do :; done 2>/dev/null | head -c 100000000 >"$native/large"
ln "$native/large" "$guest/large"

# ---- reading ----------------------------------------------------------------------
works "$busybox" sha256sum large
works "$busybox" sha256sum text headers tree.tar
works "$busybox" sha512sum text
works "$busybox" md5sum texts/GPL-3 numbers
works "$busybox" crc32 text
works "$busybox" wc text numbers headers
works "$busybox" sort text
works "$busybox" sort -n -k 1 -r numbers
works "$busybox" sort -u -k 3,3 numbers
works "$busybox" awk '{ n[length($0) % 40]++ } END { for (i = 0; i < 40; i++) print i, n[i] }' text
works "$busybox" awk '{ s += $4; p = p * 1.0000001 + $1 } END { printf "%.6f %g %s\n", s, p, NR }' numbers
works "$busybox" awk -f tree/program.awk numbers
works "$busybox" grep -c define headers
works "$busybox" grep -n -i 'mote__[a-z]*_free' -r tree
same "$busybox" grep 'what no text has: xyzzy' text
works "$busybox" sed -n 's/^\(static \)*int \([a-z_]*\)(.*/\2/p' text
works "$busybox" cut -d ' ' -f 1,3 numbers
works "$busybox" uniq -c texts/GPL-3
works "$busybox" head -n 50 text
works "$busybox" tail -n 50 text
works "$busybox" tail -c 1000 tree.tar
works "$busybox" od -A x -t x1 text.gz
works "$busybox" cat texts/GPL-2 texts/LGPL-2.1 numbers
works "$busybox" find tree -name '*.h'
works "$busybox" ls -R tree
works "$busybox" cmp text text
same "$busybox" cmp text headers
same "$busybox" diff numbers texts/GPL-3
works "$busybox" gzip -d -c text.gz
works "$busybox" bzcat headers.bz2
works "$busybox" xz -d -c headers.xz
works "$busybox" bzip2 -c headers
works "$busybox" tar -tf tree.tar
works "$busybox" tar -tvf tree.tar
works "$busybox" tar -xOf tree.tar tree/docs/abi.md
same "$busybox" sh tree/script.sh one two
same "$busybox" sh -c 'exit 42'
same "$busybox" sha256sum missing text
same "$busybox" nonsense
same "$busybox" sort -k
input=$native/text
works "$busybox" sha256sum
works "$busybox" tr a-z A-Z
works "$busybox" gzip -c -n
works "$busybox" sort
works "$busybox" wc -l
input=/dev/null

# ---- writing: afterwards the host looks -----------------------------------------------
works "$busybox" gzip -d -k -f text.gz
works "$busybox" bzip2 -k text
holds 'bzip2 reads what it wrote' bash -c 'bunzip2 -c "$1/text.bz2" | cmp - "$1/text"' - "$guest"
works "$busybox" mv text.bz2 again.bz2
works "$busybox" bunzip2 again.bz2
holds 'the round trip changes nothing' cmp "$guest/again" "$native/text"
works "$busybox" sort -o sorted numbers
works "$busybox" cp -r tree copy
works "$busybox" rm -r copy/docs
works "$busybox" mkdir -p new/deep/er
works "$busybox" dd if=tree.tar of=new/part bs=1000 skip=3 count=20
works "$busybox" tar -xf tree.tar -C new
works "$busybox" tar -cf new/made.tar texts
holds 'a tar of a guest can be read' bash -c 'tar -tf "$1/new/made.tar" | grep -q GPL-3' - "$guest"
in_both rm new/made.tar # it tells the owners of files, which a guest is not told
works "$busybox" sed -i 's/line/LINE/' numbers
works "$busybox" truncate -s 12345 headers.xz
works "$busybox" touch new/empty
works "$busybox" rmdir new/deep/er
works "$busybox" sh -c 'i=0; while [ $i -lt 100 ]; do i=$((i + 1)); echo "line $i" >>new/log; done'
same "$busybox" rmdir new
same_files
ends busybox
