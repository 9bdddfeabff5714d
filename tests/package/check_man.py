# SPDX-License-Identifier: Apache-2.0
"""check_man.py INCLUDE MAN: every public function has a manual page, with the prototype of its header.

Names stand in the NAME section of a page, prototypes in its synopsis (.Ft, .Fo, .Fa, .Fc).
"""
import pathlib
import re
import sys

FUNCTION = re.compile(
    r"^(?:MOTE_API |MOTE__NORETURN |static inline )*((?:const )?(?:struct )?\w+ \**)(mote_\w+)\(([^;{]*)\)\s*[;{]",
    re.MULTILINE,
)
PAGE_FUNCTION = re.compile(r'^\.Ft (.*)\n\.Fo (\w+)\n((?:\.Fa .*\n)*)\.Fc$', re.MULTILINE)


def spaced(text):
    return " ".join(text.split())


def declarations(header):
    """The header without comments, preprocessor lines, attributes and templates."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^template <.*?[;{]", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"__attribute__\(\((?:[^()]|\([^()]*\))*\)\)\s*", "", text)


def prototypes(header):
    """{function: (type, parameters)}"""
    found = {}
    for kind, name, parameters in FUNCTION.findall(declarations(header)):
        split = re.split(r",(?![^()]*\))", parameters)
        found[name] = (spaced(kind), [spaced(parameter) for parameter in split])
    return found


def documented(page):
    """{function: (type, parameters)} of the functions that the NAME section lists."""
    section = page.split(".Sh NAME", 1)[1].split(".Sh ", 1)[0]
    names = set(re.findall(r"^\.Nm (\w+)", section, re.MULTILINE))
    found = {}
    for kind, name, parameters in PAGE_FUNCTION.findall(page):
        if name in names:
            split = [line[4:].strip('"') for line in parameters.splitlines()]
            found[name] = (kind.strip('"'), split)
    return found


def main(include, man):
    wanted, found, problems = {}, {}, []
    for header in sorted(pathlib.Path(include).glob("*.h")):
        for name, prototype in prototypes(header.read_text()).items():
            wanted[name] = (header.name, prototype)
    for page in sorted(pathlib.Path(man).glob("*.3")):
        for name, prototype in documented(page.read_text()).items():
            found[name] = (page.name, prototype)
    for name, (header, prototype) in wanted.items():
        if name not in found and not name.startswith("mote__"):
            problems.append(f"{header}: {name} has no manual page; add it to one in {man}")
        elif name in found and found[name][1] != prototype:
            problems.append(f"{found[name][0]}: {name} is {found[name][1]}, in {header} {prototype}")
    for name in found.keys() - wanted.keys():
        problems.append(f"{found[name][0]}: no header declares {name}")
    print("\n".join(problems) or f"man: {len(found)} functions, each with a page and its prototype")
    return len(problems) > 0 or len(found) < 50


sys.exit(main(*sys.argv[1:]))
