# SPDX-License-Identifier: Apache-2.0
"""check_histogram.py TEST_HISTOGRAM: its answers against those of the sorted numbers.

Where Python has the package hdrhistogram, its counters are compared, too.
"""
import bisect
import math
import random
import re
import subprocess
import sys
from fractions import Fraction

PERCENTS = [0, 10, 50, 90, 99, 99.9, 99.99, 100]
LARGEST = 2**42 - 1
LINE = re.compile(r"^ *(\d+\.\d{3}) (\d\.\d{12}) +(\d+)(?: +(\d+\.\d{2}))?$")


def highest(value):
    """The greatest number that is told the same as this one: 11 significant bits."""
    width = 1 << max(0, value.bit_length() - 11)
    return value // width * width + width - 1


def near(a, b):
    return abs(a - b) <= 0.0005 + 1e-6 * abs(b)


def check_answers(values, answers):
    assert answers[:2] == [values[0], values[-1]], answers
    for percent, answer in zip(PERCENTS, answers[2:]):
        exact = values[max(0, math.ceil(Fraction(str(percent)) / 100 * len(values)) - 1)]
        assert answer == min(highest(exact), values[-1]), (percent, answer, exact)
        assert answer - exact <= exact / 1000, (percent, answer, exact)


def check_levels(levels):
    """A fifth of each halving apart: 0, 10 ... 50, 55 ... 75 and so on, then 100."""
    expected, step = 0.0, 10.0
    for level in levels[:-1]:
        assert near(level * 100, expected), (level, expected)
        step = 10.0 / 2 ** math.floor(math.log2(100 / (100 - expected)) + 1e-9)
        expected += step
    assert levels[-1] == 1


def check_distribution(values, unit, lines):
    assert lines[0].split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
    rows = [LINE.match(line).groups() for line in lines[2:-3]]
    check_levels([float(row[1]) for row in rows])
    for value, level, count, left in rows:
        number = round(float(value) * unit)
        assert int(count) == bisect.bisect_right(values, number), (value, count)
        assert int(count) >= float(level) * len(values) * (1 - 1e-9)
        assert (left is None) == (level == "1.000000000000")
        assert left is None or near(float(left), round(1 / (1 - float(level)), 2)) or float(left) > 1e3
    mean = sum(values) / len(values)
    told = float(re.match(r"#\[Mean +=\s+([\d.]+), StdDeviation +=", lines[-3]).group(1)) * unit
    assert abs(told - mean) <= mean / 1000 + unit, (told, mean)
    most, total = re.match(r"#\[Max +=\s+([\d.]+), Total count +=\s+(\d+)\]", lines[-2]).groups()
    assert near(float(most) * unit, highest(values[-1])) and int(total) == len(values)
    assert re.match(r"#\[Buckets +=\s+32, SubBuckets +=\s+2048\]", lines[-1])


def check_package(values, answers, rows):
    try:
        from hdrh.histogram import HdrHistogram
    except ImportError:
        return False
    other = HdrHistogram(1, LARGEST, 3)
    for value in values:
        other.record_value(value)
    for line in rows:
        value, level, count, _ = LINE.match(line).groups()
        assert near(other.get_value_at_percentile(int(count) * 100 / len(values)), float(value) * 1000)
    for percent, answer in zip(PERCENTS[2:], answers[4:]):
        told = other.get_value_at_percentile(percent)
        assert abs(told - answer) <= 0.2 * answer, (percent, told, answer)  # it rounds the rank
    return True


def check(program, numbers):
    text = "\n".join(map(str, numbers))
    command = [program, "1000", *map(str, PERCENTS)]
    out = subprocess.run(command, input=text, check=True, capture_output=True, text=True).stdout
    lines = out.splitlines()
    values = sorted(min(number, LARGEST) for number in numbers)
    answers = list(map(int, lines[0].split()))
    check_answers(values, answers)
    check_distribution(values, 1000, lines[1:])
    return check_package(values, answers, lines[3:-3])


def main(program):
    source = random.Random(7)
    sets = [
        [1],
        [0, 0, 0],
        [5] * 1000 + [7],
        list(range(1, 5000)),
        [2047, 2048, 2049, 4095, 4096, 4097],
        [2**42 - 1, 2**42, 2**63, 1],
        [int(source.lognormvariate(9, 1.5)) for _ in range(20000)],
        [int(source.paretovariate(0.6) * 1000) for _ in range(5000)],
    ]
    compared = [check(program, numbers) for numbers in sets]
    empty = subprocess.run([program, "1", "50"], input="", check=True, capture_output=True, text=True)
    assert empty.stdout.startswith("0 0 0\n"), empty.stdout
    print(f"histogram: {len(sets)} sets of numbers, hdrhistogram {'agrees' if all(compared) else 'is not here'}")


main(*sys.argv[1:])
