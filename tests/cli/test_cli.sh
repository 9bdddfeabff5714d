#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_cli.sh MOTE: exit statuses and messages of the command; guests are in $MOTE_GUEST_DIR.
set -u
mote=${1:?usage: test_cli.sh MOTE}
guests=${MOTE_GUEST_DIR:?where the guests are}
[ -x "$mote" ] || { echo "test_cli: there is no $mote" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=check.sh
. "$here/check.sh"

# ---- help, version, usage ------------------------------------------------------
runs 0 "$mote" --help; prints_part 'Usage: mote COMMAND'
runs 0 "$mote" help run; prints_part '--invoke NAME'
runs 0 "$mote" run --help; prints_part 'Exit status'
runs 0 "$mote" build --help; prints_part 'Usage: mote build'
runs 0 "$mote" doctor -h; prints_part 'Usage: mote doctor'
runs 0 "$mote" --version; prints_part 'mote 0.'
runs 2 "$mote"; says 'Usage: mote COMMAND'
runs 2 "$mote" fly; says 'fly is not a command'
runs 2 "$mote" "$guests/echo"; says 'to run that file: mote run'
runs 2 "$mote" help fly; says 'fly is not a command'
runs 2 "$mote" run; says 'which guest?' "Try 'mote help run'."
runs 2 "$mote" run --fly "$guests/echo"; says '--fly: there is no such option'
runs 2 "$mote" run --inv nothing "$guests/echo"; says '--inv: there is no such option'
runs 2 "$mote" run --invoke; says '--invoke: needs a value'
runs 2 "$mote" run --json=yes "$guests/echo"; says '--json=yes: takes no value'
runs 2 "$mote" run --deadline soon "$guests/echo"; says "--deadline must be a time such as 2s"
runs 2 "$mote" run --deadline 0s "$guests/echo"; says "--deadline must be"
runs 2 "$mote" run --memory=-1 "$guests/echo"; says "--memory must be a size"
runs 2 "$mote" run --cpu v9 "$guests/echo"; says "--cpu must be v2 or v3, not 'v9'"
runs 2 "$mote" doctor now; says 'doctor takes no arguments'

# ---- programs ---------------------------------------------------------------------
runs 0 "$mote" run "$guests/hello_plain"; prints 'hello from a plain program'; says 'done'
runs 7 "$mote" run "$guests/hello_plain" 7 --json 'two words'
prints_part 'argument 2: --json'; prints_part 'argument 3: two words'
runs 3 "$mote" run --no-stdio "$guests/hello_plain" 3; prints ''; says_lines 0
runs 3 "$mote" run -- "$guests/hello_plain" 3
MOTE_TEST=secret runs 0 "$mote" run "$guests/hello_plain"; prints 'hello from a plain program'
runs 7 "$mote" run --json "$guests/hello_plain" 7
is_json 'd["ok"] and d["status"] == 7 and d["exit"] == 7 and d["usage"]["wall_ns"] > 0'
says 'hello from a plain program'

runs 0 bash -c 'printf "one\ntwo" | "$1" run "$2"' - "$mote" "$guests/cli_cat"; prints $'one\ntwo'
runs 1 "$mote" run --no-stdio "$guests/cli_cat"; prints ''
# Waiting for input ends with the deadline too.
runs 124 bash -c '"$1" run --deadline 200ms "$2" < <(sleep 5)' - "$mote" "$guests/cli_cat"
says 'the deadline passed'

# ---- what options grant --------------------------------------------------------------
mkdir "$scratch/tree" && echo one >"$scratch/tree/file"
probe=$guests/cli_probe
runs 0 "$mote" run --dir-ro "$scratch/tree::/data" "$probe" read /data/file; prints one
runs 1 "$mote" run --dir-ro "$scratch/tree::/data" "$probe" write /data/new two; says 'Read-only file system'
runs 1 "$mote" run --dir-ro "$scratch/tree::/data" "$probe" read /etc/passwd; says 'No such file'
runs 1 "$mote" run "$probe" read "$scratch/tree/file"; says 'Function not implemented'
runs 0 "$mote" run --dir "$scratch/tree" "$probe" write "$scratch/tree/new" two
checks=$((checks + 1)); [ "$(cat "$scratch/tree/new")" = two ] || report 'nothing was written'
runs 0 "$mote" run --file "$scratch/tree/file::/only" "$probe" read /only; prints one
runs 125 "$mote" run --dir "$scratch/none::/" "$probe" read /x; says "$scratch/none"
runs 2 "$mote" run --dir ::x "$probe"; says '--dir must be HOST or HOST::GUEST'
MOTE_TEST=secret runs 0 "$mote" run --env MOTE_TEST --env A=b=c --env MOTE_NONE "$probe" env
prints $'MOTE_TEST=secret\nA=b=c'
runs 0 "$mote" run "$probe" env; prints ''
runs 2 "$mote" run --env =x "$probe"; says '--env must be NAME or NAME=VALUE'
runs 1 "$mote" run "$probe" time; says 'Operation not permitted'
runs 0 "$mote" run --clock frozen "$probe" time; prints 0
runs 0 "$mote" run --clock real "$probe" time
checks=$((checks + 1)); [ "$(cat "$scratch/out")" -ge $(($(date +%s) - 60)) ] || report 'the real time is another'
runs 2 "$mote" run --clock now "$probe"; says "--clock must be none, frozen, coarse or real, not 'now'"
runs 0 "$mote" run --random seeded:7 "$probe" random; cp "$scratch/out" "$scratch/seeded"
runs 0 "$mote" run --random seeded:7 "$probe" random; prints "$(cat "$scratch/seeded")"
runs 0 "$mote" run --random real "$probe" random
checks=$((checks + 1)); ! cmp -s "$scratch/out" "$scratch/seeded" || report 'real randomness is seeded'
runs 2 "$mote" run --random seeded:x "$probe"; says '--random must be none, seeded:NUMBER or real'
runs 0 "$mote" run --trace --dir-ro "$scratch/tree::/data" "$probe" read /data/file
says 'open("/data/file", ' 'read(' '"one\n"' 'exit_group(0) = ?'
runs 0 "$mote" run --trace "$probe" socket
says 'socket(1, 1, 0) = -1 ENOSYS (refused)'
runs 134 "$mote" run --refused fault "$probe" socket; says 'refused system call: socket'
runs 2 "$mote" run --refused never "$probe"; says '--refused must be enosys or fault'

# ---- functions: values of every type ---------------------------------------------------
echoes() {
    runs 0 "$mote" run --invoke "echo_$1" "$guests/echo" "$2"
    prints "${3-$2}"
}
echoes i32 -2147483648
echoes i32 0xffffffff -1
echoes u32 4294967295
echoes u32 0xff 255
echoes i64 -9223372036854775808
echoes u64 18446744073709551615
echoes f32 0.1
echoes f32 -0
echoes f32 nan:0x123
echoes f64 1e300 1e+300
echoes f64 0.1
echoes f64 -nan
echoes f64 inf
echoes bool true
echoes bool 0 false
echoes string 'two words, @ and ü'
echoes string ''
echoes bytes hex:00fF7f 00ff7f
echoes bytes text:abc 616263
echoes bytes hex: ''
runs 0 "$mote" run --invoke nothing "$guests/echo"; prints ''
printf 'a\0b\n' >"$scratch/data"
runs 0 "$mote" run --invoke echo_bytes "$guests/echo" "@$scratch/data"; prints 6100620a
runs 0 bash -c '"$1" run --invoke echo_bytes "$2" - <"$3"' - "$mote" "$guests/echo" "$scratch/data"
prints 6100620a
runs 0 "$mote" run --raw --invoke echo_bytes "$guests/echo" "@$scratch/data"
checks=$((checks + 1)); cmp -s "$scratch/out" "$scratch/data" || report '--raw changed the bytes'
head -c 5000000 /dev/urandom >"$scratch/large"
runs 0 "$mote" run --raw --invoke copy "$guests/echo" "@$scratch/large"
checks=$((checks + 1)); cmp -s "$scratch/out" "$scratch/large" || report '5 MB came back changed'
runs 0 "$mote" run --invoke mixed11 "$guests/echo" -1 2 -3 4 0.5 -0 true text hex:ab 10 11.25
prints '-1 2 -3 4 0.5 -0 1 text 1:ab 10 11.25'
runs 0 "$mote" run --json --invoke echo_f64 "$guests/echo" 0.1
is_json 'd["results"] == [{"type": "f64", "value": 0.1}] and d["function"] == "echo_f64"'
runs 0 "$mote" run --json --invoke echo_f32 "$guests/echo" inf; is_json 'd["results"][0]["value"] == "inf"'
runs 0 "$mote" run --json --invoke echo_u64 "$guests/echo" 18446744073709551615
is_json 'd["results"][0]["value"] == 2**64 - 1'
runs 0 "$mote" run --json --invoke echo_string "$guests/echo" $'q"\\\t\xffz'
is_json 'd["results"][0]["value"] == "q\"\\\t\ufffdz"'
runs 0 "$mote" run --json --invoke nothing "$guests/echo"; is_json 'd["results"] == []'

# ---- arguments that do not fit --------------------------------------------------------
runs 2 "$mote" run "$guests/echo"; says '--invoke' 'echo_i32(i32)->i32' 'nothing()->void'
runs 127 "$mote" run --invoke eccho_i32 "$guests/echo" 1; says eccho_i32
runs 2 "$mote" run --invoke echo_i32 "$guests/echo" one
says "argument 1 (i32)" "'one'" 'echo_i32(i32)->i32'; says_lines 1
runs 2 "$mote" run --invoke echo_i32 "$guests/echo" 2147483648; says 'from -2147483648'
runs 2 "$mote" run --invoke echo_u32 "$guests/echo" -1; says 'from 0 to 4294967295'
runs 2 "$mote" run --invoke echo_u32 "$guests/echo" '1 '; says 'from 0 to'
runs 2 "$mote" run --invoke echo_bool "$guests/echo" yes; says 'true or false'
runs 2 "$mote" run --invoke echo_f32 "$guests/echo" 1.5x; says 'a number'
runs 2 "$mote" run --invoke echo_bytes "$guests/echo" photo.png; says '@FILE, - (standard input)'
runs 2 "$mote" run --invoke echo_bytes "$guests/echo" hex:abc; says 'even number of hex digits'
runs 2 "$mote" run --invoke echo_bytes "$guests/echo" "@$scratch/none"; says 'No such file'
runs 2 "$mote" run --invoke echo_i32 "$guests/echo"; says 'takes 1 argument, 0 given'
runs 2 "$mote" run --invoke nothing "$guests/echo" 1 2; says 'takes 0 arguments, 2 given'

# ---- files that are no guests ------------------------------------------------------------
runs 127 "$mote" run "$scratch/none"; says "$scratch/none"
runs 126 "$mote" run "$scratch"; says_lines 1
runs 126 "$mote" run "$scratch/data"; says_lines 1
runs 126 "$mote" run /bin/true; says_lines 1
printf '\0asm\1\0\0\0' >"$scratch/m.wasm"
runs 126 "$mote" run "$scratch/m.wasm"; says 'mote build'
runs 126 "$mote" run --invoke add "$guests/hostcalls" 1 2; says 'env' 'add'

# ---- guests that fail ----------------------------------------------------------------------
runs 1 "$mote" run --invoke fail "$guests/echo" 5 $'bad\nthing\e[31m'
says 'bad?thing?[31m'; says_lines 1
runs 1 "$mote" run --json --invoke fail "$guests/echo" 5 'bad thing'
is_json 'not d["ok"] and d["error"]["code"] == "MOTE_EGUEST" and d["exit"] == 1'
runs 0 "$mote" run --invoke log "$guests/echo" 2 'a line'; says 'guest: warning: a line'
runs 0 "$mote" run --no-stdio --invoke log "$guests/echo" 2 'a line'; says_lines 0
runs 134 "$mote" run --invoke wild_write "$guests/faults" 0xdead0000
says 'wild_write: page fault: write to 0xdead0000' 'rip 0x'
runs 134 "$mote" run --json --invoke wild_write "$guests/faults" 0xdead0000
is_json 'd["fault"]["kind"] == "page fault" and d["fault"]["address"] == "0xdead0000"'
is_json 'd["fault"]["access"] == "write" and int(d["fault"]["registers"]["rip"], 16) > 0'
runs 134 "$mote" run --invoke recurse "$guests/faults"; says 'stack overflow'; says_lines 65
runs 134 "$mote" run --invoke privileged "$guests/faults" 0; says 'general protection'
runs 124 "$mote" run --deadline 100ms --invoke spin "$guests/faults"; says 'the deadline passed'
says_match '^#0 0x[0-9a-f]+ in spin \(faults\.c:[0-9]+, inlined\)$'

# ---- backtraces: with lines, without, without symbols -------------------------------------------
line_of() {
    grep -nF -- "$1" "$here/../guests/faults/faults.c" | head -n 1 | cut -d: -f1
}
runs 134 "$mote" run --invoke wild_write "$guests/faults" 0xdead0000
says_match "^#0 0x[0-9a-f]+ in wild_write \(faults\.c:$(line_of '*(volatile uint8_t *)(uintptr_t)address = 1'), inlined\)\$"
says_match '^#[0-9]+ 0x[0-9a-f]+ in mote_serve \(serve\.c:[0-9]+\)$'
says_match '^#[0-9]+ 0x[0-9a-f]+ in main \(main\.c:[0-9]+\)$'
runs 134 "$mote" run --json --invoke wild_write "$guests/faults" 0xdead0000; says_lines 0
is_json 'd["fault"]["backtrace"][0]["address"] == d["fault"]["registers"]["rip"]'
is_json 'd["fault"]["backtrace"][0]["function"] == "wild_write" and d["fault"]["backtrace"][0]["inlined"]'
is_json 'd["fault"]["backtrace"][0]["file"].endswith("/faults.c") and d["fault"]["backtrace"][0]["line"] > 1'
is_json '[f for f in d["fault"]["backtrace"] if f.get("function") == "main"]'
runs 134 "$mote" run --invoke abort_text "$guests/faults" 7 sorry
says 'abort_text: abort with code 7: sorry'
says_match '^#[0-9]+ 0x[0-9a-f]+ in mote_abort \(abort\.c:[0-9]+\)$'
says_match '^#[0-9]+ 0x[0-9a-f]+ in abort_text \(faults\.c:[0-9]+, inlined\)$'
strip --strip-debug -o "$scratch/symbols" "$guests/faults"
runs 134 "$mote" run --invoke wild_write "$scratch/symbols" 0xdead0000
says_match '^#0 0x[0-9a-f]+ in wild_write[^ ]*\+0x[0-9a-f]+$'
says_match '^#[0-9]+ 0x[0-9a-f]+ in main\+0x[0-9a-f]+$'
strip -o "$scratch/stripped" "$guests/faults"
runs 134 "$mote" run --invoke wild_write "$scratch/stripped" 0xdead0000
says_match '^#0 0x[0-9a-f]+$'
runs 134 "$mote" run --json --invoke jump_to "$guests/faults" 0
is_json 'd["fault"]["backtrace"][0] == {"address": "0x0", "inlined": False}'
is_json 'd["fault"]["registers"]["rip"] == "0x0" and len(d["fault"]["backtrace"]) > 1'
# The file has gone meanwhile: what the library itself knows.
cp "$guests/faults" "$scratch/goes"
runs 124 bash -c '{ sleep 0.5; rm "$2"; } & exec "$1" run --deadline 2s --invoke spin "$2"' - \
    "$mote" "$scratch/goes"
says_match '^#0 0x[0-9a-f]+ in spin__export[0-9]+(\+0x[0-9a-f]+)?$'
says_match '^#[0-9]+ 0x[0-9a-f]+ in main\+0x[0-9a-f]+$'

# ---- Ctrl-C -----------------------------------------------------------------------------------
# signalled NUMBER COMMAND...: sends the signal once the command has run for a while. Jobs of a
# shell script ignore SIGINT, so another program must set it back.
signalled() {
    python3 -c 'import signal, subprocess, sys, time
command = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE,
                           preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
time.sleep(0.7)
command.send_signal(int(sys.argv[1]))
sys.exit(command.wait(20) % 256)' "$@"
}
runs 130 signalled 2 "$mote" run --invoke spin "$guests/faults"; says 'interrupted'; says_lines 1
runs 130 signalled 2 "$mote" run "$guests/cli_cat"
runs 143 signalled 15 "$mote" run --invoke spin "$guests/faults"

# ---- inspect --------------------------------------------------------------------------------------
runs 0 "$mote" inspect --help; prints_part 'Usage: mote inspect'
runs 2 "$mote" inspect; says 'which file?'
runs 2 "$mote" inspect a b; says 'b: inspect takes one file'
runs 2 "$mote" inspect --fly a; says 'there is no such option'
runs 0 "$mote" inspect "$guests/hostcalls"
prints_part 'a guest with exports'; prints_part 'abi       1.'; prints_part 'KiB at least'
prints_part '  greet(string)->string'; prints_part '  env.add(i32,i32)->i32'
prints_part '  env.maybe(i32)->i32  (weak)'; prints_part '  r-x  0x401000'; prints_part 'lines     yes'
runs 0 "$mote" inspect "$guests/hello_plain"; prints_part 'a program'; prints_part 'abi       none'
runs 0 "$mote" inspect "$guests/echo_pie"; prints_part 'position-independent'
runs 0 "$mote" inspect --boot --json "$guests/abi_1_0"
is_json 'd["ok"] and d["kind"] == "guest" and d["abi"] == "1.0" and d["booted"] and not d["symbols"]'
is_json '{"name": "echo_i32", "signature": "(i32)->i32"} in d["exports"] and not d["lines"]'
is_json '{"module": "env", "name": "maybe", "signature": "()->i32", "weak": True} in d["imports"]'
is_json 'd["memory"] > 300000 and d["stack"] == 8 << 20 and d["window"] == 0 and not d["relocatable"]'
is_json '[s["access"] for s in d["segments"]] == ["r--", "r-x", "r--", "rw-"]'
is_json 'all(s["file_size"] <= s["memory_size"] for s in d["segments"]) and d["entry"] == "0x4010ab"'
runs 0 "$mote" inspect --json "$guests/hello_plain"
is_json 'd["kind"] == "program" and d["abi"] == "" and not d["booted"] and d["exports"] == []'
runs 126 "$mote" inspect --boot "$guests/cxx_boot"; says 'no beginning'; says_lines 1
runs 126 "$mote" inspect /bin/true; says 'dynamic'; says_lines 1
runs 126 "$mote" inspect --json "$scratch/data"
is_json 'not d["ok"] and d["exit"] == 126 and d["error"]["code"] == "MOTE_EIMAGE"'
runs 126 "$mote" inspect "$scratch"
runs 127 "$mote" inspect "$scratch/none"; says "$scratch/none: No such file"; says_lines 1
printf '\0asm\1\0\0\0\1\7\1' >"$scratch/cut.wasm"
runs 126 "$mote" inspect "$scratch/cut.wasm"; says_lines 1
corpus=$here/../../fuzz/corpus/wasm_module
runs 0 "$mote" inspect "$corpus/wasi_and_types.wasm"
prints_part '  wasi_snapshot_preview1.fd_write(i32,i32,i32,i32)->i32'
prints_part '  f(v128,funcref,externref)->(f32,f64)  (cannot be called from the host)'
runs 0 "$mote" inspect --json "$corpus/wasi_and_types.wasm"
is_json 'd["kind"] == "wasm" and d["memory"] == 65536 and not d["exports"][0]["callable"]'
is_json 'd["imports"][0]["module"] == "wasi_snapshot_preview1" and d["imports"][0]["callable"]'
runs 126 "$mote" inspect "$corpus/component.wasm"; says 'component'; says_lines 1

# ---- snapshots ------------------------------------------------------------------------------------
snap=$scratch/snap
runs 0 "$mote" help snapshot; prints_part 'Usage: mote snapshot save'
runs 0 "$mote" snapshot --help; prints_part '--output FILE'
runs 0 "$mote" snapshot save --invoke count -o "$snap.1" "$guests/echo"; prints ''; says_lines 0
runs 0 "$mote" run --invoke count "$guests/echo"; prints 1
runs 0 "$mote" run --snapshot "$snap.1" --invoke count "$guests/echo"; prints 2
runs 0 "$mote" run --snapshot "$snap.1" --invoke count "$guests/echo"; prints 2
runs 0 "$mote" snapshot save --json --snapshot "$snap.1" --invoke count -o "$snap.2" "$guests/echo"
is_json 'd["ok"] and d["layers"] >= 1 and d["own"] > 0 and d["shared"] > 0'
runs 0 "$mote" run --snapshot "$snap.1" --snapshot "$snap.2" --invoke count "$guests/echo"; prints 3
runs 0 "$mote" bench --seconds 10ms --snapshot "$snap.1" --json --invoke count "$guests/echo"
is_json 'd["ok"] and d["function"] == "count"'
runs 126 "$mote" run --snapshot "$snap.2" --invoke count "$guests/echo"; says 'base'; says_lines 1
runs 126 "$mote" run --snapshot "$snap.1" --invoke spin "$guests/faults"; says 'of another image'
runs 127 "$mote" run --snapshot "$snap.none" --invoke count "$guests/echo"; says "$snap.none: No such file"
runs 0 "$mote" snapshot save -o "$snap.program" "$guests/hello_plain"
runs 3 "$mote" run --snapshot "$snap.program" "$guests/hello_plain" 3; says 'done'
runs 0 "$mote" snapshot save -o "$snap.1" --invoke echo_i32 "$guests/echo" 7 # replaced
runs 0 "$mote" run --snapshot "$snap.1" --invoke count "$guests/echo"; prints 1
runs 134 "$mote" snapshot save -o "$snap.3" --invoke wild_write "$guests/faults" 0xdead0000
says 'wild_write: page fault: write to 0xdead0000'
runs 1 "$mote" snapshot save -o "$snap.3" --invoke fail "$guests/echo" 5 'bad thing'; says 'bad thing'
runs 124 "$mote" snapshot save -o "$snap.3" --deadline 50ms --invoke spin "$guests/faults"
runs 127 "$mote" snapshot save -o "$snap.3" --invoke none "$guests/echo"
runs 2 "$mote" snapshot save -o "$snap.3" --invoke echo_i32 "$guests/echo" x; says 'argument 1'
checks=$((checks + 1)); [ ! -e "$snap.3" ] || report 'a snapshot of a failure was written'
runs 1 "$mote" snapshot save -o "$scratch/none/x" "$guests/echo"; says "$scratch/none/x"; says_lines 1
runs 0 "$mote" snapshot info "$snap.2"
prints_part 'a snapshot of a guest with exports'; prints_part 'cpu       v2'; prints_part 'checked   no'
runs 0 "$mote" snapshot info --json "$snap.program" "$guests/hello_plain"
is_json 'd["checked"] and d["at_entry"] and d["base"] is None and d["format"] == 1 and d["arch"] == "x86_64"'
is_json 'd["own"] % 4096 == 0 and 0 < d["own"] < d["size"] and d["memory"] > 0 and len(d["image"]) == 32'
runs 0 "$mote" snapshot save -o "$snap.4" --snapshot "$snap.1" --invoke count "$guests/echo"
runs 0 "$mote" snapshot info --json "$snap.1"; base=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["identity"])' <"$scratch/out")
runs 0 "$mote" snapshot info --json --snapshot "$snap.1" "$snap.4" "$guests/echo"
is_json "d['checked'] and d['base'] == '$base' and d['shared'] > 0"
runs 126 "$mote" snapshot info "$snap.4" "$guests/echo"; says 'base'
runs 126 "$mote" snapshot info "$snap.1" "$guests/faults"; says 'of another image'
head -c 5000 "$snap.1" >"$snap.cut"; runs 126 "$mote" snapshot info "$snap.cut"; says 'it is truncated'
head -c 50 "$snap.1" >"$snap.cut"; runs 126 "$mote" snapshot info "$snap.cut"; says 'it is not a snapshot of mote'
{ cat "$snap.1"; echo; } >"$snap.more"; runs 126 "$mote" snapshot info "$snap.more"; says 'larger than it says'
{ head -c 372 "$snap.1"; printf '\377\377\377\377'; tail -c +377 "$snap.1"; } >"$snap.ill"
runs 126 "$mote" snapshot info "$snap.ill"; says 'its tables are larger than the file'
{ head -c 4500 "$snap.1"; printf '\377\376'; tail -c +4503 "$snap.1"; } >"$snap.ill"
runs 0 "$mote" snapshot info "$snap.ill"
runs 126 "$mote" snapshot info "$snap.ill" "$guests/echo"; says 'damaged'
runs 126 "$mote" run --snapshot "$snap.ill" --invoke count "$guests/echo"; says 'damaged'
runs 127 "$mote" snapshot info "$snap.none"; says "$snap.none: No such file"
runs 126 "$mote" snapshot info /dev/zero
runs 126 "$mote" snapshot info "$guests/echo"; says 'it is not a snapshot of mote'
runs 2 "$mote" snapshot; says 'what to do? save or info'
runs 2 "$mote" snapshot drop; says 'drop: a snapshot can be saved (save) or looked at (info)'
runs 2 "$mote" snapshot save "$guests/echo"; says 'must say where the snapshot goes'
runs 2 "$mote" snapshot save -o "$snap.3"; says 'which guest?'
runs 2 "$mote" snapshot save -o "$snap.3" "$guests/echo" 1; says 'which --invoke names'
runs 2 "$mote" snapshot save -o '' "$guests/echo"; says '--output must be a file'
runs 2 "$mote" snapshot info; says 'which file?'
runs 2 "$mote" snapshot info a b c; says 'c: info takes one file and its guest'
runs 2 "$mote" snapshot info --snapshot a b; says '--snapshot: of which guest?'
runs 2 "$mote" snapshot info --memory 1M a; says 'there is no such option'

