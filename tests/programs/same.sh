# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Runs a program as a process and as a guest, and compares. Sourced; the sourcing script has the
# path of the command in $1 and that of the programs (scripts/fetch-programs) in $2.
#
# Both have the same files: the process in $native, where it runs, the guest in $guest, which is
# granted as its /. So a relative name means the same to both.

mote=$(realpath "${1:?usage: SCRIPT MOTE PROGRAMS}")
programs=$(realpath "${2:?usage: SCRIPT MOTE PROGRAMS}")
busybox=$programs/busybox
for file in "$mote" "$busybox" "$programs/sqlite3" "$programs/lua"; do
    [ -x "$file" ] || { echo "there is no $file; run: make build && scripts/fetch-programs" >&2; exit 2; }
done

checks=0
failures=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
native=$scratch/native
guest=$scratch/guest
input=/dev/null # what both read
grant=(--dir "$guest::/")
mkdir "$native" "$guest"
export TZ=UTC0 LC_ALL=C HOME=/none # of which a guest has HOME only

failed() {
    failures=$((failures + 1))
    echo "not ok: $what: $1"
}

show() {
    echo "    $1:"
    head -c 2000 "$2" | head -n 10 | sed 's/^/        /'
}

as_process() {
    status=0
    (cd "$native" && exec "$@") >"$scratch/out" 2>"$scratch/err" <"$input" || status=$?
}

as_guest() {
    guest_status=0
    "$mote" run --memory 128M --env HOME "${grant[@]}" "$@" >"$scratch/guest.out" 2>"$scratch/guest.err" <"$input" || guest_status=$?
}

# same PROGRAM ARGUMENTS...: output, messages and status are equal
same() {
    what=$(printf '%q ' "${@##*/}")
    checks=$((checks + 1))
    as_process "$@"
    as_guest "$@"
    if [ "$status" -ne "$guest_status" ] || ! cmp -s "$scratch/out" "$scratch/guest.out" ||
        ! cmp -s "$scratch/err" "$scratch/guest.err"; then
        failed "the guest ended with $guest_status, the process with $status, or the output differs"
        show process "$scratch/out"
        show 'its stderr' "$scratch/err"
        show guest "$scratch/guest.out"
        show 'its stderr' "$scratch/guest.err"
    fi
}

# works PROGRAM ...: the same, and the status is 0, so that no two failures pass as equal
works() {
    same "$@"
    checks=$((checks + 1))
    [ "$status" -eq 0 ] || failed "the process ended with $status"
}

# The directories of both have the same files with the same contents.
same_files() {
    checks=$((checks + 1))
    diff -r "$native" "$guest" >"$scratch/diff" || {
        failed 'the files differ'
        show diff "$scratch/diff"
    }
}

# holds TEXT COMMAND...: the command succeeds
holds() {
    local text=$1
    shift
    checks=$((checks + 1))
    "$@" || failed "$text"
}

# refused TEXT PROGRAM ...: the guest fails and says so, and prints nothing
refused() {
    local text=$1
    shift
    what=$(printf '%q ' "${@##*/}")
    checks=$((checks + 1))
    as_guest "$@"
    if [ "$guest_status" -eq 0 ] || [ -s "$scratch/guest.out" ] || ! grep -qF -- "$text" "$scratch/guest.err"; then
        failed "status $guest_status, and did not say '$text'"
        show stdout "$scratch/guest.out"
        show stderr "$scratch/guest.err"
    fi
}

# in_both COMMAND...: runs it in each directory
in_both() {
    (cd "$native" && "$@") && (cd "$guest" && "$@")
}

ends() {
    echo "$1: $((checks - failures)) of $checks checks passed"
    [ "$failures" -eq 0 ]
}
