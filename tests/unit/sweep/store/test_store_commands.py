#!/usr/bin/python3
"""The commands that look at result files: what they print for programs, and their exit codes.

usage: test_store_commands.py WATTSWEEP STORE_SAMPLE SOURCE_DIR

Rows of STORE_SAMPLE are store_fixture.h's: jobs j with j % 7 == 3 failed.
"""
import csv
import hashlib
import io
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE_DIR = Path(sys.argv.pop(3))
SAMPLE = sys.argv.pop(2)
WATTSWEEP = sys.argv.pop(1)
N_JOBS = 30


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        cls.path = cls.folder / "results.h5"
        subprocess.run([SAMPLE, cls.path, str(N_JOBS)], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def run_command(self, *arguments, code=0):
        done = subprocess.run([WATTSWEEP, *map(str, arguments)], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}{done.stderr}")
        return done.stderr if code in (2, 3) else done.stdout

    def test_top_ranks_in_the_better_direction(self):
        rows = json.loads(self.run_command("top", self.path, "--by", "j_per_token", "-n", 3, "--format", "json"))
        self.assertEqual([row["job"] for row in rows], [0, 1, 2])
        rows = json.loads(self.run_command("top", self.path, "--by", "decode_tok_s", "-n", 2, "--format", "json"))
        self.assertEqual([row["job"] for row in rows], [29, 28])
        rows = json.loads(self.run_command("top", self.path, "--by", "+j_per_token", "-n", 1, "--format", "json",
                                           "--where", "hardware_mix == 'small'", "--columns", "job,j_per_token"))
        self.assertEqual([row["job"] for row in rows], [27])
        self.assertEqual(rows[0]["j_per_token"] // 100, 271)  # 27 * 1000 + 100 + the metric's place in the list + 0.25

    def test_pareto_drops_what_is_beaten(self):
        # more power, more tokens: everything is on the front; more power, more joules a token: only the first
        table = self.run_command("pareto", self.path, "--format", "tsv").splitlines()
        self.assertEqual(len(table), 1 + N_JOBS - 4)
        rows = json.loads(self.run_command("pareto", self.path, "--objectives", "power_mean_w,j_per_token", "--format",
                                           "json"))
        self.assertEqual([row["job"] for row in rows], [0])

    def test_slo_and_ties(self):
        # 12 requests at once: with few sequences at a time the last wait; 16 and more never bound
        spec, results = self.folder / "slo.json", self.folder / "slo.h5"
        spec.write_text(json.dumps({
            "name": "slo", "cluster": str(SOURCE_DIR / "configs/cluster/single_node_power_instance.json"),
            "workload": {"generator": "poisson", "rate": 1e6, "num_reqs": 12, "input": 200, "output": 60},
            "parameters": {"max_num_seqs": [1, 4, 16, 32, 64], "num_instances": [1, 2]},
            "slo": {"queue_p99_ms": 900}}))
        self.run_command("run", spec, "-o", results, "-q")
        rows = json.loads(self.run_command("export", results, "--format", "json"))
        met = {row["job"]: row["slo_met"] for row in rows}
        self.assertEqual(met, {row["job"]: float(row["queue_p99_ms"] <= 900) for row in rows})
        self.assertEqual(set(met.values()), {0, 1})
        self.assertEqual({row["slo_attainment"] for row in rows}, {1})  # no request has a bound of its own

        ranked = json.loads(self.run_command("top", results, "--by", "+latency_mean_ms", "--json", "--all"))
        self.assertEqual([row["slo_met"] for row in ranked], sorted(met.values(), reverse=True))
        self.assertNotIn("jobs", ranked[0])
        plain = json.loads(self.run_command("top", results, "--by", "+latency_mean_ms", "--json", "--all", "--ignore-slo"))
        self.assertEqual(plain[0]["max_num_seqs"], 1)
        self.assertEqual(plain[0]["slo_met"], 0)

        joined = json.loads(self.run_command("top", results, "--by", "latency_mean_ms", "--json"))
        by_jobs = {tuple(row["jobs"]): row for row in joined}
        self.assertEqual(sorted(job for jobs in by_jobs for job in jobs), sorted(met))  # each job once
        self.assertIn((4, 6, 8), by_jobs)  # 16, 32 and 64 with one instance
        for jobs, row in by_jobs.items():
            self.assertEqual((row["equal"], row["job"]), (len(jobs), jobs[0]))
        text = self.run_command("top", results)
        self.assertRegex(text, r"16\.\.64 .* 3\n")
        self.assertIn(f"{sum(map(int, met.values()))} of 10 points meet the SLO (queue_p99_ms=900) and come first", text)
        self.assertRegex(text.splitlines()[0], " slo_met ")  # among ten lines some miss it
        self.assertNotIn("slo_attainment", text)  # no request has a bound of its own
        self.assertNotIn(" slo_met", self.run_command("top", results, "--where", "slo_met == 1"))
        for job, is_met in met.items():
            self.assertRegex(self.run_command("show", results, "--job", job),
                             "\nSLO: met\n" if is_met else "\nSLO: missed, queue_p99_ms [0-9.]+ > 900\n")

        front = json.loads(self.run_command("pareto", results, "--objectives", "+latency_mean_ms,total_tok_s", "--json"))
        self.assertEqual({row["slo_met"] for row in front}, {1})
        front = json.loads(self.run_command("pareto", results, "--objectives", "+latency_mean_ms,total_tok_s", "--json",
                                            "--ignore-slo"))
        self.assertIn(0, {row["slo_met"] for row in front})

    def test_attainment(self):
        # 20 requests, one after the other: the later, the longer each waits
        spec, results = self.folder / "share.json", self.folder / "share.h5"
        document = {
            "name": "share", "cluster": str(SOURCE_DIR / "configs/cluster/single_node_power_instance.json"),
            "workload": {"generator": "poisson", "rate": 1e6, "num_reqs": 20, "input": 50, "output": 20},
            "parameters": {"max_num_seqs": [1, 2, 20]}, "slo": {"queue_ms": 1500}, "outputs": {"requests": True}}
        for share in (None, 0.5):
            document["slo"] = {"queue_ms": 1500, **({} if share is None else {"attainment": share})}
            spec.write_text(json.dumps(document))
            self.run_command("run", spec, "-o", results, "-q", "--overwrite")
            rows = json.loads(self.run_command("export", results, "--format", "json"))
            self.assertTrue(any(0 < row["slo_attainment"] < 1 for row in rows), rows)
            for row in rows:
                requests = json.loads(self.run_command("show", results, "--job", row["job"], "--json"))["metrics"]
                self.assertEqual(requests["slo_attainment"], row["slo_attainment"])
                self.assertEqual(row["slo_met"], float(row["slo_attainment"] >= (share or 0.99)))
                self.assertAlmostEqual(row["goodput_req_s"], row["slo_attainment"] * row["req_s"])
        self.assertIn("slo_attainment", self.run_command("top", results))

    def test_memory_that_is_not_there_ranks_last(self):
        # a board of 24 GiB
        spec, results = self.folder / "oversize.json", self.folder / "oversize.h5"
        spec.write_text(json.dumps({
            "name": "oversize", "cluster": str(SOURCE_DIR / "configs/cluster/single_node_power_instance.json"),
            "parameters": {"hardware": ["RTX4090"], "/nodes/0/instances/0/npu_mem/mem_size": [80, 24]}}))
        self.run_command("run", spec, "-o", results, "-q")
        for by in ("+ttft_p99_ms", "-ttft_p99_ms", "total_tok_s"):
            rows = json.loads(self.run_command("top", results, "--by", by, "--json", "--ignore-slo"))
            self.assertEqual([(row["job"], row["oversize"]) for row in rows], [(1, 0), (0, 1)])
        text = self.run_command("top", results)
        self.assertIn("1 of 2 points assume more memory than their board has (oversize) and come last", text)
        rows = json.loads(self.run_command("pareto", results, "--objectives", "-total_tok_s,ttft_p99_ms", "--json"))
        self.assertEqual([row["job"] for row in rows], [1])

    def test_export_reads_back_exactly(self):
        rows = list(csv.DictReader(io.StringIO(self.run_command("export", self.path))))
        self.assertEqual(len(rows), N_JOBS)
        self.assertEqual(float(rows[5]["duration_s"]), 5100.25)
        self.assertEqual(rows[3]["duration_s"], "")
        self.assertEqual(rows[3]["state"], "failed")
        self.assertEqual(rows[1]["hardware_mix"], "größer")
        self.assertEqual(float(rows[5]["cpu_j"]), 10417.5)
        out = self.folder / "out.csv"
        self.run_command("export", self.path, "-o", out, "--where", "job == 4", "--columns", "job,seed")
        self.assertEqual(out.read_text(), "job,seed\n4,44\n")

    def test_export_of_points_averages_repeats(self):
        """Means and intervals are worked again from the exported rows."""
        spec, results = self.folder / "repeats.json", self.folder / "repeats.h5"
        spec.write_text(json.dumps({
            "name": "repeats", "cluster": str(SOURCE_DIR / "configs/cluster/single_node_power_instance.json"),
            "workload": {"generator": "poisson", "rate": 20, "num_reqs": 6, "input": 50,
                         "output": {"distribution": "uniform", "min": 2, "max": 40}},
            "parameters": {"max_num_seqs": [1, 4]}, "repeats": 3, "seed": 5}))
        self.assertIn("seeds     5, ", self.run_command("plan", spec))
        self.run_command("run", spec, "-o", results, "-q")
        self.assertRegex(self.run_command("info", results), r"seeds of the first point: 5, [0-9]+, [0-9]+\n")
        jobs = json.loads(self.run_command("export", results, "--format", "json"))
        points = json.loads(self.run_command("export", results, "--points", "--format", "json"))
        self.assertEqual((len(jobs), len(points)), (6, 2))
        self.assertEqual(len({row["seed"] for row in jobs}), 3)
        for k, point in enumerate(points):
            rows = jobs[3 * k:3 * k + 3]
            self.assertEqual((point["job"], point["max_num_seqs"]), (3 * k, rows[0]["max_num_seqs"]))
            for name in ("duration_s", "energy_j", "cpu_j", "ttft_p99_ms"):
                values = [row[name] for row in rows]
                self.assertGreater(max(values), min(values), name)
                # t(0.975, 2) = 4.303
                self.assertAlmostEqual(point[name], statistics.mean(values), delta=1e-9 * abs(values[0]))
                self.assertAlmostEqual(point[name + "_ci95"] / (4.303 * statistics.stdev(values) / 3 ** 0.5), 1, delta=1e-9)
        self.assertIn("±", self.run_command("top", results))

    def test_provenance(self):
        spec, results = self.folder / "provenance.json", self.folder / "provenance.h5"
        cluster = SOURCE_DIR / "configs/cluster/single_node_power_instance.json"
        trace = SOURCE_DIR / "workloads/example_trace.jsonl"
        spec.write_text(json.dumps({"name": "p", "cluster": str(cluster), "workload": {"dataset": str(trace)}}))
        self.run_command("run", spec, "-o", results, "-q")
        info = self.run_command("info", results)
        self.assertRegex(info, r"library_versions: HDF5 [0-9.]+, .*MPI [0-9.]+, cJSON [0-9.]+, libyaml [0-9.]+\n")
        self.assertRegex(info, "hosts of the jobs: " + socket.gethostname())
        self.assertIn(hashlib.sha256(spec.read_bytes()).hexdigest(), info)
        kept = json.loads(self.run_command("info", results, "--spec"))
        sha256 = {entry["path"]: entry["sha256"] for entry in kept["inputs"]}
        for path in (spec, cluster, trace):
            self.assertEqual(sha256[str(path)], hashlib.sha256(path.read_bytes()).hexdigest())
        self.assertTrue(any("/model/" in path for path in sha256), sha256)
        self.assertTrue(any("/hardware/" in path for path in sha256), sha256)
        version = subprocess.run([WATTSWEEP, "--version"], capture_output=True, text=True, check=True).stdout.split()
        try:
            import h5py
        except ImportError:
            self.skipTest("python3-h5py is not installed")
        with h5py.File(results) as file:
            self.assertEqual(file.attrs["program_version"], version[1])
            self.assertEqual(file.attrs["git_commit"], version[2])

    def test_show(self):
        data = json.loads(self.run_command("show", self.path, "--job", 5, "--json"))
        self.assertEqual(data["params"]["max_num_seqs"], 0)
        self.assertEqual(data["metrics"]["duration_s"], 5100.25)
        self.assertEqual(data["timeseries"]["power_w"], [5500.25 + i for i in range(5)])
        self.assertEqual(data["energy"]["phase_j"], [7200.25 + i for i in range(2 * 11 * 3)])
        text = self.run_command("show", self.path, "--job", 5)
        self.assertRegex(text, r"energy +prefill +decode +wait\n")
        self.assertRegex(text, r"npu_standby +5201\.250 J +9\.1% +7203\.250 J +7204\.250 J +7205\.250 J\n")
        prefill_j = sum(7200.25 + 3 * i for i in range(11))  # of node 0
        self.assertRegex(text, rf"total +{sum(5200.25 + i for i in range(11)):.3f} J +100\.0% +{prefill_j:.3f} J")
        self.assertIn("expected an object", self.run_command("show", self.path, "--job", 3))
        self.assertIn("no row of job 99", self.run_command("show", self.path, "--job", 99, code=2))

    def test_status_and_info(self):
        self.assertIn("complete: 26 done, 4 failed of 30 jobs", self.run_command("status", self.path, code=1))
        counts = json.loads(self.run_command("status", self.path, "--json", code=1))
        self.assertEqual((counts["done"], counts["failed"], counts["complete"]), (26, 4, True))
        self.assertIn("standby_duration", self.run_command("info", self.path))
        self.assertEqual(json.loads(self.run_command("info", self.path, "--spec")), {"name": "fixture"})

    def test_diff_sees_one_changed_number(self):
        copy = self.folder / "copy.h5"
        self.run_command("snapshot", self.path, copy, "--force")
        self.assertIn("30 jobs compared, 0 differences", self.run_command("diff", self.path, copy))
        try:
            import h5py
        except ImportError:
            self.skipTest("python3-h5py is not installed")
        with h5py.File(copy, "r+") as file:
            file["metrics/energy_j"][5] *= 1 + 1e-12
            file["timeseries/power_w"][int(file["timeseries/row_start"][8])] += 1.0
            file["energy/phase_j"][6, 0, 3, 1] += 1.0
            file["requests/energy_j"][int(file["requests/row_start"][9])] += 1.0
            file["provenance/wall_s"][:] = 7.0
        text = self.run_command("diff", self.path, copy, code=1)
        self.assertIn("job 5: energy_j", text)
        self.assertIn("job 8: /timeseries/power_w differs", text)
        self.assertIn("job 6: /energy/phase_j differs", text)
        self.assertIn("job 9: /requests/energy_j differs", text)
        self.assertIn("4 differences", text)
        self.assertIn("3 differences", self.run_command("diff", self.path, copy, "--rtol", "1e-9", code=1))

    def test_file_of_an_older_program_lacks_columns(self):
        try:
            import h5py
        except ImportError:
            self.skipTest("python3-h5py is not installed")
        older, merged = self.folder / "older.h5", self.folder / "older_merged.h5"
        self.run_command("snapshot", self.path, older, "--force")
        with h5py.File(older, "r+") as file:
            del file["energy/phase_j"], file["energy/phase"], file["requests/active_j"]
            del file.attrs["n_columns"]  # as programs that did not know these columns left it
        for pair in ((self.path, older), (older, self.path)):
            text = self.run_command("diff", *pair, code=1)
            self.assertIn(f"/energy/phase_j is not in {older}\n", text)
            self.assertIn(f"/requests/active_j is not in {older}\n", text)
            self.assertIn("2 differences", text)
        self.assertIn("0 differences", self.run_command("diff", older, older))
        text = self.run_command("show", older, "--job", 5)
        self.assertIn("energy\n", text)
        self.assertRegex(text, r"npu_standby +5201\.250 J +9\.1%\n")
        self.run_command("merge", older, self.path, "-o", merged)
        self.run_command("merge", older, "-o", merged, "--force")
        with h5py.File(merged) as file:
            self.assertNotEqual(file["energy/phase_j"][5, 0, 0, 0], file["energy/phase_j"][5, 0, 0, 0])  # NaN

    def test_smaller_file_lacks_jobs(self):
        small = self.folder / "small.h5"
        subprocess.run([SAMPLE, small, "20"], check=True)
        self.assertIn("job 29 of", self.run_command("diff", self.path, small, code=1))
        self.assertIn(", 0 differences", self.run_command("diff", self.path, small, "--common"))

    def test_merge_and_recover(self):
        merged = self.folder / "merged.h5"
        self.run_command("merge", self.path, self.path, "-o", merged)
        self.run_command("diff", self.path, merged)
        self.assertIn("exists already", self.run_command("merge", self.path, "-o", merged, code=3))
        self.assertIn("30 rows kept", self.run_command("recover", merged))
        self.run_command("diff", self.path, merged)
        other = self.folder / "other.h5"
        subprocess.run([SAMPLE, other, "10"], check=True)
        self.assertIn("not of the same sweep", self.run_command("merge", self.path, other, "-o", "x.h5", code=2))

    def test_live_file(self):
        path = self.folder / "live.h5"
        with subprocess.Popen([SAMPLE, path, str(N_JOBS), "live"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as writer:
            self.assertEqual(writer.stdout.readline(), "live\n")
            self.run_command("status", path, code=75)
            self.run_command("top", path)
            self.run_command("diff", self.path, path)
            copy = self.folder / "live_copy.h5"
            self.run_command("snapshot", path, copy)
            self.run_command("status", copy, code=1)
            writer.kill()
        self.run_command("status", path, code=75)
        self.run_command("recover", path)
        self.run_command("status", path, code=1)
        self.run_command("diff", self.path, path)

    def test_top_without_power_ranks_by_throughput(self):
        config = json.loads((SOURCE_DIR / "configs/cluster/single_node_power_instance.json").read_text())
        for node in config["nodes"]:
            node.pop("power")
        cluster, spec, results = (self.folder / name for name in ("cluster.json", "spec.json", "unpowered.h5"))
        cluster.write_text(json.dumps(config))
        spec.write_text(json.dumps({
            "name": "unpowered", "cluster": str(cluster),
            "workload": {"dataset": str(SOURCE_DIR / "workloads/example_trace.jsonl")},
            "options": {"dtype": "bfloat16"}, "parameters": {"max_num_seqs": [1, 64]}}))
        self.run_command("run", spec, "-o", results)
        table = self.run_command("top", results, "--format", "tsv").splitlines()
        self.assertEqual(table[0].split("\t")[:3], ["job", "max_num_seqs", "total_tok_s"])
        self.assertNotIn("power_mean_w", table[0])
        self.assertEqual([row.split("\t")[1] for row in table[1:]], ["64", "1"])
        front = self.run_command("pareto", results, "--format", "tsv").splitlines()
        self.assertEqual(front[0].split("\t")[:4], ["job", "max_num_seqs", "ttft_p99_ms", "total_tok_s"])
        self.assertGreater(len(front), 1)
        shown = self.run_command("show", results, "--job", 0)
        self.assertNotIn("energy", shown)
        self.assertIn("power_w: not tracked", shown)
        self.assertIn("running, 0 to", self.run_command("show", results, "--job", 0, "--series", "running"))

    def test_bad_input(self):
        broken = self.folder / "broken.h5"
        broken.write_text("no HDF5")
        for command in (["info"], ["status"], ["top"], ["pareto"], ["show", "--job", "1"], ["export"], ["recover"]):
            self.assertIn("not an HDF5 file", self.run_command(command[0], broken, *command[1:], code=3))
            self.assertIn("usage", self.run_command(command[0], code=2))
            self.assertIn("Exit code", self.run_command(command[0], "--help"))
        self.assertIn("did you mean", self.run_command("top", self.path, "--by", "energy", code=2))
        self.assertIn("--where", self.run_command("top", self.path, "--where", "job <", code=2))
        self.assertIn("unknown name energy_jj, did you mean energy_j?",
                      self.run_command("top", self.path, "--where", "energy_jj < 1", code=2))
        self.assertIn('did you mean "dram_j"', self.run_command("top", self.path, "--by", "drm_j", code=2))
        inside = broken / "x"  # of a file, where nobody can make one
        self.assertIn("cannot create", self.run_command("snapshot", self.path, inside, code=3))
        self.assertIn(str(inside), self.run_command("export", self.path, "-o", inside, code=3))


if __name__ == "__main__":
    unittest.main()