# ---- OCI image layouts ------------------------------------------------------------------------------
oci=$scratch/layout
runs 0 "$mote" snapshot save --oci "$oci" --invoke count "$guests/echo"; prints ''; says_lines 0
runs 0 "$mote" run --oci --invoke count "$oci"; prints 2
runs 0 python3 "$here/oci.py" check "$oci" "$guests/echo" 2
runs 0 "$mote" snapshot save -o "$snap.5" --invoke count --stack 1M "$guests/echo"
runs 0 "$mote" snapshot save --oci "$oci.2" --snapshot "$snap.5" --invoke count --stack 1M "$guests/echo"
runs 0 python3 "$here/oci.py" check "$oci.2" "$guests/echo" 3
runs 0 "$mote" run --oci --invoke count "$oci.2"; prints 3
runs 0 "$mote" snapshot save --json --oci "$oci.3" "$guests/hello_plain"; is_json 'd["ok"] and d["file"].endswith("layout.3")'
runs 3 "$mote" run --oci "$oci.3" 3; prints_part 'hello from a plain program'
runs 1 "$mote" snapshot save --oci "$oci" "$guests/echo"; says "$oci: File exists"; says_lines 1
runs 1 "$mote" snapshot save --oci "$scratch/none/x" "$guests/echo"; says_lines 1
runs 2 "$mote" snapshot save --oci "$oci.4" -o "$snap.3" "$guests/echo"; says 'must say where'
runs 2 "$mote" run --oci --snapshot "$snap.5" --invoke count "$oci"; says 'with --oci they are in the directory'
runs 127 "$mote" run --oci --invoke count "$scratch/none"; says 'No such file'
runs 126 "$mote" run --oci --invoke count "$guests/echo"; says 'Not a directory'
runs 126 "$mote" run --oci --invoke count "$scratch/tree"; says 'oci-layout: No such file'
# What somebody may have done to it.
for harm in $(python3 "$here/oci.py" list); do
    rm -rf "$oci.4"; cp -r "$oci.2" "$oci.4"
    runs 0 python3 "$here/oci.py" "$harm" "$oci.4"
    runs 126 "$mote" run --oci --invoke count "$oci.4"; prints ''; says_lines 1; says "$oci.4"
