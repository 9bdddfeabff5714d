# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Checks of a command: its exit status, what it prints, what it says. Sourced.

checks=0
failures=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

report() {
    failures=$((failures + 1))
    echo "not ok: $what: $1"
    sed 's/^/    stdout: /' "$scratch/out" | head -n 20
    sed 's/^/    stderr: /' "$scratch/err" | head -n 20
}

# runs STATUS COMMAND...: runs it, keeps its output for the checks that follow.
runs() {
    local wanted=$1 status=0
    shift
    what=$(printf '%q ' "${@##*/}")
    "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
    checks=$((checks + 1))
    [ "$status" -eq "$wanted" ] || report "status $status instead of $wanted"
}

prints() {
    checks=$((checks + 1))
    [ "$(cat "$scratch/out")" = "$1" ] || report "did not print exactly '$1'"
}

prints_part() {
    checks=$((checks + 1))
    grep -qF -- "$1" "$scratch/out" || report "did not print '$1'"
}

# What it says is on stderr, each text in one line of its own.
says() {
    local text
    for text in "$@"; do
        checks=$((checks + 1))
        grep -qF -- "$text" "$scratch/err" || report "did not say '$text'"
    done
}

# A line of what it says, as a regular expression.
says_match() {
    checks=$((checks + 1))
    grep -qE -- "$1" "$scratch/err" || report "no line matches $1"
}

says_lines() {
    checks=$((checks + 1))
    [ "$(wc -l <"$scratch/err")" -eq "$1" ] || report "did not say it in $1 line(s)"
}

# is_json EXPRESSION: stdout is one JSON object d for which the Python expression is true.
is_json() {
    checks=$((checks + 1))
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
sys.exit(0 if eval(sys.argv[2]) else 1)' "$scratch/out" "$1" 2>/dev/null || report "JSON: not $1"
}

ends() {
    echo "cli: $((checks - failures)) of $checks checks passed"
    [ "$failures" -eq 0 ]
}
