#!/usr/bin/python3
"""The JSON Schemas say what the readers say: they take every bundled file, refuse the broken ones, and know the same keys.

usage: test_schemas.py WATTSIM WATTSWEEP SOURCE_DIR

A key added to a reader or to a schema alone fails here: the readers list the keys they know when they meet one that is like
none of them.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from schemas import NAMES, Readers, Schemas, at, edited, jsonschema, load, strip_comments, without

SOURCE_DIR = Path(sys.argv.pop(3))
WATTSWEEP = sys.argv.pop(2)
WATTSIM = sys.argv.pop(1)
SHARED_DIR = os.environ.get("WS_SHARED_DIR")
UNLIKE_ALL = "qqqqqqqqqqqqqqqqqqqqqqqq"

MEMORY = {"mem_size": 96, "mem_bw": 1597, "mem_latency": 0}
CLUSTER = {  # every object a cluster config may hold
    "num_nodes": 1, "link_bw": 16, "link_latency": 20000,
    "cxl_mem": {"mem_size": 64, "mem_bw": 60, "mem_latency": 250, "num_devices": 2},
    "nodes": [{
        "num_instances": 1, "cpu_mem": {"mem_size": 512, "mem_bw": 256, "mem_latency": 0, "pim_config": None},
        "instances": [{
            "model_name": "meta-llama/Llama-3.1-8B", "hardware": "RTXPRO6000", "npu_mem": {**MEMORY, "mem_util": 0.9},
            "pd_type": None, "num_npus": 1, "tp_size": 1, "pp_size": 1, "ep_size": 1, "dp_group": None, "power_cap_w": None,
            "placement": {"default": {"weights": "npu", "kv_loc": "npu", "kv_evict_loc": "cpu"},
                          "blocks": [{"blocks": "0-3", "weights": "cxl:0"}], "layers": {"lm_head": {"weights": "cpu"}}}}],
        "power": {
            "base_node_power": 60, "power_cap_w": None,
            "npu": {"RTXPRO6000": {"idle_power": 35, "standby_power": 300, "active_power": 600, "standby_duration": "18s"}},
            "cpu": {"idle_power": 10, "active_power": 200, "util": 0.15},
            "dram": {"dimm_size": 32, "idle_power": 2.0, "energy_per_bit": 6.0},
            "link": {"num_links": 1, "idle_power": 5, "energy_per_bit": 4.0},
            "nic": {"num_nics": 1, "idle_power": 20}, "storage": {"num_devices": 2, "idle_power": 5},
            "cxl": {"idle_power": 1, "energy_per_bit": 4.0}}}]}
LENGTHS = {"num_reqs": 4, "input": 8, "output": {"distribution": "uniform", "min": 1, "max": 4}}
WORKLOADS = [  # one of each kind
    {"generator": "poisson", "rate": 1, "prefix": {"groups": 1, "length": 2, "share": 1},
     "session": {"calls": 2, "tool_s": 1, "input": 3, "context": 100}, "seed": 1, "start_s": 0, "token_ids": True, **LENGTHS},
    {"generator": "gamma", "rate": 1, "cv": 1, **LENGTHS},
    {"generator": "constant", "rate": 1, **LENGTHS},
    {"generator": "onoff", "rate": 1, "on_s": 1, "off_s": 1, "rate_off": 1, "phases": "fixed", **LENGTHS},
    {"generator": "pulse", "pulse_size": 1, "period_s": 1, "spread_s": 1, **LENGTHS},
    {"generator": "ramp", "rate": 1, "rate_end": 1, "ramp_s": 1, **LENGTHS},
    {"generator": "closed_loop", "users": 1, "think_s": 1, "stagger_s": 1, **LENGTHS}]
DRAWS = [{"distribution": "fixed", "value": 3}, {"distribution": "uniform", "min": 1, "max": 4},
         {"distribution": "lognormal", "mean": 3, "sigma": 0.5, "min": 1, "max": 4},
         {"distribution": "exponential", "mean": 3, "min": 1, "max": 4},
         {"distribution": "empirical", "values": [1, 2], "min": 1, "max": 4}]
SPEC = {
    "name": "s", "title": "t", "cluster": "configs/cluster/single_node_power_instance.json",
    "workload": {"dataset": "workloads/example_trace.jsonl", "num_reqs": 2}, "options": {"dtype": "bfloat16"},
    "parameters": {"max_num_seqs": [1, 2], "tp_size": {"range": [1, 2, 1]}, "/link_bw": {"linspace": [1, 2, 3]},
                   "standby_duration": {"logspace": ["1ms", "1s", 3]}, "workload.num_reqs": [1, 2],
                   "zip": {"dtype": ["bfloat16", "fp8"], "enable_prefix_caching": [True, False]},
                   "links": {"slow": {"link_latency": 1}, "fast": {}}},
    "sampling": {"method": "random", "n": 3, "seed": 1}, "constraints": ["tp_size <= 2"], "repeats": 2, "seed": 1,
    "slo": {"ttft_p99_ms": 5, "itl_ms": 3, "attainment": 0.95}, "outputs": {"timeseries": True, "requests": False}}


def hardware():
    return load(SOURCE_DIR / "configs/hardware/H100.json")


# (schema, valid document, the objects in it)
OBJECTS = [
    ("cluster", CLUSTER, ["", "/cxl_mem", "/nodes/0", "/nodes/0/cpu_mem", "/nodes/0/instances/0",
                          "/nodes/0/instances/0/npu_mem", "/nodes/0/instances/0/placement",
                          "/nodes/0/instances/0/placement/default", "/nodes/0/instances/0/placement/blocks/0",
                          "/nodes/0/instances/0/placement/layers/lm_head", "/nodes/0/power"]
     + [f"/nodes/0/power/{k}" for k in ("npu/RTXPRO6000", "cpu", "dram", "link", "nic", "storage", "cxl")]),
    *[("workload", w, ["", *(f"/{k}" for k in ("prefix", "session") if k in w)]) for w in WORKLOADS],
    *[("workload", {**WORKLOADS[0], "input": d}, ["/input"]) for d in DRAWS],
    ("hardware", hardware(), ["", "/efficiency", "/power", "/power_curve"]),
    ("sweep", SPEC, ["", "/sampling", "/outputs"]),
]

# Keys a reader requires in some files only: with processing in memory it derives or ignores them.
SOMETIMES_REQUIRED = {"/nodes/0/power/dram/dimm_size", "/nodes/0/power/dram/idle_power",
                      "/nodes/0/cpu_mem/mem_bw", "/nodes/0/cpu_mem/mem_latency"}


class SchemaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.schemas = Schemas(SOURCE_DIR / "configs/schema")
        cls.readers = Readers(WATTSIM, WATTSWEEP, SOURCE_DIR, cls.temporary.name)
        probe = edited(CLUSTER, "/nodes/0/instances/0/hardware", "PROBE")
        probe = edited(probe, "/nodes/0/instances/0/power_cap_w", 500)  # so that the power curve is read
        (Path(cls.temporary.name) / "probe_cluster.json").write_text(json.dumps(probe))

    def accepts(self, name, document, where):
        self.assertEqual(self.schemas.problems(name, document), [], where)

    def both_refuse(self, name, document, where):
        self.assertTrue(self.schemas.problems(name, document), f"the schema takes {where}")
        self.assertTrue(self.readers.problems(name, document), f"the reader takes {where}")


class Files(SchemaTest):
    def test_schemas_are_schemas(self):
        for name in NAMES:
            jsonschema.Draft7Validator.check_schema(self.schemas[name])

    def test_bundled_files(self):
        n = 0
        for name, pattern in (("cluster", "configs/cluster/*.json"), ("sweep", "configs/sweeps/*.json"),
                              ("workload", "workloads/*.spec.json"), ("hardware", "configs/hardware/*.json"),
                              ("sweep", "tests/sweep/*.json"), ("sweep", "tests/sweep/rerun/[!r]*.json"),
                              ("workload", "tests/sweep/rerun/requests.json")):
            paths = sorted(SOURCE_DIR.glob(pattern))
            self.assertTrue(paths, pattern)
            for path in paths:
                self.accepts(name, load(path), path)
                n += 1
        self.assertGreater(n, 20)

    def test_readers_take_the_bundled_files(self):
        for name, pattern in (("cluster", "configs/cluster/*.json"), ("sweep", "configs/sweeps/*.json")):
            for path in sorted(SOURCE_DIR.glob(pattern)):
                self.assertEqual(self.readers.problems_of_file(name, path), [], path)

    def test_examples_of_the_documentation(self):
        n = 0
        for path in SOURCE_DIR.glob("docs/*.md"):
            for block in re.findall(r"^```(?:json)?\n(\{.*?)^```", path.read_text(), re.M | re.S):
                try:
                    document = json.loads(strip_comments(block))
                except json.JSONDecodeError:
                    continue  # a fragment
                for name, key in (("sweep", "parameters"), ("cluster", "num_nodes"), ("workload", "generator")):
                    if key in document:
                        self.accepts(name, document, f"{path.name}: {block[:80]}")
                        n += 1
        self.assertGreater(n, 0)

    def test_the_reference_s_clusters(self):
        shared = Path(SHARED_DIR) if SHARED_DIR else None
        paths = [*shared.glob("data/cluster/*.json"), *shared.glob("data/expected/**/cluster.json")] if shared else []
        if not paths:
            self.skipTest("WS_SHARED_DIR has no clusters")
        for path in paths:
            self.accepts("cluster", load(path), path)


class Keys(SchemaTest):
    def reader_keys(self, name, document, pointer):
        for problem in self.readers.problems(name, edited(document, f"{pointer}/{UNLIKE_ALL}", 1)):
            match = re.search(r"/" + UNLIKE_ALL + r": unknown key, expected one of (.*)", problem)
            if match:
                return set(match[1].split(", "))
        self.fail(f"{name} {pointer}: the reader takes any key")

    def test_the_documents_are_valid(self):
        for name, document, _ in OBJECTS:
            self.accepts(name, document, document)
            self.assertEqual(self.readers.problems(name, document), [])

    def test_keys_are_the_same(self):
        for name, document, pointers in OBJECTS:
            for pointer in pointers:
                known, _ = self.schemas.keys(name, document, pointer)
                self.assertEqual(known, self.reader_keys(name, document, pointer), f"{name} {pointer} {document.get('generator')}")
                self.assertTrue(self.schemas.problems(name, edited(document, f"{pointer}/{UNLIKE_ALL}", 1)), pointer)

    def test_required_keys_are_the_same(self):
        for name, document, pointers in OBJECTS:
            for pointer in pointers:
                for key in at(document, pointer):
                    place = f"{pointer}/{key}"
                    if place in SOMETIMES_REQUIRED:
                        continue
                    shorter = without(document, place)
                    says_schema = any("required" in p for p in self.schemas.problems(name, shorter))
                    says_reader = any(re.search(f'(missing key|with|either) "{key}"|"{key}" belongs', p)
                                      for p in self.readers.problems(name, shorter))
                    self.assertEqual(says_schema, says_reader, f"{name} {place} {document.get('generator')}")

    def test_options_are_those_of_wattsim(self):
        text = subprocess.run([WATTSIM, "--help"], capture_output=True, text=True, check=True).stdout
        text = re.sub(r"\n {36}", " ", text[text.index("\nScheduler\n"):])
        entries = re.findall(r"^  --(?:\[no-\])?([a-z-]+)(?: ([^\s*]+))?( \*)? .*\[([^\]]*)\]$", text, re.M)
        options = self.schemas["options"]["properties"]
        self.assertEqual({name.replace("-", "_") for name, *_ in entries}, set(options))
        instance = self.schemas["cluster"]["definitions"]["instance"]["properties"]
        for name, value, per_instance, default in entries:
            option = options[name.replace("-", "_")]
            own = option["default"]
            own = ("on" if own else "off") if isinstance(own, bool) else str(own)
            self.assertTrue(own == default or float(own) == float(default), name)
            if "|" in value:
                self.assertEqual(option["enum"], value.split("|"), name)
            self.assertEqual(bool(per_instance), name.replace("-", "_") in instance, name)
        self.assertEqual(set(self.schemas["sweep"]["definitions"]["parameters"]["properties"]) - set(options),
                         set(re.search(r"simulator option, ([a-z_, ]*), workload", "".join(self.readers.problems(
                             "sweep", {**SPEC, "parameters": {UNLIKE_ALL: [1]}})))[1].split(", ")))


class Values(SchemaTest):
    """A wrong value at every leaf: what one refuses, the other refuses."""

    WRONG = [-1, 1e30, UNLIKE_ALL, {}]
    # The reader also takes numbers as text and options in any form of the command line; the schema is for people who write
    # files. It also takes any text as a name, what is behind it is looked up later.
    READER_ONLY = {"title", "source"}

    def leaves(self, document, pointer=""):
        items = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in items:
            key = str(key).replace("~", "~0").replace("/", "~1")
            if isinstance(value, (dict, list)):
                yield from self.leaves(value, f"{pointer}/{key}")
            else:
                yield f"{pointer}/{key}"

    def check(self, name, document, skip=()):
        for pointer in self.leaves(document):
            if pointer in skip or pointer.rpartition("/")[2] in self.READER_ONLY or pointer.startswith("/source"):
                continue
            for value in self.WRONG:
                changed = edited(document, pointer, value)
                says_schema = self.schemas.problems(name, changed)
                says_reader = self.readers.problems(name, changed)
                where = f"{name} {pointer} = {value}: schema {says_schema[:1]}, reader {says_reader[:1]}"
                if says_schema:
                    self.assertTrue(says_reader, where)
                elif any(re.search(re.escape(pointer) + r": expected (integer|number|true|string|object|array|a duration|one of)", p)
                         for p in says_reader):
                    self.fail(where)

    def test_cluster(self):
        self.check("cluster", CLUSTER)

    def test_instance_options(self):
        for name, value in (("max_num_seqs", 4), ("dtype", "fp8"), ("enable_chunked_prefill", True), ("block_size", 16)):
            self.check_one("/nodes/0/instances/0/" + name, value)

    def check_one(self, pointer, value):
        document = edited(CLUSTER, pointer, value)
        self.accepts("cluster", document, pointer)
        self.assertEqual(self.readers.problems("cluster", document), [])
        for wrong in (-1, [], {}, UNLIKE_ALL):
            self.both_refuse("cluster", edited(document, pointer, wrong), f"{pointer} = {wrong}")

    def test_workloads(self):
        for document in WORKLOADS:
            self.check("workload", document)

    def test_draws(self):
        for draw in DRAWS:
            self.check("workload", {**WORKLOADS[1], "input": draw})

    def test_hardware(self):
        self.check("hardware", hardware())

    def test_sweep(self):
        self.check("sweep", SPEC)


class Broken(SchemaTest):
    def test_clusters(self):
        for pointer, value in (("/nodes", {}), ("/nodes", []), ("/link_bw", "fast"), ("/link_bw", [0]),
                               ("/nodes/0/instances/0/pd_type", "both"), ("/nodes/0/instances/0/npu_mem", 96),
                               ("/nodes/0/instances/0/placement/default/weights", "disk"),
                               ("/nodes/0/power/npu/RTXPRO6000/standby_duration", "18 parsecs"),
                               ("/nodes/0/power/cpu/util", 1.5), ("/nodes/0/instances/0/tp_sise", 1),
                               ("/nodes/0/power/$schema", "x"), ("/nodes/0/power/npu", 1), ("/nodes/0/power/npu", ["a"]),
                               ("/nodes/0/power/npu/H100", 1), ("/nodes/0/power/npu/H100", {"idle_power": 1})):
            self.both_refuse("cluster", edited(CLUSTER, pointer, value), f"{pointer} = {value}")

    def test_specs(self):
        for pointer, value in (("/optoins", {}), ("/cluster", 3), ("/cluster", {}), ("/workload", "trace.jsonl"),
                               ("/workload", {}), ("/workload", {"path": 3}),
                               ("/workload", {"generator": "poisson", "rate": 0, **LENGTHS}),
                               ("/options", {"max_num_seqs": 0}), ("/options", {"max_num_sequences": 3}),
                               ("/parameters/tp_sise", [1]), ("/parameters/tp_size", 1), ("/parameters/tp_size", []),
                               ("/parameters/tp_size", {"range": [1, 2]}), ("/parameters/tp_size", {"rnge": [1, 2, 1]}),
                               ("/parameters/zip", {}), ("/sampling", {"method": "sobo"}), ("/sampling", {"method": "random"}),
                               ("/sampling", {"n": 3}), ("/sampling", {"method": "list"}), ("/sampling", "grid"),
                               ("/constraints", "tp_size < 3"), ("/constraints", [3]), ("/repeats", 0), ("/repeats", 1.5),
                               ("/seed", -1), ("/slo", {"ttft_p98_ms": 3}), ("/slo", {"ttft_ms": 0}), ("/slo", {"attainment": 0.9}),
                               ("/slo", {"ttft_ms": 5, "attainment": 1.5}), ("/slo", {"ttft_ms": 5, "attainment": 0}),
                               ("/outputs", {"timeseries": 1}), ("/name", 3), ("/title", 3),
                               ("/parameters/links", {"slow": 3, "fast": {}})):
            self.both_refuse("sweep", edited(SPEC, pointer, value), f"{pointer} = {value}")

    def test_workloads(self):
        for pointer, value in (("/generator", "fractal"), ("/input", {"distribution": "normal", "mean": 3}),
                               ("/input", {"distribution": "empirical"}), ("/input", {"distribution": "empirical", "values": []}),
                               ("/input", "many"), ("/session", {"calls": 2}), ("/cv", 1), ("/phases", "fixed")):
            self.both_refuse("workload", edited(WORKLOADS[0], pointer, value), f"{pointer} = {value}")
        self.both_refuse("workload", {**WORKLOADS[6], "session": {"calls": 1, "tool_s": 1}}, "closed_loop with session")


class SchemaKey(SchemaTest):
    def test_files_may_name_their_schema(self):
        for name, document, _ in OBJECTS:
            document = {"$schema": f"../schema/{name}.schema.json", **document}
            self.accepts(name, document, name)
            self.assertEqual(self.readers.problems(name, document), [], name)
            self.both_refuse(name, {**document, "$schema": 3}, f"{name}: $schema = 3")


if __name__ == "__main__":
    unittest.main()