done
checks=$((checks + 1)); [ -z "$(find "$scratch" -name '*.new')" ] || report 'a file was left'

# ---- bench --------------------------------------------------------------------------------------
runs 0 "$mote" bench --help; prints_part 'Usage: mote bench'
runs 0 "$mote" bench --seconds 0.05 --hgrm "$scratch/own"
prints_part "add(u32,u32)->u32 of mote's own guest, 1 thread"
prints_part 'warm call'; prints_part 'fresh call'; prints_part 'new sandbox'; says_lines 0
for kind in warm fresh new; do
    runs 0 cat "$scratch/own.$kind.hgrm"; prints_part '1/(1-Percentile)'; prints_part '#[Mean'
done
runs 0 "$mote" bench --seconds 10ms --threads 3 --json --invoke copy "$guests/echo" hex:0102
is_json 'd["ok"] and d["threads"] == 3 and d["function"] == "copy" and d["elapsed_ns"] > 10**7'
is_json '[r["name"] for r in d["results"]] == ["warm", "fresh", "new"]'
is_json 'all(r["count"] >= 3 and 0 < r["min_ns"] <= r["p50_ns"] <= r["p99_ns"] <= r["p999_ns"] <= r["max_ns"] for r in d["results"])'
runs 0 "$mote" bench --seconds 10ms --dir-ro "$scratch::/data" --clock real --invoke echo_i32 "$guests/echo" 1
runs 0 "$mote" bench --seconds 20ms --pool 2 --json; is_json 'd["pool"] == 2 and d["results"][2]["count"] > 0'
runs 0 "$mote" bench --seconds 20ms --pool 1; prints_part '1 thread, a pool of 1, '
runs 2 "$mote" bench --pool 0; says '--pool must be a number from 1 to 1024'
runs 2 "$mote" bench --threads 0; says '--threads must be a number from 1 to 1024'
runs 2 "$mote" bench --seconds -1; says '--seconds must be a number of seconds'
runs 2 "$mote" bench --hgrm ''; says '--hgrm must be'
runs 2 "$mote" bench --invoke add; says '--invoke: which guest?'
runs 2 "$mote" bench --trace; says '--trace: there is no such option'
runs 2 "$mote" bench "$guests/echo"; says 'choose one with --invoke' 'echo_i32(i32)->i32'
runs 2 "$mote" bench "$guests/hello_plain"; says 'a program without exports'
runs 2 "$mote" bench --invoke echo_i32 "$guests/echo"; says 'takes 1 argument, 0 given'
runs 127 "$mote" bench --invoke none "$guests/echo"; says none
runs 127 "$mote" bench "$scratch/none"; says "$scratch/none"
runs 126 "$mote" bench --invoke add "$guests/hostcalls" 1 2; says 'env' 'add'
runs 134 "$mote" bench --threads 2 --invoke wild_write "$guests/faults" 0xdead0000
says 'wild_write: page fault: write to 0xdead0000'; prints ''
runs 1 "$mote" bench --json --invoke fail "$guests/echo" 5 'bad thing'
is_json 'not d["ok"] and d["error"]["code"] == "MOTE_EGUEST" and d["exit"] == 1'
runs 124 "$mote" bench --deadline 20ms --invoke spin "$guests/faults"; says 'the deadline passed'
runs 1 "$mote" bench --seconds 10ms --hgrm "$scratch/none/x"; says "$scratch/none/x.warm.hgrm: No such file"
# Charts are well-formed, refer to nothing elsewhere, and show names as text.
is_chart() {
    checks=$((checks + 1))
    python3 "$here/check_chart.py" "$@" >"$scratch/out" 2>"$scratch/err" || report "$* is not a chart as it should be"
}
runs 0 "$mote" bench --seconds 20ms --chart "$scratch/a.svg"; is_chart "$scratch/a.svg" 3 'warm call' '99 %'
runs 0 "$mote" bench --seconds 20ms --chart "$scratch/a.html" --invoke echo_i32 "$guests/echo" 1
is_chart "$scratch/a.html" 3 'echo_i32(i32)->i32'
hostile="$scratch/<script>&\"'"
cp "$guests/echo" "$hostile"
runs 0 "$mote" bench --seconds 20ms --chart "$scratch/b.html" --invoke nothing "$hostile"
is_chart "$scratch/b.html" 3 "<script>&\"'"
cat >"$scratch/rows.json" <<'EOF'
[{"name": "<b>&\u0001", "unit": "us", "p50": 2, "floor": 1, "ratio": 2.0, "goal": 1.1, "at_least": false},
 {"name": "speed", "unit": "ms", "p50": 10, "floor": 9, "ratio": 0.9, "goal": 0.8, "at_least": true},
 {"name": "boot", "unit": "us", "p50": 10, "floor": null, "ratio": null, "goal": null}]
