#!/usr/bin/python3
"""Mutations of result files by their structure: whatever a file holds, every command that reads it ends in seconds,
with bounded memory and an exit code that means what the table says, never with a signal.

usage: fuzz_results.py WATTSWEEP STORE_SAMPLE [--runs N] [--seed S] [--seconds T] [--memory-mb M] [--keep DIR]

A synthetic file (store_sample) is changed in one of the ways below and given to every command. The cases of `known` run
first; then --runs random ones. A failing file is kept in --keep with its command; --seed repeats a run.
"""
import argparse
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

try:
    import h5py
    import numpy as np
except ImportError:
    print("python3-h5py is not installed")
    sys.exit(77)

ODD_TYPES = [np.dtype("i1"), np.dtype("<i8"), np.dtype(">u2"), np.dtype("f4"), np.dtype("f8"), np.dtype("S3"),
             np.dtype("S5000"), np.dtype([("a", "i4"), ("b", "f8")]), h5py.string_dtype(), h5py.ref_dtype]
ODD_SHAPES = [(), (0,), (1,), (3,), (2, 2), (1, 40), (5000,), None]


def odd_value(rng):
    """A shape and type nobody expects; shape None is a null dataspace."""
    return ODD_SHAPES[rng.randrange(len(ODD_SHAPES))], ODD_TYPES[rng.randrange(len(ODD_TYPES))]


def names_of(file, kind):
    found = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, kind) else None)
    return sorted(found)


def put_attribute(item, name, shape, dtype):
    if name in item.attrs:
        del item.attrs[name]
    if shape is None:
        item.attrs[name] = h5py.Empty(dtype)
    else:
        item.attrs.create(name, np.zeros(shape, dtype=dtype if dtype.kind != "O" else "S1"), shape=shape,
                          dtype=dtype if dtype.kind != "O" or dtype.metadata.get("vlen") is None else "S2")


def put_dataset(file, name, shape, dtype, **options):
    if name in file:
        del file[name]
    if shape is None:
        return file.create_dataset(name, data=h5py.Empty(dtype))
    return file.create_dataset(name, shape=shape, dtype=dtype, **options)


# ---- mutations: each takes (path, rng) and says what it did ----

def delete_object(path, rng):
    with h5py.File(path, "r+") as file:
        name = rng.choice(names_of(file, (h5py.Dataset, h5py.Group)))
        del file[name]
        return f"delete {name}"


def other_attribute(path, rng):
    with h5py.File(path, "r+") as file:
        item = file if rng.random() < 0.6 else file[rng.choice(names_of(file, h5py.Dataset))]
        names = list(item.attrs)
        name = rng.choice(names) if names else "units"
        shape, dtype = odd_value(rng)
        put_attribute(item, name, shape, dtype)
        return f"attribute {item.name} {name}: {shape} {dtype}"


def other_number(path, rng):
    with h5py.File(path, "r+") as file:
        name = rng.choice(["n_jobs", "n_jobs_all", "schema_version", "n_columns"])
        value = rng.choice([-1, 0, 1, 2, 10**9, 2**62, -2**63])
        file.attrs[name] = np.int64(value)
        return f"attribute {name} = {value}"


def other_dataset(path, rng):
    with h5py.File(path, "r+") as file:
        name = rng.choice(names_of(file, h5py.Dataset))
        shape, dtype = odd_value(rng)
        put_dataset(file, name, shape, dtype)
        return f"dataset {name}: {shape} {dtype}"


def declared_rows(path, rng):
    with h5py.File(path, "r+") as file:
        n = rng.choice([10**6, 10**9, 2**40, 2**62])
        names = ["state"] if rng.random() < 0.4 else [n for n in names_of(file, h5py.Dataset) if "job" in n or file[n].ndim]
        for name in names if rng.random() < 0.5 else [rng.choice(names)]:
            old = file[name]
            shape, dtype, chunks = (n,) + old.shape[1:], old.dtype, old.chunks
            put_dataset(file, name, shape, dtype, chunks=chunks or (64,) + shape[1:], maxshape=shape)
        return f"{len(names)} datasets with {n} rows"


