#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_lua.sh MOTE PROGRAMS: Lua's interpreter, as a guest and as a process.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=same.sh
. "$here/same.sh"
lua=$programs/lua

cat /usr/share/common-licenses/GPL-* >"$native/text"
cp "$here/language.lua" "$here/files.lua" "$native"
printf '42 is a number\nand a line\nthe rest\nof it' >"$native/stdin"
cp -a "$native/." "$guest"

works "$lua" language.lua one two
same "$lua" language.lua one fail
works "$lua" -v
works "$lua" -e 'local n = 0; for i = 1, 5e6 do n = n + i % 7 end print(n)'
works "$lua" -e 'print(#string.rep("x", 20000000)) local t = {} for i = 1, 1e6 do t[i] = i end print(#t)'
same "$lua" -e 'error("it fails")'
same "$lua" -e 'error({})'
same "$lua" -e 'local x = nil; x()'
same "$lua" missing.lua
same "$lua" -e 'syntax error'
input=$native/stdin
works "$lua" files.lua
works "$lua" -e 'for l in io.lines() do print(#l, l) end'
input=$here/language.lua
works "$lua" - from stdin
input=/dev/null
same_files

# Nothing but what was granted.
what='what lua may not do'
checks=$((checks + 1))
as_guest "$lua" -e 'print(io.open("/etc/passwd"))
    print(os.getenv("PATH"), os.getenv("USER"))
    print(pcall(io.popen, "id"))
    print(os.execute("true"))'
wanted=$'nil\t/etc/passwd: No such file or directory\t2\nnil\tnil'
[ "$(head -n 2 "$scratch/guest.out")" = "$wanted" ] || {
    failed 'it may'
    show stdout "$scratch/guest.out"
    show stderr "$scratch/guest.err"
}
ends lua