EOF
runs 0 "$mote" bench --from "$scratch/rows.json" --chart "$scratch/r.svg"
is_chart "$scratch/r.svg" 0 '<b>&' '≤ 1.10 missed' '≥ 0.80 met' '10.00 µs'
runs 0 "$mote" bench --from "$scratch/rows.json" --chart "$scratch/r.html"; is_chart "$scratch/r.html" 0 speed
runs 2 "$mote" bench --chart x.png; says '--chart must be a file whose name ends in .html or .svg'
runs 2 "$mote" bench --from "$scratch/rows.json"; says '--chart must say where'
runs 2 "$mote" bench --from "$scratch/rows.json" --chart x.svg "$guests/echo"; says 'measures nothing'
runs 1 "$mote" bench --from "$scratch/rows.json" --chart "$scratch/none/x.svg"; says 'No such file'
runs 1 "$mote" bench --seconds 10ms --chart "$scratch/none/x.svg"; says 'No such file'
runs 127 "$mote" bench --from "$scratch/none" --chart "$scratch/n.svg"; says "$scratch/none: No such file"
for text in '' '[' '[]' '{}' '[1]' '[{"name": 1, "ratio": 2}]' '[{"name": "x", "ratio": 1e999}]' '[{"name": "a"}] x'; do
    printf '%s' "$text" >"$scratch/rows.json"
    runs 126 "$mote" bench --from "$scratch/rows.json" --chart "$scratch/n.svg"; says_lines 1
