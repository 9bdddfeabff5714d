#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# check.sh INCLUDE COMPILER...: exports with a wrong C type are refused at compile time, by name.
set -euo pipefail
include=$1
shift
source=$(dirname "$0")/bad_signature.c
signatures=(
    '(i32,string)->i32' '(i64,string)->i32' '(u32,string)->i32' '(i32,bytes)->i32'
    '(i32,string)->u32' '(i32,string)->void' '(i32)->i32' '(i32,string,bool)->i32'
    '(string,i32)->i32'
)

compile() { # COMPILER CASE
    local language=(-std=c11)
    [[ $1 != *++ ]] || language=(-x c++ -std=c++17)
    "$1" "${language[@]}" -Wall -Wextra -Wpedantic -Werror -I"$include" -DCASE="$2" -c "$source" -o /dev/null 2>&1
}

for compiler; do
    compile "$compiler" 0
    for case in 1 2 3 4 5 6 7 8; do
        message="the C type of function is not that of the signature ${signatures[case]}"
        if output=$(compile "$compiler" $case); then
            echo "$compiler: case $case compiles" >&2
            exit 1
        fi
        [[ $output == *"$message"* ]] || {
            printf '%s: case %s says:\n%s\nand not: %s\n' "$compiler" $case "$output" "$message" >&2
            exit 1
        }
    done
    echo "$compiler: 8 wrong signatures refused"
done
