# SPDX-License-Identifier: Apache-2.0
"""make_png.py FOLDER: writes 100 small PNG files of all colour types; some are interlaced."""
import os
import random
import struct
import sys
import zlib

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, colour, interlaced, noise):
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, interlaced)
    rows = b"".join(b"\0" + noise.randbytes(width * CHANNELS[colour]) for _ in range(height))
    palette = chunk(b"PLTE", noise.randbytes(3 * 256)) if colour == 3 else b""
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + palette
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def main(folder):
    noise = random.Random(1)
    os.makedirs(folder)
    for colour in CHANNELS:
        for i in range(20):
            # An interlaced picture of one pixel is one pass of one row: the same bytes.
            size = (1, 1, colour, 1) if i == 0 else (noise.randrange(1, 99), 7, colour, 0)
            with open(f"{folder}/{colour}-{i:02}.png", "wb") as file:
                file.write(png(*size, noise))


main(sys.argv[1])
