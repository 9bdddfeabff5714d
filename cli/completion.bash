# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# bash completion for mote. Commands and options are those that `mote help` tells of, so that there is
# no second list of them.

# The options of a command, one a line; those that take a value end with "=".
_mote_options() {
    "$1" help "$2" 2>/dev/null | sed -nE \
        -e 's/^ +(-[a-zA-Z0-9], )?(--?[a-zA-Z][-a-zA-Z0-9]*)[ =]?\[?[A-Z][A-Z:=]*\]?.*$/\2=/p;t' \
        -e 's/^ +(-[a-zA-Z0-9], )?(--?[a-zA-Z][-a-zA-Z0-9]*).*$/\2/p'
}

_mote_commands() {
    "$1" help 2>/dev/null | sed -nE '/^Commands:/,/^$/s/^  ([a-z]+) .*/\1/p'
}

# The functions that a guest exports.
_mote_functions() {
    "$1" inspect --json "$2" 2>/dev/null | python3 -c '
import json, sys
for function in json.load(sys.stdin)["exports"]:
    print(function["name"])' 2>/dev/null
}

# The first word behind the options, which is the guest; sets `guest` and its place, `at`.
_mote_find_guest() {
    local i
    guest='' at=${#COMP_WORDS[@]}
    for ((i = 2; i < ${#COMP_WORDS[@]}; i++)); do
        case ${COMP_WORDS[i]} in
        -*) ! grep -qxF -- "${COMP_WORDS[i]}=" <<<"$options" || ((i++)) ;;
        *)
            guest=${COMP_WORDS[i]} at=$i
            return
            ;;
        esac
    done
}

_mote() {
    local mote=$1 word=$2 previous=$3 command=${COMP_WORDS[1]} options guest at
    COMPREPLY=()
    if ((COMP_CWORD == 1)) || { ((COMP_CWORD == 2)) && [ "$command" = help ]; }; then
        mapfile -t COMPREPLY < <(compgen -W "$(_mote_commands "$mote")" -- "$word")
        return
    fi
    options=$(_mote_options "$mote" "$command")
    _mote_find_guest
    ((COMP_CWORD <= at)) || return # what stands behind the guest is the guest's
    case $previous in
    --invoke)
        [ ! -f "$guest" ] ||
            mapfile -t COMPREPLY < <(compgen -W "$(_mote_functions "$mote" "$guest")" -- "$word")
        return
        ;;
    --cpu) mapfile -t COMPREPLY < <(compgen -W 'v2 v3' -- "$word"); return ;;
    --clock) mapfile -t COMPREPLY < <(compgen -W 'none frozen coarse real' -- "$word"); return ;;
    --random) mapfile -t COMPREPLY < <(compgen -W 'none seeded real' -- "$word"); return ;;
    esac
    ! grep -qxF -- "$previous=" <<<"$options" || return # a value: files
    [[ $word != -* ]] ||
        mapfile -t COMPREPLY < <(compgen -W "${options//=/}" -- "$word")
}

complete -o bashdefault -o default -F _mote mote
