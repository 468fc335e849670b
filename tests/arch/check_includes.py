#!/usr/bin/python3
"""Check that every #include follows the arrows of the architecture.

usage: check_includes.py [--self-test] SOURCE_DIR
       check_includes.py --graph [--modules] SOURCE_DIR    the rooms, or all modules, for dot (graphviz)

The folders are the architecture: includes point down only. This reads the #include lines of engine/ and sweep/ and
fails on any arrow that is not in the table below, on mpi.h and hdf5.h outside the few places they belong to, on cJSON.h outside the JSON
reader, on a cycle between headers and on a circle of modules. --self-test checks the checker on lines that must be
refused.
"""
import re
import sys
from pathlib import Path

# The rooms of engine/: each one -> the rooms it may include, besides itself. programs/ may include any.
ALLOWED = {
    "base": set(),
    "model": {"base"},
    "hardware": {"model", "base"},
    "profiling": {"hardware", "model", "base"},
    "workload": {"base"},
    "serving": {"workload", "base"},
    "power": {"base"},
    "result": {"hardware", "power", "base"},  # the kind of a profile, the names of components
    "scenario": {"result", "hardware", "serving", "workload", "power", "model", "base"},
    "timing": {"scenario", "hardware", "serving", "workload", "model", "base"},
    "energy": {"scenario", "power", "base"},
    "sim": {"timing", "energy", "scenario", "result", "serving", "workload", "power", "hardware", "model", "base"},
    "output": {"sim", "scenario", "result", "base"},
}
# Plain data that a room may see of one next to it, header by header.
SEEN = {
    "energy": {"timing/batch_report.h"},  # what is charged; how batches get their times is none of its business
}
# Circles of modules that are still there, as sets of modules. One that is gone is a problem, too: the list shrinks.
CIRCLES_NOT_YET = {
    "engine": [],
    "sweep": [],
}
# room of sweep/ -> the rooms it may include, besides itself
SWEEP_ALLOWED = {
    "result": set(),
    "spec": {"result"},
    "job": {"spec", "result"},
    "store": {"result"},
    "analysis": {"store", "job", "spec", "result"},
    "cli": set(),
    "view": {"analysis", "store", "job", "spec", "result", "cli"},
    "ranks": {"job", "store", "spec", "result"},
    "run": {"ranks", "analysis", "job", "store", "spec", "result", "cli"},
}
# The files that include mpi.h, and the rooms that include hdf5.h.
MPI_FILES = {"sweep/ranks/mpi_transport.c", "sweep/ranks/node_window.h"}
HDF5_ROOMS = {"store"}
# The installed headers, engine/include/wattsim/ -> the room that implements each: it and those above it may include it.
INSTALLED = {"api.h": "base", "version.h": "base", "status.h": "base", "error.h": "base", "result.h": "result",
             "options.h": "scenario", "scenario.h": "scenario", "run.h": "sim", "wattsim.h": "programs"}
# The engine as programs and sweep/ see it: the installed headers and, besides, these rooms.
PROGRAMS_HEADER = "engine.h"
PROGRAMS_SEE = {"result", "scenario", "base", "wattsim"}
ABOVE_ENGINE = {"output", "programs"}
MPI = re.compile(r"^mpi\.h$")
HDF5 = re.compile(r"^(hdf5|hdf5_hl|H5\w*)\.h$")
CJSON = re.compile(r"^(cjson/)?cJSON(_Utils)?\.h$")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]', re.MULTILINE)


def engine_rule(folder, name, included):
    """Why a file of an engine room must not include this, or None."""
    if MPI.match(included) or HDF5.match(included):
        return "engine/ knows neither MPI nor HDF5"
    if CJSON.match(included):
        is_reader = folder == "base" and re.fullmatch(r"json\w*\.c", name)
        return None if is_reader else "only base/json*.c includes cJSON.h"
    target = included.split("/")[0]
    if included in SEEN.get(folder, ()):
        return None
    if included == PROGRAMS_HEADER:
        return None if folder in ABOVE_ENGINE else "only output and programs include engine.h"
    if folder == "include":
        is_installed = target == "wattsim" and included.split("/")[-1] in INSTALLED
        return None if is_installed or "/" not in included else "an installed header includes only installed ones"
    if name == PROGRAMS_HEADER:
        return None if target in PROGRAMS_SEE else f"engine.h must not show {target}/"
    if target == "wattsim":
        return installed_rule(folder, included)
    if "/" not in included or target not in ALLOWED | {"programs": set()}:
        return None  # the system or a third party
    if folder == "programs" or target == folder:
        return None
    return None if target in ALLOWED[folder] else f"{folder}/ must not include {target}/"


