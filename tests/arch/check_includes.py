#!/usr/bin/python3
"""Check that every #include follows the arrows of the architecture.

usage: check_includes.py [--self-test] SOURCE_DIR

The folders are the architecture: includes point down only. This reads the #include lines of engine/ and sweep/ and
fails on any arrow that is not in the table below, on mpi.h and hdf5.h outside the few places they belong to, on cJSON.h outside the JSON
reader, and on a cycle between headers. --self-test checks the checker on lines that must be refused.
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
# Arrows that do not hold yet, as (room, what it still includes). One that nobody needs any more is a problem, too.
NOT_YET = {
    ("scenario", "wattsim.h"),
}
# Plain data that a room may see of one beside it, header by header.
SEEN = {
    "energy": {"timing/batch_report.h"},  # what is charged; how batches get their times is none of its business
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
PUBLIC_HEADER = "wattsim.h"
# What the public header itself may show: plain result and option types, and base.
PUBLIC_FOLDERS = {"result", "scenario", "base"}
# Who may include the public header: what implements it or is a program on top of it, never the layers below.
ABOVE_PUBLIC = {"sim", "output", "programs"}
MPI = re.compile(r"^mpi\.h$")
HDF5 = re.compile(r"^(hdf5|hdf5_hl|H5\w*)\.h$")
CJSON = re.compile(r"^(cjson/)?cJSON(_Utils)?\.h$")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]', re.MULTILINE)


def engine_rule(folder, name, included, not_yet=NOT_YET):
    """Why a file of an engine room must not include this, or None."""
    if MPI.match(included) or HDF5.match(included):
        return "engine/ knows neither MPI nor HDF5"
    if CJSON.match(included):
        is_reader = folder == "base" and re.fullmatch(r"json\w*\.c", name)
        return None if is_reader else "only base/json*.c includes cJSON.h"
    target = included.split("/")[0]
    if (folder, target) in not_yet or included in SEEN.get(folder, ()):
        return None
    if included == PUBLIC_HEADER:
        return None if folder in ABOVE_PUBLIC else "only sim, output and programs include wattsim.h"
    if "/" not in included or target not in ALLOWED | {"programs": set()}:
        return None  # the system or a third party
    if folder == "programs" or target == folder:
        return None
    if name == PUBLIC_HEADER:
        return None if target in PUBLIC_FOLDERS else f"wattsim.h must not show {target}/"
    return None if target in ALLOWED[folder] else f"{folder}/ must not include {target}/"


def unused_exceptions(root):
    """Entries of NOT_YET that no file needs any more."""
    used = set()
    for path in (root / "engine").glob("*/*.[ch]"):
        for included in INCLUDE.findall(path.read_text(encoding="utf-8")):
            if engine_rule(path.parent.name, path.name, included, set()):
                used.add((path.parent.name, included.split("/")[0]))
    return [f"NOT_YET: {room}/ no longer includes {what}" for room, what in sorted(NOT_YET - used)]


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
        return "sweep/ sees the engine through wattsim.h and base/ only"
    return None


def rule_of(path, included, sweep_headers=frozenset()):
    """Why the file (a path like engine/power/ledger.c) must not include this, or None."""
    parts = Path(path).parts
    if ".." in Path(included).parts:
        return "includes name a path from the root, never ../"
    if parts[0] == "sweep":
        return sweep_rule(path, included, sweep_headers)
    if parts[-1] == PUBLIC_HEADER:
        return engine_rule("", PUBLIC_HEADER, included)
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


def check(root):
    """All problems of a source tree, one line each, and the number of files read."""
    problems, graph, n_files = [], {}, 0
    headers = {top: {p.relative_to(root / top).as_posix() for p in (root / top).rglob("*.h")}
               for top in ("engine", "sweep")}
    problems += [f"{name}: a header of this name is in engine/ and in sweep/"
                 for name in sorted(headers["engine"] & headers["sweep"])]
    for path in sorted(p for top in ("engine", "sweep") for p in (root / top).rglob("*.[ch]")):
        relative = path.relative_to(root)
        includes = INCLUDE.findall(path.read_text(encoding="utf-8"))
        n_files += 1
        for included in includes:
            problem = rule_of(relative.as_posix(), included, headers["sweep"])
            if problem:
                problems.append(f"{relative}: #include \"{included}\": {problem}")
        if path.suffix == ".h":
            top = "engine" if relative.parts[0] == "engine" else "sweep"
            graph[relative.relative_to(top).as_posix()] = includes
    problems += unused_exceptions(root)
    cycle = find_cycle(graph)
    if cycle:
        problems.append("headers include each other: " + " -> ".join(cycle))
    return problems, n_files


MUST_FAIL = [
    ("engine/base/error.c", "cjson/cJSON.h"),
    ("engine/base/json.h", "cjson/cJSON.h"),
    ("engine/sim/run.c", "mpi.h"),
    ("engine/output/store.c", "hdf5.h"),
    ("engine/main.c", "hdf5_hl.h"),
    ("engine/model/model.c", "wattsim.h"),
    ("engine/energy/accounts.c", "wattsim.h"),
    ("engine/energy/charge.c", "timing/executor.h"),
    ("engine/wattsim.h", "serving/request.h"),
    ("engine/wattsim.h", "timing/step.h"),
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
# What no room may include of the ones above and beside it: every arrow of engine/ that is not in ALLOWED.
MUST_FAIL += [(f"engine/{room}/x.c", f"{other}/x.h") for room in ALLOWED for other in [*ALLOWED, "programs"]
              if other != room and other not in ALLOWED[room] and (room, other) not in NOT_YET]
# The arrows that matter most, by name, so that a slip in the table does not take its own test along.
NEVER = [("timing", "energy"), ("energy", "timing"), ("timing", "power"), ("timing", "result"), ("serving", "power"), ("power", "serving"), ("energy", "serving"),
         ("scenario", "timing"), ("scenario", "energy"), ("scenario", "sim"), ("hardware", "profiling"),
         ("workload", "serving"), ("result", "sim"), ("result", "scenario"), ("sim", "output"), ("output", "programs"),
         ("output", "timing"), ("output", "energy"), ("base", "model"), ("model", "hardware"), ("hardware", "power")]
MUST_FAIL += [(f"engine/{room}/x.c", f"{other}/x.h") for room, other in NEVER]
MUST_PASS = [
    ("engine/scenario/scenario.c", "serving/request.h"),
    ("engine/sim/simulate.c", "wattsim.h"),
    ("engine/base/json_edit.c", "cjson/cJSON.h"),
    ("engine/energy/charge.h", "timing/batch_report.h"),
    ("engine/output/csv.c", "result/result.h"),
    ("engine/programs/wattprof_fit.c", "profiling/profile_fit.h"),
    ("engine/wattsim.h", "result/result.h"),
    ("engine/base/files.c", "sys/stat.h"),
    ("sweep/ranks/worker.c", "wattsim.h"),
    ("sweep/ranks/mpi_transport.c", "mpi.h"),
    ("sweep/store/reader.c", "hdf5.h"),
    ("sweep/store/reader.c", "base/json.h"),
    ("sweep/wattsweep_main.c", "run/cmd_run.h"),
]


def forbidden_rooms():
    """Each pair of rooms of sweep/ without an arrow, and the headers they would be tried on."""
    return [(room, other) for room in SWEEP_ALLOWED for other in SWEEP_ALLOWED
            if other != room and other not in SWEEP_ALLOWED[room]]


def self_test():
    headers = frozenset(f"{room}/x.h" for room in SWEEP_ALLOWED)
    wrong = [pair for pair in forbidden_rooms() if rule_of(f"sweep/{pair[0]}/y.c", f"{pair[1]}/x.h", headers) is None]
    wrong += [(room, other) for room, others in SWEEP_ALLOWED.items() for other in others
              if rule_of(f"sweep/{room}/y.c", f"{other}/x.h", headers) is not None]
    wrong += [case for case in MUST_FAIL if rule_of(*case) is None]
    wrong += [case for case in MUST_PASS if rule_of(*case) is not None]
    if find_cycle({"a.h": ["b.h"], "b.h": ["c.h"], "c.h": ["a.h"]}) is None:
        wrong.append("a cycle of three headers")
    if find_cycle({"a.h": ["b.h", "c.h"], "b.h": ["c.h"], "c.h": []}) is not None:
        wrong.append("a diamond is no cycle")
    if find_cycle(ALLOWED):
        wrong.append("rooms of engine/ that include each other")
    return [f"the checker misjudges {case}" for case in wrong]


def main(arguments):
    paths = [argument for argument in arguments if argument != "--self-test"]
    if len(paths) != 1:
        sys.exit(__doc__)
    problems = self_test() if "--self-test" in arguments else []
    found, n_files = check(Path(paths[0]))
    problems += found
    if n_files == 0:
        problems.append(f"{paths[0]}: no sources found")
    print("\n".join(problems) or f"{n_files} files, all includes point down")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