done
runs 126 "$mote" bench --from /dev/zero --chart "$scratch/n.svg"; says 'larger than 1 MiB'
checks=$((checks + 1)); [ ! -e "$scratch/n.svg" ] || report 'a chart was made of nothing'

# ---- top -------------------------------------------------------------------------------------------
runs 0 "$mote" top --help; prints_part 'Usage: mote top'
runs 2 "$mote" top; says 'which process?'
runs 2 "$mote" top 0; says '0 is not the number of a process'
runs 2 "$mote" top 1x; says 'not the number'
runs 2 "$mote" top 1 2; says '2: top takes one process'
runs 2 "$mote" top --interval 1ms 1; says '--interval must be'
runs 1 "$mote" top $$; says 'publishes nothing'; says_lines 1
runs 127 "$mote" top 999999999; says 'there is no process'; says_lines 1
# A file that only has the name is not believed; a pipe of that name is not opened.
mkdir "$scratch/fakes"
exec 8>"$scratch/fakes/memfd:mote-use (deleted)"
runs 1 "$mote" top $$; says 'publishes nothing'
exec 8>&-
"$mote" run --invoke spin "$guests/faults" 2>/dev/null & spinning=$!
for ((i = 0; i < 500; i++)); do
    "$mote" top --once --json $spinning 2>/dev/null | grep -q '"calls":1' && break
    sleep 0.02