def declared_width(path, rng):
    with h5py.File(path, "r+") as file:
        name = rng.choice(["energy/component_j", "energy/phase_j", "params/p2_hardware_mix", "error", "timeseries/node_power_w"])
        if name not in file:
            return "nothing"
        n = rng.choice([0, 1, 10**4, 10**6, 2**31])
        old = file[name]
        shape = (old.shape[0], n) + old.shape[2:]
        put_dataset(file, name, shape, old.dtype, chunks=(1, max(1, min(n, 1000))) + old.shape[2:] if n else None)
        return f"{name}: {shape}"


def large_chunk(path, rng):
    with h5py.File(path, "r+") as file:
        name = rng.choice(["state", "metrics/energy_j", "job"])
        old = file[name]
        put_dataset(file, name, old.shape, old.dtype, chunks=(rng.choice([10**6, 10**8, 2**31 - 1]),), maxshape=(None,))
        return f"{name}: chunk of {file[name].chunks}"


def other_cells(path, rng):
    with h5py.File(path, "r+") as file:
        names = [n for n in names_of(file, h5py.Dataset) if file[n].ndim >= 1 and file[n].size and file[n].dtype.kind in "iSf"]
        name = rng.choice(names)
        data = file[name]
        cells = data[...]
        flat = cells.reshape(-1)
        for _ in range(rng.randrange(1, 5)):
            at = rng.randrange(flat.size)
            if flat.dtype.kind == "i":
                info = np.iinfo(flat.dtype)
                flat[at] = rng.choice([info.min, info.max, -1, 0, 7, 100])
            elif flat.dtype.kind == "f":
                flat[at] = rng.choice([np.nan, np.inf, -np.inf, 1e308, -1e-320, 2**63])
            else:
                flat[at] = bytes([rng.choice([27, 255, 128, 34, 10, 0])])
        data[...] = cells
        return f"cells of {name}"


def link_elsewhere(path, rng):
    with h5py.File(path, "r+") as file:
        name = rng.choice(names_of(file, (h5py.Dataset, h5py.Group)))
        target = rng.choice([h5py.ExternalLink("/etc/passwd", "/x"), h5py.ExternalLink(str(path), "/job"),
                             h5py.SoftLink("/nowhere"), h5py.SoftLink("/" + name), "group"])
        del file[name]
        if target == "group":
            file.create_group(name)
        else:
            file[name] = target
        return f"{name} -> {target}"


def external_data(path, rng):
    with h5py.File(path, "r+") as file:
        name = rng.choice(["state", "job", "metrics/energy_j"])
        shape, dtype = file[name].shape, file[name].dtype
        del file[name]
        if rng.random() < 0.5:
            file.create_dataset(name, shape, dtype, external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])
        else:
            layout = h5py.VirtualLayout(shape=shape, dtype=dtype)
            layout[:] = h5py.VirtualSource(str(path) + ".other", name, shape=shape)
            file.create_virtual_dataset(name, layout)
        return f"{name} lies elsewhere"


MARKS = [b"OHDR", b"OCHK", b"TREE", b"SNOD", b"HEAP", b"GCOL", b"FRHP", b"FHDB", b"FHIB", b"BTHD", b"BTLF", b"BTIN",
         b"EAHD", b"EAIB", b"FSHD"]


def flip(path, rng):
    data = bytearray(path.read_bytes())
    places = []
    how = rng.randrange(4)
    if how == 0:  # anywhere
        places = [rng.randrange(len(data)) for _ in range(rng.choice([1, 1, 4, 40]))]
        what = "anywhere"
    elif how == 1:  # the superblock
        places = [rng.randrange(min(100, len(data)))]
        what = "superblock"
    else:  # near one kind of structure
        mark = rng.choice(MARKS)
        at, found = data.find(mark), []
        while at >= 0:
            found.append(at)
            at = data.find(mark, at + 1)
        if not found:
            return "nothing"
        for _ in range(rng.choice([1, 1, 3])):
            places.append(min(len(data) - 1, rng.choice(found) + rng.randrange(4, rng.choice([24, 64, 400]))))
        what = mark.decode()
    for at in places:
        data[at] = rng.choice([0, 255, data[at] ^ (1 << rng.randrange(8)), rng.randrange(256)])
    path.write_bytes(data)
    return f"flip {len(places)} bytes, {what} at {places[:4]}"


