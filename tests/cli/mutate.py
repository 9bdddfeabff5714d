#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mutate.py MOTE GUEST TIMES: runs a guest that faults with its debug information, symbols and section
headers damaged in many ways. The command must end as it does with the good file: same exit status,
same first line but for the name of the function; at worst without functions and lines."""
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

mote, guest, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
good = open(guest, "rb").read()
random.seed(1)
SHF_COMPRESSED, ELFCOMPRESS_ZLIB = 0x800, 1


def sections(data):
    """name -> (offset of its header, offset, size)"""
    table, = struct.unpack_from("<Q", data, 0x28)
    count, names = struct.unpack_from("<HH", data, 0x3c)
    at = [table + 64 * i for i in range(count)]
    fields = [struct.unpack_from("<IIQQQQ", data, a) for a in at]
    strings = fields[names][4]
    found = {}
    for header, (name, kind, _, _, offset, size) in zip(at, fields):
        text = data[strings + name:data.index(b"\0", strings + name)].decode()
        if kind not in (0, 8) and size:
            found[text] = (header, offset, size)
    return found, table, count


found, table, count = sections(good)
interesting = [n for n in found if n.startswith(".debug") or n in (".eh_frame", ".symtab", ".strtab")]
assert ".debug_info" in interesting and ".debug_line" in interesting, interesting


def flip(data, start, size, most):
    for _ in range(random.randint(1, most)):
        at = start + random.randrange(size)
        data[at] = random.choice((random.randrange(256), 0, 0xff, data[at] ^ 1 << random.randrange(8)))


def flip_section(data):
    _, offset, size = found[random.choice(interesting)]
    flip(data, offset, size, random.choice((1, 8, 200)))


def shorten_section(data):
    header, _, size = found[random.choice(interesting)]
    struct.pack_into("<Q", data, header + 32, random.choice((0, 1, size // 2, size - 1, size + 8, 2**40, 2**64 - 1)))


def move_section(data):
    header, offset, _ = found[random.choice(interesting)]
    struct.pack_into("<Q", data, header + 24, random.choice((0, 1, offset + 7, len(good) - 1, len(good), 2**63)))


def flip_headers(data):
    flip(data, table, 64 * count, 20)


def cut_file(data):
    loaded = max(struct.unpack_from("<IIQQQQ", good, 64 + 56 * i)[2] + struct.unpack_from("<IIQQQQ", good, 64 + 56 * i)[5]
                 for i in range(struct.unpack_from("<H", good, 0x38)[0]))
    del data[random.randrange(loaded, len(good)):]


def bomb(data):
    """A compressed section that says it is a tebibyte."""
    header, offset, _ = found[random.choice([n for n in interesting if n.startswith(".debug")])]
    flags, = struct.unpack_from("<Q", data, header + 8)
    struct.pack_into("<Q", data, header + 8, flags | SHF_COMPRESSED)
    struct.pack_into("<IIQQ", data, offset, ELFCOMPRESS_ZLIB, 0, random.choice((2**40, 2**31, 2**64 - 1)), 1)


def run(path):
    done = subprocess.run([mote, "run", "--invoke", "wild_write", path, "0xdead0000"], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60)
    said = done.stderr.decode("utf-8", "replace").splitlines()
    first = re.sub(r", at .*? \(rip", " (rip", said[0]) if said else ""
    return done.returncode, first, said[1:]


wanted = run(guest)
assert wanted[0] == 134 and any("faults.c:" in line for line in wanted[2]), wanted
ways = [flip_section] * 6 + [shorten_section, move_section, flip_headers, cut_file, bomb]
lines = 0
with tempfile.TemporaryDirectory() as scratch:
    path = os.path.join(scratch, "guest")
    for i in range(times):
        data = bytearray(good)
        way = random.choice(ways)
        way(data)
        open(path, "wb").write(data)
        status, first, frames = run(path)
        if (status, first) != wanted[:2] or not frames or not frames[0].startswith("#0 0x"):
            sys.exit(f"mutation {i} ({way.__name__}): {status}, {first!r}, {frames!r}")
        lines += any("faults.c:" in line for line in frames)
print(f"{times} damaged guests, {lines} with lines all the same")
