#!/usr/bin/env python3
"""Small scenarios, every feature switched on once, with outputs kept in the repository.

usage: golden.py PATH_TO_WATTSIM PROJECT_FOLDER [--write] [CASE...]

Without --write: compare each case with what it gave before, exactly; exit code 1 if anything differs. With --write:
keep what it gives now (regenerate.sh builds first). A case is a folder of cases/:
    case.json            what it shows, options, metrics that must be above zero (else the feature is not at work),
                         and the case whose requests it must share to the byte
    cluster.json, workload.spec.json
    {physical,reference}.csv    one row per request
    {physical,reference}.json   clock, metrics, energies, power over time
Only bundled models and profiles are used, so the cases run from a fresh clone."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

MODES = ("physical", "reference")
CASES = Path(__file__).resolve().parent / "cases"


def run(command, configs):
    """wattsim with the project's own configs and nothing else; RuntimeError with its message if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={**os.environ, "WATTSWEEP_CONFIGS": str(configs)})
    if done.returncode != 0:
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr.strip()[-500:]}")


def key_figures(summary):
    """What is kept of a summary: everything but the wall time, resolved options and the longer series."""
    figures = {key: summary[key] for key in ("sim_duration_s", "steps", "metrics")}
    if "energy" in summary:
        figures["energy"] = summary["energy"]
        figures["power_w"] = summary["timeseries"]["power_w"]
    figures["decode_tok_s"] = summary["timeseries"]["decode_tok_s"]
    figures["instances"] = summary["scenario"]["instances"]
    return figures


def simulate(wattsim, configs, case, mode):
    """Outputs of one case as texts, by file name."""
    options = json.loads((case / "case.json").read_text())["options"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run([wattsim, "workload", case / "workload.spec.json", "--output", folder / "trace.jsonl"], configs)
        run([wattsim, "--cluster-config", case / "cluster.json", "--dataset", folder / "trace.jsonl",
             "--output", folder / "requests.csv", "--summary-json", folder / "summary.json", "--quiet",
             "--log-interval", "100ms", "--fidelity", mode, *options], configs)
        figures = key_figures(json.loads((folder / "summary.json").read_text()))
        return {f"{mode}.csv": (folder / "requests.csv").read_bytes().decode(),
                f"{mode}.json": json.dumps(figures, indent=1) + "\n"}


def differences(name, got, path):
    """The first lines in which a text differs from a kept file."""
    if not path.exists():
        return [f"{name}: not kept yet; tests/golden/regenerate.sh keeps it"]
    kept = path.read_bytes().decode()
    if got == kept:
        return []
    got_lines, kept_lines = got.splitlines(), kept.splitlines()
    pairs = [(n, a, b) for n, (a, b) in enumerate(zip(got_lines, kept_lines), 1) if a != b]
    problems = [f"{name}:{n}: {a.strip()[:100]}, kept {b.strip()[:100]}" for n, a, b in pairs[:3]]
    return problems + [f"{name}: {len(pairs)} lines differ, {len(got_lines)} lines, kept {len(kept_lines)}"]


def missing_features(case, outputs):
    """Whether the case still shows what it is there for."""
    wanted = json.loads((case / "case.json").read_text())
    problems = []
    for mode in MODES:
        metrics = json.loads(outputs[f"{mode}.json"])["metrics"]
        problems += [f"{mode}: {metric} is {metrics[metric]}, so the feature is not at work"
                     for metric in wanted.get("must_be_positive", []) if not metrics[metric] > 0]
        if metrics["n_completed"] != metrics["n_requests"]:
            problems.append(f"{mode}: {metrics['n_completed']} of {metrics['n_requests']} requests completed")
        if "same_requests_as" in wanted:
            other = CASES / wanted["same_requests_as"] / f"{mode}.csv"
            problems += differences(f"{mode}.csv against {wanted['same_requests_as']}", outputs[f"{mode}.csv"], other)
    return problems


def check(wattsim, configs, case, write):
    outputs = {}
    for mode in MODES:
        outputs.update(simulate(wattsim, configs, case, mode))
    if write:
        for name, text in outputs.items():
            (case / name).write_bytes(text.encode())
    kept = [problem for name, text in outputs.items() for problem in differences(name, text, case / name)]
    return kept + missing_features(case, outputs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wattsim", type=Path)
    parser.add_argument("project", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("cases", nargs="*")
    args = parser.parse_intermixed_args()
    wattsim, configs = args.wattsim.resolve(), args.project.resolve() / "configs"
    n_failed = 0
    cases = sorted(path for path in CASES.iterdir() if not args.cases or path.name in args.cases)
    for case in cases:
        try:
            problems = check(wattsim, configs, case, args.write)
        except RuntimeError as error:
            problems = [str(error)]
        n_failed += bool(problems)
        print(f"{'FAILED' if problems else 'ok':7}{case.name}")
        for problem in problems:
            print(f"         {problem}")
    print(f"{len(cases) - n_failed} of {len(cases)} cases passed")
    if n_failed and not args.write:
        print("If these results were meant to change: tests/golden/regenerate.sh, and commit its diff with the change.")
    return 0 if cases and not n_failed else 1


if __name__ == "__main__":
    sys.exit(main())
