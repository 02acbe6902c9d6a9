#!/usr/bin/env python3
"""Reads the #includes and holds them against the arrows of docs/architecture.md. Prints every arrow that points the
wrong way and exits 1; says nothing when all is well.

    cli -> proxy, admin, manifest -> router, autoscaler, pods       simulator stands alone; bench -> autoscaler

The two cores, router and autoscaler, know the standard library, pods/pod.hpp and themselves. Time is passed in: only the
shell (proxy, admin, cli, the I/O of pods, the simulator) asks a clock, and no file whose opening comment says "Pure".
Whatever is logged is logged as a subsystem's (proxy::log_of), so that its level is true: only the files that set logging
up speak to spdlog itself.
Two types of one name in one namespace are one type to the linker, which takes either's constructor for both and says
nothing (the One Definition Rule): they are found here.
"""
import collections
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

CORES = ("router", "autoscaler")
# manifest makes the settings that proxy is given, so proxy knows its types.
MAY_INCLUDE = {
    "pods": {"pods"},
    "router": {"router"},
    "autoscaler": {"autoscaler"},
    "manifest": {"manifest", "router", "autoscaler", "pods"},
    "proxy": {"proxy", "manifest", "router", "autoscaler", "pods"},
    "admin": {"admin", "proxy", "manifest", "router", "autoscaler", "pods"},
    "cli": {"cli", "admin", "proxy", "manifest", "router", "autoscaler", "pods"},
    "simulator": {"simulator"},
    "bench": {"bench", "autoscaler", "pods"},  # to time a decision; all else is asked from the outside
}
LOGGING = ("proxy/log.cpp", "cli/logging.cpp")
NO_CLOCK = ("router", "autoscaler", "manifest")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
NOW = re.compile(r"\b(\w*[Cc]lock)::now\s*\(|\b(?:std::)?(?:time|clock_gettime|gettimeofday)\s*\(\s*(?:nullptr|NULL|CLOCK_)")
BARE_LOG = re.compile(r"\bspdlog::(?:trace|debug|info|warn|error|critical|log|default_logger\w*)\s*\(")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
PURE = re.compile(r"\bPure\b(?! but\b)")
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'')
NAMESPACE = re.compile(r"\s*(?:inline )?namespace\s*([\w:]*)\s*\{")
TYPE = re.compile(r"(?:template\s*<.*>\s*)?(?:struct|class|enum class|enum)\s+([\w:]+)[^;(]*(?:\{|$)")


def opening_comment(text):
    lines = []
    for line in text.splitlines():
        if not line.startswith("//"):
            break
        lines.append(line)
    return "\n".join(lines)


def is_pure(path, read):
    """A .cpp is as pure as the header it implements says."""
    paths = [path]
    if path.endswith(".cpp"):
        paths.append(path[:-4] + ".hpp")
    return any(PURE.search(opening_comment(read(p) or "")) for p in paths)


def check_file(path, text, pure=False):
    """What is wrong with one file, as sentences. `path` is relative to the repository."""
    room = path.split("/")[0]
    wrong = []

    def say(position, what):
        wrong.append(f"{path}:{text.count(chr(10), 0, position) + 1}: {what}")

    for match in INCLUDE.finditer(text):
        bracket, header = match.groups()
        if bracket == "<":
            if room in CORES and not re.fullmatch(r"[a-z_0-9]+", header):
                say(match.start(2), f"{room}/ is plain state: <{header}> is not the standard library")
            continue
        if "/" not in header:
            say(match.start(2), f'write "{header}" with its room, as in "{room}/{header}"')
            continue
        target = header.split("/")[0]
        if room in CORES and header == "pods/pod.hpp":
            continue
        if target not in MAY_INCLUDE[room]:
            say(match.start(2), f'{room}/ may not include "{header}": the arrows point the other way')
    code = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
    if path not in LOGGING:
        for match in BARE_LOG.finditer(code):
            say(match.start(), f"{match.group()}...): whose line is it? log_of(LogOf::...) of proxy/log.hpp")
    if room in NO_CLOCK or pure:
        why = f"{room}/ never asks a clock" if room in NO_CLOCK else "this file says that it is pure"
        for match in NOW.finditer(code):
            say(match.start(), f"{match.group().strip()}: {why}; take the time as an argument")
    return wrong


def types_of(text):
    """The types that a file defines at namespace level and that the linker sees, with their lines."""
    code = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
    depth, spaces = 0, []  # of each open namespace: the depth at which it began, its name
    for number, line in enumerate(code.splitlines(), 1):
        line = STRING.sub('""', line)
        if space := NAMESPACE.match(line):
            spaces.append((depth, space[1]))
        elif (kind := TYPE.match(line)) and depth == len(spaces) and all(name for _, name in spaces):
            yield "::".join([name for _, name in spaces] + [kind[1]]), number
        depth += line.count("{") - line.count("}")
        while spaces and depth <= spaces[-1][0]:
            spaces.pop()


def doubled(texts):
    """Each type name that two files define, as a sentence. `texts`: path to text."""
    places = collections.defaultdict(list)
    for path, text in texts.items():
        for name, line in types_of(text):
            places[name].append(f"{path}:{line}")
    return [f"{' and '.join(where)}: both define {name}; the linker takes one for the other"
            for name, where in sorted(places.items()) if len(where) > 1]


def sources():
    for room in MAY_INCLUDE:
        for folder, _, files in os.walk(os.path.join(ROOT, room)):
            for name in sorted(files):
                if name.endswith((".hpp", ".cpp")):
                    yield os.path.relpath(os.path.join(folder, name), ROOT)


def read_source(path):
    try:
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def check_all():
    wrong = []
    for path in sources():
        wrong += check_file(path, read_source(path) or "", is_pure(path, read_source))
    return wrong + doubled({path: read_source(path) or "" for path in sources()})


if __name__ == "__main__":
    found = check_all()
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)