def installed_rule(folder, included):
    """Why a file of an engine room must not include an installed header, or None."""
    home = INSTALLED.get(included.split("/")[-1])
    if home is None:
        return "not an installed header that INSTALLED lists"
    is_above = folder == "programs" or folder == home or home in ALLOWED[folder]
    return None if is_above else f"{folder}/ is below {home}/, which implements {included}"


def sweep_rule(path, included, sweep_headers):
    """Why a file of sweep/ (a path like sweep/store/reader.c) must not include this, or None.

    sweep_headers: the headers of sweep/ ("store/reader.h"): some rooms of the engine have the same names.
    """
    parts = Path(path).parts
    room = parts[1] if len(parts) > 2 else None  # None: the program on top, which may see every room
    if MPI.match(included):
        return None if path in MPI_FILES else "mpi.h belongs to sweep/ranks/mpi_transport.c and node_window.h"
    if HDF5.match(included):
        return None if room in HDF5_ROOMS else "hdf5.h belongs to sweep/store/"
    if CJSON.match(included):
        return "only base/json*.c includes cJSON.h"
    target = included.split("/")[0] if "/" in included else None
    if included in sweep_headers:
        if room is None or target == room or target in SWEEP_ALLOWED[room]:
            return None
        return f"sweep/{room}/ must not include sweep/{target}/"
    if included.startswith("engine/") or (target in ALLOWED and target != "base"):
        return "sweep/ sees the engine through engine.h and base/ only"
    return None


def rule_of(path, included, sweep_headers=frozenset()):
    """Why the file (a path like engine/power/ledger.c) must not include this, or None."""
    parts = Path(path).parts
    if ".." in Path(included).parts:
        return "includes name a path from the root, never ../"
    if parts[0] == "sweep":
        return sweep_rule(path, included, sweep_headers)
    if parts[-1] == PROGRAMS_HEADER:
        return engine_rule("", PROGRAMS_HEADER, included)
    return engine_rule(parts[1] if len(parts) > 2 else "programs", parts[-1], included)


def find_cycle(graph):
    """A list of headers that include each other in a ring, or None."""
    done, path = set(), []

    def visit(header):
        if header in path:
            return path[path.index(header):] + [header]
        if header in done:
            return None
        path.append(header)
        for included in graph.get(header, ()):
            cycle = visit(included)
            if cycle:
                return cycle
        done.add(path.pop())
        return None

    for header in sorted(graph):
        cycle = visit(header)
        if cycle:
            return cycle
    return None


def module_of(path):
    """The module of a file, below its top folder: sweep/store/reader.c and reader.h are store/reader."""
    return "/".join(Path(path).with_suffix("").parts[1:])


def room_name(top, module):
    """The room of a module as graphs show it; of wattsim.h and the programs on top, the top folder."""
    room = module.rpartition("/")[0]
    return f"{top}/{room}" if room else top


def module_graph(top, includes_of):
    """Module -> the modules of the same top folder that its .h or its .c includes.

    includes_of: path of each file ("sweep/store/reader.c") -> what it includes.
    """
    files = {path: includes for path, includes in includes_of.items() if Path(path).parts[0] == top}
    headers = {Path(path).relative_to(top).as_posix(): module_of(path) for path in files if path.endswith(".h")}
    graph = {module_of(path): set() for path in files}
    for path, includes in files.items():
        own = module_of(path)
        graph[own] |= {headers[included] for included in includes if included in headers} - {own}
    return graph


def find_circles(graph):
    """All sets of modules that include each other in a ring (strongly connected components, Tarjan 1972)."""
    index, low, stack, circles = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            circle = set(stack[stack.index(node):])
            del stack[stack.index(node):]
            if len(circle) > 1:
                circles.append(circle)

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return circles


def circle_problems(top, graph, not_yet):
    """Circles that are not known, and known ones that are gone."""
    circles = find_circles(graph)
    return ([f"{top}/: modules include each other: " + ", ".join(sorted(circle))
             for circle in circles if circle not in not_yet] +
            [f"CIRCLES_NOT_YET: {top}/ has no circle of " + ", ".join(sorted(circle))
             for circle in not_yet if circle not in circles])


def read_includes(root):
    """Path of each source below the root -> what it includes."""
    paths = sorted(p for top in ("engine", "sweep") for p in (root / top).rglob("*.[ch]"))
    return {path.relative_to(root).as_posix(): INCLUDE.findall(path.read_text(encoding="utf-8")) for path in paths}


def dot_of_modules(root):
    """All modules and their arrows, one box per room."""
    lines = ["digraph modules {", "  rankdir=LR;", "  node [shape=box];"]
    includes_of = read_includes(root)
    for top in ("engine", "sweep"):
        graph = module_graph(top, includes_of)
        for room in sorted({room_name(top, module) for module in graph}):
            members = " ".join(f'"{top}/{module}";' for module in sorted(graph) if room_name(top, module) == room)
            lines.append(f'  subgraph "cluster_{room}" {{ label="{room}"; {members} }}')
        lines += [f'  "{top}/{module}" -> "{top}/{other}";'
                  for module in sorted(graph) for other in sorted(graph[module])]
    return "\n".join(lines + ["}"])


