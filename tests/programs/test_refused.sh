#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_refused.sh MOTE PROGRAMS: what was not granted, programs do not get.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=same.sh
. "$here/same.sh"

echo 'the secret' >"$scratch/secret"
mkdir "$guest/inside" "$scratch/other" "$scratch/empty"
echo 'inside' >"$guest/inside/file"
echo 'other' >"$scratch/other/file"
ln -s /etc/passwd "$guest/absolute"
ln -s ../secret "$guest/relative"
ln -s ../../other "$guest/inside/up"
ln -s inside/file "$guest/good"
mkfifo "$guest/pipe"

# Everything of the host that a guest could have changed, less $1.
hosts_files() {
    (cd "$scratch" && find . -path "./$1" -prune -o ! -name '*out' ! -name '*err' ! -name . -printf '%p %y %s %T@ %m\n' | sort)
}
# untouched TEXT LESS: nothing changed since `remember`
remember() {
    before=$(hosts_files "$1")
}
untouched() {
    what=$1
    checks=$((checks + 1))
    [ "$(hosts_files "$2")" = "$before" ] || failed 'files of the host changed'
}

# ---- no grant: no files, no names --------------------------------------------------------
grant=()
remember none
for name in /etc/passwd inside/file /proc/self/exe . / "$scratch/secret"; do
    refused "$name" "$busybox" cat "$name"
    refused "$name" "$busybox" ls "$name"
done
refused "$guest" "$busybox" cat "$guest/inside/file"
refused 'can' "$busybox" sh -c 'echo x >/tmp/x'
refused 'unable to open' "$programs/sqlite3" "$scratch/new.db" 'CREATE TABLE t(a)'
refused 'passwd' "$programs/lua" -e 'print(assert(io.open("/etc/passwd")):read("a"))'
refused '' "$busybox" wget -q -O - http://127.0.0.1/
refused "can't fork" "$busybox" sh -c 'echo child & wait'
refused "can't create pipe" "$busybox" sh -c 'echo child | cat'
refused '' "$busybox" sh -c 'exec /bin/busybox echo again'
refused '' "$busybox" mount -t proc proc /
refused '' "$busybox" kill -9 2
refused '' "$busybox" hostname other
untouched 'programs without a grant' none

# ---- a granted directory: no way out of it -------------------------------------------------
grant=(--dir "$guest::/")
remember guest
same_text() {
    what="$2 is $1"
    checks=$((checks + 1))
    as_guest "$busybox" cat "$2"
    [ "$(cat "$scratch/guest.out")" = "$1" ] || failed "$(cat "$scratch/guest.err")"
}
same_text inside inside/file
same_text inside good
same_text inside inside/../inside/file
same_text inside /../../inside/file
for name in ../secret /../secret inside/../../secret ../../../../../../etc/passwd /etc/passwd \
    absolute relative inside/up/file inside/up/../secret "$scratch/secret" /proc/self/root/etc/passwd; do
    refused "$name" "$busybox" cat "$name"
done
refused relative "$busybox" sh -c 'echo x >relative'
refused '' "$busybox" cp inside/file ../other/new
refused '' "$busybox" mv inside/file ../other/file
refused '' "$busybox" rm ../other/file
refused '' "$busybox" chmod 777 ../secret
refused '' "$busybox" ln -s /etc/passwd link
refused '' "$busybox" ln inside/file hard
refused '' "$busybox" mknod device c 1 3
refused pipe "$busybox" cat pipe
refused '' "$programs/sqlite3" ../other/file 'CREATE TABLE t(a)'
as_guest "$busybox" sh -c 'echo guest >../secret' # `..` of / is /
holds 'the root ends all ways up' [ "$(cat "$guest/secret")" = guest ]
rm "$guest/secret"
untouched 'ways out' guest

# ---- read-only ------------------------------------------------------------------------------
grant=(--dir-ro "$guest::/")
remember none
same_text inside inside/file
refused 'Read-only file system' "$busybox" sh -c 'echo x >inside/new'
refused 'Read-only file system' "$busybox" sh -c 'echo x >>inside/file'
refused 'Read-only file system' "$busybox" cp inside/file copy
refused 'Read-only file system' "$busybox" mv inside/file moved
refused 'Read-only file system' "$busybox" rm -f inside/file
refused 'Read-only file system' "$busybox" mkdir new
refused 'Read-only file system' "$busybox" rmdir inside
refused 'Read-only file system' "$busybox" touch inside/new
refused 'Read-only file system' "$busybox" chmod 777 inside/file
refused 'Read-only file system' "$busybox" truncate -s 0 inside/file
refused 'Read-only file system' "$busybox" sed -i s/a/b/ inside/file
refused 'Read-only file system' "$programs/lua" -e 'assert(io.open("inside/file", "r+"))'
untouched 'a read-only directory' none

# ---- two directories: each with its own access ------------------------------------------------
grant=(--dir-ro "$guest::/in" --dir "$scratch/empty::/out")
what='from one to the other'
checks=$((checks + 1))
as_guest "$busybox" cp /in/inside/file /out/copy
cmp -s "$guest/inside/file" "$scratch/empty/copy" || failed "$(cat "$scratch/guest.err")"
remember none
refused 'Read-only file system' "$busybox" cp /in/inside/file /in/copy
refused '' "$busybox" mv /in/inside/file /out/moved
refused '' "$busybox" cat /out/../secret
refused '' "$busybox" touch /new
untouched 'two directories' none
ends refused