done
runs 0 "$mote" top --once --json $spinning
is_json "d['pid'] == $spinning and len(d['hosts']) == 1"
is_json 'd["hosts"][0]["vms_used"] == 1 and d["hosts"][0]["sandboxes"] == 1 and d["hosts"][0]["parked"] == 0'
is_json 'd["hosts"][0]["calls"] == 1 and d["hosts"][0]["vms_created"] == 1 and d["hosts"][0]["resets"] == 0'
runs 0 "$mote" top --once $spinning; prints_part 'SANDBOXES'
(sleep 0.3; kill -TERM $spinning) & stopper=$!
runs 0 "$mote" top --interval 20ms $spinning; prints_part 'CALLS/S'
wait $spinning $stopper || true

# ---- doctor -------------------------------------------------------------------------------------
runs 0 "$mote" doctor; prints_part 'a guest ran'; prints_part 'Guests run on this machine.'
runs 0 "$mote" doctor --json; is_json 'd["ok"] and len(d["checks"]) == 7'
runs 1 "$mote" doctor --device "$scratch/none"
prints_part 'No such file'; prints_part '-> '; prints_part 'Guests cannot run here'
runs 1 "$mote" doctor --device /dev/null; prints_part 'does not speak'
runs 1 "$mote" doctor --json --device "$scratch/none"
is_json 'not d["ok"] and [c["remedy"] for c in d["checks"] if c["name"] == "device"][0] != ""'

