# SPDX-License-Identifier: Apache-2.0
"""check_options.py MOTE ROOT: each command reads, tells and completes the same options.

They are read by ROOT/cli/parse_COMMAND.c, and told by `MOTE help COMMAND`, by ROOT/docs/man/mote.1 and
by bash's completion, ROOT/cli/completion.bash.
"""
import pathlib
import re
import subprocess
import sys

COMPLETE = """. "$1"; COMP_WORDS=(mote "$3" -) COMP_CWORD=2
_mote "$2" - "$3"; printf '%s\\n' "${COMPREPLY[@]}" """


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def parsed(root, command):
    """{long name: whether it takes a value}"""
    source = (root / "cli" / f"parse_{command}.c").read_text()
    if "\n    GUEST_OPTIONS,\n" in source:  # those that commands share
        source += (root / "cli" / "guest_options.h").read_text()
    rows = re.findall(r'^    \{\w+, .+?, "([a-z0-9-]+)", (NULL|"[^"]*"),', source, re.MULTILINE)
    return {f"--{name}": value != "NULL" for name, value in rows}


def told(mote, command):
    """The same, of the help."""
    text = run(mote, "help", command)
    rows = re.findall(r"^  (?:-\w, )?(--[a-z0-9-]+)( \S*[A-Z]\S*)?(?:  | \w|$)", text, re.MULTILINE)
    return {name: value != "" for name, value in rows}


def manual(root, command):
    """The same, of the manual page."""
    page = (root / "docs" / "man" / "mote.1").read_text()
    section = page.split(f"\n.Ss mote {command}\n", 1)[1]
    section = re.split(r"^\.S[sh] ", section, 1, re.MULTILINE)[0]
    rows = re.findall(r"^\.It .*?Fl -([a-z0-9-]+)( Ar)?", section, re.MULTILINE)
    return {f"--{name}": value != "" for name, value in rows} | {"--help": False}


def completed(mote, root, command):
    """The names alone."""
    script = root / "cli" / "completion.bash"
    return set(run("bash", "-c", COMPLETE, "-", str(script), mote, command).split())


def main(mote, root):
    root, problems, count = pathlib.Path(root), [], 0
    for source in sorted((root / "cli").glob("parse_*.c")):
        command = source.stem[len("parse_"):]
        read = parsed(root, command)
        count += len(read)
        for where, found in (("the help", told(mote, command)), ("mote.1", manual(root, command))):
            problems += [
                f"mote {command}: {name}: {source.name} says {read.get(name)}, {where} says "
                f"{found.get(name)} (True: with a value; None: no such option)"
                for name in sorted(read.keys() | found.keys())
                if read.get(name) != found.get(name)
            ]
        offered = completed(mote, root, command)
        if offered != set(read):
            problems.append(f"mote {command}: completion differs in {offered ^ set(read)}")
    print("\n".join(problems) or f"options: {count}, all told, in the manual and completed")
    return len(problems) > 0 or count < 20


sys.exit(main(*sys.argv[1:]))
