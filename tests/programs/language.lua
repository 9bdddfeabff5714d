-- SPDX-License-Identifier: Apache-2.0
-- The language and its libraries; prints what must be the same everywhere.
print(_VERSION, #arg, arg[1], arg[2])

-- strings
local text = "The quick brown fox jumps over the lazy dog"
print(text:upper(), #text, text:reverse(), text:sub(-8, -5))
print(text:gsub("(%w+) (%w+)", "%2 %1"))
for word, rest in text:gmatch("(%a)(%a*)") do io.write(word, "-", #rest, " ") end
print(text:find("fox", 1, true), text:byte(1, 5))
print(string.format("%q %5.2f %x %-8s| %g %a", 'a "b"\n\0c', math.pi, 255, "left", 1e100, 0.5))
print(string.pack("<i4z>d", 7, "zero", 1.5):byte(1, -1))
print(utf8.char(72, 228, 8364, 128512), utf8.len("häß€"))

-- tables
local t = {}
for i = 1, 1000 do t[i] = (i * 7919) % 1009 end
table.sort(t)
print(#t, t[1], t[500], t[1000], table.concat(t, ",", 1, 20))
table.sort(t, function(a, b) return a > b end)
print(table.unpack(t, 1, 5))
table.move(t, 1, 3, 10)
print(select("#", table.unpack(t)), table.remove(t), #table.pack(1, nil, 3))

-- numbers
print(7 // 2, -7 // 2, 7 % -3, 2 ^ 0.5, 1 / 0, -1 / 0, 0 / 0 ~= 0 / 0, 3 | 4, ~0, 1 << 62)
print(math.maxinteger, math.mininteger, math.maxinteger + 1 == math.mininteger, math.type(3.0))
for _, x in ipairs { 0.1, 1.5, 10, 1e10 } do
    print(math.sin(x), math.exp(-x), math.log(x), math.fmod(x, 0.3), math.tointeger(x // 1))
end
local state, digits = 42, {}
for i = 1, 20 do state = (state * 6364136223846793005 + 1442695040888963407); digits[i] = state >> 60 end
print(table.concat(digits, " "))

-- closures, metatables, goto, integer division by zero, to-be-closed variables
local function counter()
    local n = 0
    return function(step) n = n + (step or 1) return n end
end
local a, b = counter(), counter()
print(a(), a(5), b(), a())
local point = setmetatable({ x = 1, y = 2 }, {
    __add = function(p, q) return p.x + q.x end, __tostring = function(p) return "point " .. p.x end,
    __index = function(_, key) return key .. "?" end, __call = function(_, ...) return select("#", ...) end,
    __lt = function(p, q) return p.x < q.x end, __len = function() return 99 end })
print(tostring(point), point + point, point.missing, point(1, 2, 3), #point, point < point)
do
    local guard <close> = setmetatable({}, { __close = function() print("closed") end })
    for i = 1, 3 do
        if i == 2 then goto continue end
        io.write(i, " ")
        ::continue::
    end
end

-- coroutines
local function walk(n)
    if n > 0 then walk(n - 1) coroutine.yield(n) walk(n - 1) end
end
local order = {}
for n in coroutine.wrap(function() walk(5) end) do order[#order + 1] = n end
print(table.concat(order, " "))
local co = coroutine.create(function(x) local y = coroutine.yield(x * 2) error({ code = y }) end)
print(coroutine.resume(co, 21))
local good, problem = coroutine.resume(co, 7)
print(good, problem.code, coroutine.status(co))

-- errors
print(pcall(error, "plain"))
print(pcall(function() return nil + 1 end))
print(select(2, xpcall(function() local x <const> = {}; return x.y.z end, function(m) return "handled: " .. m end)))
print(pcall(string.rep, "x", -1), pcall(load, "return 1 +"))
print(load("return 1 +"))
print(pcall(function() local function deep() return 1 + deep() end return deep() end))
print(load("local a, b = ... return a * b")(6, 7))

-- much garbage
local sum = 0
for i = 1, 200000 do
    local item = { i, tostring(i), function() return i end }
    sum = sum + item[3]() + #item[2]
end
collectgarbage()
print(sum, collectgarbage("count") < 100000)
os.exit(arg[2] == "fail" and 5 or 0)