def dot_of_rooms(root):
    """The rooms and their arrows, each with the number of modules that make it."""
    lines = ["digraph rooms {", "  node [shape=box];"]
    includes_of = read_includes(root)
    for top in ("engine", "sweep"):
        arrows = {}
        for module, others in module_graph(top, includes_of).items():
            room = room_name(top, module)
            for other in {room_name(top, other) for other in others} - {room}:
                arrows[(room, other)] = arrows.get((room, other), 0) + 1
        lines += [f'  "{room}" -> "{other}" [label={n}];' for (room, other), n in sorted(arrows.items())]
    return "\n".join(lines + ["}"])


def check(root):
    """All problems of a source tree, one line each, and the number of files read."""
    problems, graph = [], {}
    headers = {top: {p.relative_to(root / top).as_posix() for p in (root / top).rglob("*.h")}
               for top in ("engine", "sweep")}
    problems += [f"{name}: a header of this name is in engine/ and in sweep/"
                 for name in sorted(headers["engine"] & headers["sweep"])]
    includes_of = read_includes(root)
    for path, includes in includes_of.items():
        for included in includes:
            problem = rule_of(path, included, headers["sweep"])
            if problem:
                problems.append(f"{path}: #include \"{included}\": {problem}")
        if path.endswith(".h"):
            graph["/".join(Path(path).parts[1:]).removeprefix("include/")] = includes
    cycle = find_cycle(graph)
    if cycle:
        problems.append("headers include each other: " + " -> ".join(cycle))
    for top in ("engine", "sweep"):
        problems += circle_problems(top, module_graph(top, includes_of), CIRCLES_NOT_YET[top])
    return problems, len(includes_of)


MUST_FAIL = [
    ("engine/base/error.c", "cjson/cJSON.h"),
    ("engine/base/json.h", "cjson/cJSON.h"),
    ("engine/sim/run.c", "mpi.h"),
    ("engine/output/store.c", "hdf5.h"),
    ("engine/main.c", "hdf5_hl.h"),
    ("engine/model/model.c", "engine.h"),
    ("engine/energy/accounts.c", "engine.h"),
    ("engine/engine.h", "serving/request.h"),
    ("engine/engine.h", "timing/step.h"),
    ("engine/sim/simulate.c", "engine.h"),
    ("engine/include/wattsim/run.h", "base/status.h"),
    ("engine/include/wattsim/run.h", "scenario/scenario.h"),
    ("engine/include/wattsim/run.h", "engine.h"),
    ("engine/base/error.h", "wattsim/result.h"),
    ("engine/result/result.h", "wattsim/scenario.h"),
    ("engine/scenario/scenario.h", "wattsim/run.h"),
    ("engine/sim/run.h", "wattsim/wattsim.h"),
    ("engine/base/error.h", "wattsim/unknown.h"),
    ("engine/energy/charge.c", "timing/executor.h"),
    ("engine/hardware/roofline.c", "../power/ledger.h"),
    ("engine/output/request_csv.c", "programs/wattsim_cli.h"),
    ("sweep/ranks/worker.c", "sim/scenario.h"),
    ("sweep/ranks/worker.c", "engine/serving/workload.h"),
    ("sweep/ranks/worker.c", "mpi.h"),
    ("sweep/ranks/transport.c", "mpi.h"),
    ("sweep/ranks/mpi_transport.h", "mpi.h"),
    ("sweep/spec/expr.c", "mpi.h"),
    ("sweep/view/cmd_top.c", "hdf5.h"),
    ("sweep/result/columns.h", "hdf5.h"),
    ("sweep/spec/spec.c", "cjson/cJSON.h"),
]
# What no room may include of the ones above and next to it: every arrow of engine/ that is not in ALLOWED.
MUST_FAIL += [(f"engine/{room}/x.c", f"{other}/x.h") for room in ALLOWED for other in [*ALLOWED, "programs"]
              if other != room and other not in ALLOWED[room]]
# The arrows that matter most, by name, so that a slip in the table does not take its own test along.
NEVER = [("timing", "energy"), ("energy", "timing"), ("timing", "power"), ("timing", "result"), ("serving", "power"), ("power", "serving"), ("energy", "serving"),
         ("scenario", "timing"), ("scenario", "energy"), ("scenario", "sim"), ("hardware", "profiling"),
         ("workload", "serving"), ("result", "sim"), ("result", "scenario"), ("sim", "output"), ("output", "programs"),
         ("output", "timing"), ("output", "energy"), ("base", "model"), ("model", "hardware"), ("hardware", "power")]
