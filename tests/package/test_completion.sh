#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_completion.sh: what bash offers behind a command line of mote.
set -euo pipefail
prefix=${MOTE_PREFIX:?where mote is installed}
guests=${MOTE_GUEST_DIR:?where the guests are}
export PATH=$prefix/bin:$PATH

# completes EXPECTED WORD...: the last word is being typed.
completes() {
    local expected=$1 offered
    shift
    # shellcheck disable=SC2016 # for the other shell
    offered=$(bash -c 'set -u
        . "$1/share/bash-completion/completions/mote"
        complete -p mote >/dev/null || exit 1
        shift
        COMP_WORDS=(mote "$@") COMP_CWORD=$#
        _mote mote "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        echo "${COMPREPLY[@]}"' - "$prefix" "$@")
    [ "$offered" = "$expected" ] || {
        echo "completion: mote $*: offered '$offered' instead of '$expected'" >&2
        exit 1
    }
}

completes 'run' r
completes 'build' b
completes 'doctor' help do
completes '--invoke' run --inv
completes '--deadline' run --json --dea
completes '--deadline' run --memory 64M --dea
completes '' run "$guests/echo" --dea
completes 'v2 v3' run --cpu ''
completes '--device' doctor --dev
completes '--wasm2c' build --w
echo "completion: bash offers commands and options as mote help tells them"