# ---- build -----------------------------------------------------------------------------------------
runs 2 "$mote" build; says 'which module?'
runs 1 "$mote" build "$scratch/data" -o "$scratch/out.mote"; says_lines 1
runs 127 "$mote" build "$scratch/none.wasm"; says "$scratch/none.wasm"

# The rest needs wasm2c 1.0.42 (scripts/fetch-wabt).
if "$mote" doctor | grep -q '^ok *wasm'; then
    # (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
    printf '\0asm\1\0\0\0\1\7\1\x60\2\x7f\x7f\1\x7f\3\2\1\0\7\7\1\3add\0\0' >"$scratch/add.wasm"
    printf '\12\11\1\7\0\40\0\40\1\x6a\x0b' >>"$scratch/add.wasm"
    # (func (export "trap") unreachable)
    printf '\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\7\10\1\4trap\0\0' >"$scratch/trap.wasm"
    printf '\12\5\1\3\0\0\x0b' >>"$scratch/trap.wasm"
    runs 0 "$mote" build "$scratch/add.wasm"; prints_part '1 exported function, 0 imported'
    runs 0 "$mote" run --invoke add "$scratch/add.mote" 2 -44; prints -42
    runs 0 "$mote" build --json -O1 -o "$scratch/t" "$scratch/trap.wasm"
    is_json 'd["ok"] and d["exports"] == 1 and d["output"].endswith("/t")'
    runs 134 "$mote" run --invoke trap "$scratch/t"; says unreachable
    says_match '^#[0-9]+ 0x[0-9a-f]+ in w2c_.*trap'
else
    echo "cli: mote build is not tested: mote doctor says why"
fi

ends