MUST_FAIL += [(f"engine/{room}/x.c", f"{other}/x.h") for room, other in NEVER]
MUST_PASS = [
    ("engine/scenario/scenario.c", "serving/request.h"),
    ("engine/sim/run.h", "wattsim/run.h"),
    ("engine/base/error.h", "wattsim/error.h"),
    ("engine/include/wattsim/error.h", "wattsim/status.h"),
    ("engine/include/wattsim/error.h", "stddef.h"),
    ("engine/output/summary_json.h", "engine.h"),
    ("engine/engine.h", "wattsim/wattsim.h"),
    ("engine/base/json_edit.c", "cjson/cJSON.h"),
    ("engine/energy/charge.h", "timing/batch_report.h"),
    ("engine/output/csv.c", "result/result.h"),
    ("engine/programs/wattprof_fit.c", "profiling/profile_fit.h"),
    ("engine/engine.h", "result/result.h"),
    ("engine/base/files.c", "sys/stat.h"),
    ("sweep/ranks/worker.c", "engine.h"),
    ("sweep/ranks/mpi_transport.c", "mpi.h"),
    ("sweep/store/reader.c", "hdf5.h"),
    ("sweep/store/reader.c", "base/json.h"),
    ("sweep/wattsweep_main.c", "run/cmd_run.h"),
]


def forbidden_rooms():
    """Each pair of rooms of sweep/ without an arrow, and the headers they would be tried on."""
    return [(room, other) for room in SWEEP_ALLOWED for other in SWEEP_ALLOWED
            if other != room and other not in SWEEP_ALLOWED[room]]


# Sources and the circles of modules they make.
CIRCLES = [
    ({"sweep/store/a.c": ["store/a.h", "store/b.h"], "sweep/store/b.c": ["store/b.h", "store/a.h"],
      "sweep/store/a.h": [], "sweep/store/b.h": []}, [{"store/a", "store/b"}]),
    ({"sweep/store/a.c": ["store/b.h"], "sweep/store/b.h": ["job/c.h"], "sweep/job/c.c": ["store/a.h"],
      "sweep/store/a.h": [], "sweep/job/c.h": []}, [{"store/a", "store/b", "job/c"}]),
    ({"sweep/store/a.c": ["store/b.h", "store/c.h"], "sweep/store/b.h": ["store/c.h"], "sweep/store/c.h": [],
      "engine/store/c.h": ["store/a.h"], "engine/store/a.h": []}, []),
]


def circle_self_test():
    """What the search for circles gets wrong."""
    wrong = [case for case, circles in CIRCLES if find_circles(module_graph("sweep", case)) != circles]
    pair, known = {"a": {"b"}, "b": {"a"}}, [{"a", "b"}]
    wrong += ["a new circle"] if not circle_problems("sweep", pair, []) else []
    wrong += ["a circle that is known"] if circle_problems("sweep", pair, known) else []
    wrong += ["a known circle that is gone"] if not circle_problems("sweep", {"a": {"b"}}, known) else []
    return wrong


def self_test():
    headers = frozenset(f"{room}/x.h" for room in SWEEP_ALLOWED)
    wrong = [pair for pair in forbidden_rooms() if rule_of(f"sweep/{pair[0]}/y.c", f"{pair[1]}/x.h", headers) is None]
    wrong += [(room, other) for room, others in SWEEP_ALLOWED.items() for other in others
              if rule_of(f"sweep/{room}/y.c", f"{other}/x.h", headers) is not None]
    wrong += [case for case in MUST_FAIL if rule_of(*case) is None]
    wrong += [case for case in MUST_PASS if rule_of(*case) is not None]
    wrong += circle_self_test()
    if find_cycle({"a.h": ["b.h"], "b.h": ["c.h"], "c.h": ["a.h"]}) is None:
        wrong.append("a cycle of three headers")
    if find_cycle({"a.h": ["b.h", "c.h"], "b.h": ["c.h"], "c.h": []}) is not None:
        wrong.append("a diamond is no cycle")
    if find_cycle(ALLOWED):
        wrong.append("rooms of engine/ that include each other")
    return [f"the checker misjudges {case}" for case in wrong]


def main(arguments):
    paths = [argument for argument in arguments if not argument.startswith("--")]
    if len(paths) != 1 or not set(arguments) - set(paths) <= {"--self-test", "--graph", "--modules"}:
        sys.exit(__doc__)
    if "--graph" in arguments:
        print(dot_of_modules(Path(paths[0])) if "--modules" in arguments else dot_of_rooms(Path(paths[0])))
        return 0
    problems = self_test() if "--self-test" in arguments else []
    found, n_files = check(Path(paths[0]))
    problems += found
    if n_files == 0:
        problems.append(f"{paths[0]}: no sources found")
    print("\n".join(problems) or f"{n_files} files, all includes point down")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
