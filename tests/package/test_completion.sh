#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_completion.sh: what bash offers behind a command line of mote.
set -euo pipefail
prefix=${MOTE_PREFIX:?where mote is installed}
guests=${MOTE_GUEST_DIR:?where the guests are}
export PATH=$prefix/bin:$PATH

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

# offers WORD...: what is offered for the last word of a command line. A word that is ^ stands for
# one that begins behind the cursor.
offers() {
    # shellcheck disable=SC2016 # for the other shell
    bash -c 'set -u
        . "$1/share/bash-completion/completions/mote"
        complete -p mote >/dev/null || exit 1
        shift
        COMP_WORDS=(mote) COMP_CWORD=$#
        for word; do
            [ "$word" != ^ ] || { COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); continue; }
            COMP_WORDS+=("$word")
        done
        _mote mote "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        echo "${COMPREPLY[@]}"' - "$prefix" "$@"
}

# completes EXPECTED WORD...: EXPECTED is a pattern of bash.
completes() {
    local expected=$1 offered
    shift
    offered=$(offers "$@")
    # shellcheck disable=SC2053 # a pattern
    [[ $offered = $expected ]] || {
        echo "completion: mote $*: offered '$offered' instead of '$expected'" >&2
        exit 1
    }
}

completes 'run' r
completes 'build bench' b
completes 'inspect' i
completes 'snapshot' s
completes 'doctor' help do
completes '--invoke' run --inv
completes '--deadline' run --json --dea
completes '--deadline' run --memory 64M --dea
completes '--deadline' run --memory = 64M --dea
completes '--dir --dir-ro' run --di
completes '' run "$guests/echo" --dea
completes '--seconds' bench --threads 2 --se
completes '' bench --invoke f "$guests/echo" --dea
completes 'save info' snapshot ''
completes '--snapshot' snapshot save --sn
completes '--output' snapshot save --ou
completes '--boot' inspect --b
completes '--json' inspect "$guests/echo" --j
completes '--device' doctor --dev
completes '--wasm2c' build --w

# ---- values ------------------------------------------------------------------------
completes 'v2 v3' run --cpu ''
completes 'v2 v3' run --cpu =
completes 'frozen' run --clock = f
completes 'coarse' run --clock c
completes 'seeded:' run --random s
completes 'enosys fault' run --refused ''
completes 'MOTE_GUEST_DIR' run --env MOTE_GUEST_
mkdir folder && touch file
completes 'folder' run --dir f
completes 'folder' run --dir-ro = f
completes '' run --file f # bash offers files itself

# ---- exported functions --------------------------------------------------------------
completes 'echo_string' run --invoke echo_s ^ "$guests/echo"
completes 'echo_string' run --invoke = echo_s ^ --json "$guests/echo" text
completes 'echo_string' snapshot save --invoke echo_s ^ "$guests/echo"
completes 'echo_string' bench --invoke echo_s ^ "$guests/echo"
completes '' run --invoke echo_s
completes '' run --invoke echo_s ^ "$guests/hello_plain"
completes '' run --invoke echo_s ^ "$prefix/include/mote.h"
completes 'add greet *' run --invoke '' ^ "$guests/hostcalls"
completes '' run --invoke env ^ "$guests/hostcalls" # an import
# A guest's names never reach the shell as code.
# shellcheck disable=SC2016 # not for this shell
LC_ALL=C sed -e 's/echo_string\x00/$(>hostile)\x00/' -e 's/echo_bytes\x00/"],[`>ill`\x00/' \
    "$guests/echo" >harmful
"$prefix/bin/mote" inspect harmful | grep -qF '$(>hostile)(string)'
completes 'echo_i32 * quotient *' run --invoke '' ^ harmful
completes 'echo_i32 echo_i64' run --invoke echo_i ^ harmful
completes '' run --invoke '$' ^ harmful
[ ! -e hostile ] && [ ! -e ill ] || { echo "completion: a guest's name ran as a command" >&2; exit 1; }
echo "completion: bash offers commands, options, values and functions"
