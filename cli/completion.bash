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

# The functions that a guest exports, one a line. Whoever made the guest chose the names: those that
# would mean anything to a shell are left out.
_mote_functions() {
    local json
    json=$("$1" inspect --json -- "$2" 2>/dev/null) && [[ $json = *'"exports":['* ]] || return
    json=${json#*'"exports":['}
    grep -oE '"name":"[A-Za-z0-9_][A-Za-z0-9_./@%+-]*"' <<<"${json%%'],"imports":['*}" | cut -d '"' -f 4
}

# Puts the words of standard input that begin with the argument into COMPREPLY. Not compgen -W, which
# expands them.
_mote_offer() {
    local offered
    COMPREPLY=()
    while IFS= read -r offered; do
        [[ $offered != "$1"* ]] || COMPREPLY+=("$offered")
    done
}

# The first word behind the options, which is the guest; sets `guest` and its place, `at`.
_mote_find_guest() {
    local i word
    guest='' at=${#COMP_WORDS[@]}
    i=2
    [ "$1" != snapshot ] || i=3
    for ((; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
        -*)
            if [ "${COMP_WORDS[i + 1]-}" = = ]; then # bash makes three words of --name=value
                ((i += 2))
            elif grep -qxF -- "$word=" <<<"$options"; then
                ((i++))
            fi
            ;;
        *)
            guest=$word at=$i
            return
            ;;
        esac
    done
}

_mote_value() {
    case $2 in
    --invoke)
        # A word of the command line is as it was typed; a path in quotes is not looked for.
        guest=${guest/#\~\//$HOME/}
        [ ! -f "$guest" ] || _mote_offer "$3" < <(_mote_functions "$1" "$guest")
        ;;
    --cpu) _mote_offer "$3" <<<$'v2\nv3' ;;
    --clock) _mote_offer "$3" <<<$'none\nfrozen\ncoarse\nreal' ;;
    --random)
        _mote_offer "$3" <<<$'none\nseeded:\nreal'
        [ "${COMPREPLY[*]}" != seeded: ] || compopt -o nospace 2>/dev/null
        ;;
    --refused) _mote_offer "$3" <<<$'enosys\nfault' ;;
    --optimize) _mote_offer "$3" <<<$'1\n2' ;;
    --env) mapfile -t COMPREPLY < <(compgen -e -- "$3") ;;
    --dir | --dir-ro)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "$3")
        ;;
    esac
}

_mote() {
    local mote=$1 word=$2 previous=$3 command=${COMP_WORDS[1]} options guest at
    COMPREPLY=()
    if ((COMP_CWORD == 1)) || { ((COMP_CWORD == 2)) && [ "$command" = help ]; }; then
        _mote_offer "$word" < <(_mote_commands "$mote")
        return
    fi
    if [ "$command" = snapshot ] && ((COMP_CWORD == 2)) && [[ $word != -* ]]; then
        _mote_offer "$word" <<<$'save\ninfo'
        return
    fi
    options=$(_mote_options "$mote" "$command")
    _mote_find_guest "$command"
    # What stands behind the guest is the guest's.
    [[ $command != @(run|bench) ]] || ((COMP_CWORD <= at)) || return
    if [ "$word" = = ]; then
        word=''
    elif [ "$previous" = = ]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if grep -qxF -- "$previous=" <<<"$options"; then
        _mote_value "$mote" "$previous" "$word"
    elif [[ $word = -* ]]; then
        _mote_offer "$word" <<<"${options//=/}"
    fi # else bash offers files
}

complete -o bashdefault -o default -F _mote mote
