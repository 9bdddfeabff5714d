-- SPDX-License-Identifier: Apache-2.0
-- Files of the directory where it runs: reads `text`, writes `report`, tries what is not there.
local lines, bytes, longest = 0, 0, ""
for line in io.lines("text") do
    lines = lines + 1
    bytes = bytes + #line + 1
    if #line > #longest then longest = line end
end
print(lines, bytes, #longest)

local f = assert(io.open("text", "rb"))
print(f:seek("end"), f:seek("set", 100), f:read(20), f:read("n"), f:read("l"), f:seek())
print(#f:read("a"), f:read("a"), f:read(1))
f:close()
print(pcall(f.read, f))

local words = {}
for word in io.open("text"):read("a"):gmatch("%a+") do words[word:lower()] = (words[word:lower()] or 0) + 1 end
local sorted = {}
for word in pairs(words) do sorted[#sorted + 1] = word end
table.sort(sorted, function(a, b) return words[a] > words[b] or words[a] == words[b] and a < b end)

local out = assert(io.open("report", "w"))
out:setvbuf("full", 512)
for i = 1, 200 do out:write(string.format("%6d %s\n", words[sorted[i]], sorted[i])) end
print(out:seek("cur"))
out:close()
local again = assert(io.open("report", "r+"))
again:seek("set", 7)
again:write("####")
again:seek("end")
again:write("the end\n")
again:close()
print(os.rename("report", "result"))
print(io.open("report"))
print(os.remove("nothing"))
print(io.open("no/such/directory/file", "w"))
io.stderr:write("done\n")
for line in io.lines("-" and "result", 64) do io.write(line) end
print(io.read("n", "l", "L", "a"))