def cut(path, rng):
    data = path.read_bytes()
    n = rng.randrange(len(data))
    path.write_bytes(data[:n] + (bytes(rng.randrange(5000)) if rng.random() < 0.3 else b""))
    return f"cut to {n} of {len(data)}"


def blank_block(path, rng):
    data = bytearray(path.read_bytes())
    size = rng.choice([64, 512, 4096])
    at = rng.randrange(max(1, len(data) - size))
    data[at:at + size] = bytes([rng.choice([0, 255])]) * size
    path.write_bytes(data)
    return f"blank {size} at {at}"


MUTATIONS = [delete_object, other_attribute, other_attribute, other_number, other_dataset, declared_rows, declared_width,
             large_chunk, other_cells, other_cells, link_elsewhere, external_data, flip, flip, flip, flip, flip, cut,
             blank_block]


def several(path, rng):
    said = [rng.choice(MUTATIONS)(path, rng)]
    while rng.random() < 0.2:
        try:
            said.append(rng.choice(MUTATIONS)(path, rng))
        except (OSError, KeyError, RuntimeError, ValueError, TypeError, IndexError):
            break  # h5py cannot open what the first one left
    return "; ".join(said)


def mutate(path, rng):
    """several() in a process of its own: HDF5 may crash or loop in h5py too, on what a first mutation left."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            what = several(path, rng)
        except Exception as problem:  # h5py has many; what it left is a file too
            what = f"half of a mutation ({problem})"
        os.write(writing, what.encode(errors="replace")[:4000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        what = pipe.read().decode(errors="replace")
    os.waitpid(child, 0)
    return what or "a mutation that h5py did not survive"


# ---- what the issue was about, always tried: (what, change(file), status must be 3) ----

def known():
    def attribute(name, shape, dtype):
        return lambda file: put_attribute(file, name, shape, np.dtype(dtype))

    def dataset(name, shape, dtype, **options):
        return lambda file: put_dataset(file, name, shape, np.dtype(dtype), **options)

    yield "n_jobs is an array", attribute("n_jobs", (5000,), "i8")
    yield "n_jobs is text", attribute("n_jobs", (), "S8")
    yield "n_jobs is a null space", attribute("n_jobs", None, "i8")
    yield "title is an array", attribute("title", (500,), "S40")
    yield "title is a number", attribute("title", (), "i8")
    yield "program is an array", attribute("program", (3, 3), "S9")
    yield "spec_json is an array", dataset("spec_json", (1000,), "S70")
    yield "spec_json is numbers", dataset("spec_json", (), "f8")
    yield "a million nodes", dataset("energy/component_j", (30, 10**6, 7), "f8", chunks=(1, 1000, 7))
    yield "a thousand million rows", dataset("state", (10**9,), "i1", chunks=(64,))
    yield "a lost column", lambda file: file.__delitem__("metrics/energy_j")
    yield "a short column", dataset("metrics/energy_j", (3,), "f8", chunks=(3,))
    yield "a column of text", dataset("metrics/energy_j", (30,), "S1", chunks=(30,))
    yield "a column elsewhere", lambda file: (file.__delitem__("job"), file.__setitem__("job", h5py.SoftLink("/seed")))


# ---- running ----

# What a whole file may get exit code 2 for: the synthetic one has no spec, another job or sweep was asked for.
RIGHT_TO_REFUSE = ["no spec of a sweep", "no row of job", "not of the same sweep", "no column", "unknown name"]


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.codes, self.n_commands, self.slowest = {}, 0, 0.0
        self.failures = []
        self.good = folder / "good.h5"
        subprocess.run([options.sample, self.good, "30"], check=True)

    def commands(self, path):
        out = self.folder / "out"
        spec = str(path)
        return [["status", spec], ["status", spec, "--quick", "--json"], ["info", spec], ["info", spec, "--spec"],
                ["top", spec], ["pareto", spec], ["show", spec, "--job", "5"],
                ["show", spec, "--job", "5", "--export", str(out / "exported")], ["export", spec],
                ["diff", spec, str(self.good)], ["diff", str(self.good), spec],
                ["merge", spec, str(self.good), "-o", str(out / "merged.h5"), "--force"],
                ["snapshot", spec, str(out / "snapshot.h5"), "--force"], ["recover", spec]]

    def limit(self):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def run(self, arguments):
        began = time.monotonic()
        process = subprocess.Popen([self.options.wattsweep, *arguments], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, preexec_fn=self.limit,
                                   env={**os.environ, "ASAN_OPTIONS": "exitcode=99:detect_leaks=0"})
        timed_out = False
        try:
            waited = self.wait(process, began)
        except TimeoutError:
            timed_out = True
            process.kill()
            waited = os.wait4(process.pid, 0)
        stderr = process.stderr.read().decode(errors="replace")
        process.stderr.close()
        process.returncode = os.waitstatus_to_exitcode(waited[1])
        return process.returncode, timed_out, time.monotonic() - began, waited[2].ru_maxrss / 1024.0, stderr

    def wait(self, process, began):
        while True:
            waited = os.wait4(process.pid, os.WNOHANG)
            if waited[0]:
                return waited
            if time.monotonic() - began > self.options.seconds:
                raise TimeoutError
            time.sleep(0.002)

    def try_file(self, path, what, status=None):
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        (self.folder / "out").mkdir()
        copy = path.read_bytes()
        for arguments in self.commands(path):
            code, timed_out, seconds, rss_mb, stderr = self.run(arguments)
            self.n_commands += 1
            self.slowest = max(self.slowest, seconds)
            self.codes[code] = self.codes.get(code, 0) + 1
            problem = (f"takes more than {self.options.seconds} s" if timed_out
                       else f"ended with {code}" if code not in (0, 1, 2, 3, 75)
                       else f"took {rss_mb:.0f} MB" if rss_mb > self.options.memory_mb
                       else "exit 2, which is for input" if code == 2 and not any(t in stderr for t in RIGHT_TO_REFUSE)
                       else "exit 1, which is for jobs and differences" if code == 1 and arguments[0] not in ("status", "diff")
                       else "no message" if code == 3 and not stderr.strip()
                       else f"status said {code}" if status is not None and arguments[0] == "status" and code != status
                       else None)
            if problem:
                self.fail(copy, what, arguments, problem, stderr)
            if path.read_bytes() != copy:  # recovered: the next command sees the file as it was
                path.write_bytes(copy)

    def fail(self, data, what, arguments, problem, stderr):
        kept = Path(self.options.keep) / f"failure{len(self.failures)}.h5"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(data)
        self.failures.append(problem)
        print(f"FAILED: {what}: wattsweep {arguments[0]} {' '.join(a for a in arguments[1:] if a.startswith('-'))}: "
              f"{problem}; kept as {kept}\n    {stderr.strip()[:600]}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("wattsweep")
    parser.add_argument("sample")
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--seconds", type=float, default=30.0 * float(os.environ.get("WATTSWEEP_TEST_SLOWNESS", 1)))
    parser.add_argument("--memory-mb", type=float, default=1024.0)
    parser.add_argument("--keep", default="fuzz_results_failures")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**9)
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, Path(folder))
        path = Path(folder) / "file.h5"
        bench.try_file(bench.good, "the file as it is", status=None)
        for what, change in known():
            shutil.copy(bench.good, path)
            with h5py.File(path, "r+") as file:
                change(file)
            bench.try_file(path, what, status=3)
        n = 0
        for n in range(1, options.runs + 1):
            rng = random.Random(f"{seed} {n}")
            shutil.copy(bench.good, path)
            what = mutate(path, rng)
            bench.try_file(path, f"seed {seed} run {n}: {what}")
            if n % 100 == 0:
                print(f"{n} mutations, {bench.n_commands} commands, {len(bench.failures)} failures", flush=True)
        codes = ", ".join(f"{code}: {count}" for code, count in sorted(bench.codes.items()))
        print(f"{n} mutations, {bench.n_commands} commands, slowest {bench.slowest:.1f} s, exit codes {codes}; "
              f"{len(bench.failures)} failures")
    return 1 if bench.failures else 0


if __name__ == "__main__":
    sys.exit(main())
