#!/usr/bin/python3
"""Options that are taken out of the schemas and added again by add_option.py are what they were, up to their descriptions.

usage: test_add_option.py WATTSIM SOURCE_DIR
"""
import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE_DIR = Path(sys.argv.pop(2)).resolve()
WATTSIM = Path(sys.argv.pop(1)).resolve()
# one of each type; instances may override the first three
NAMES = ("block_size", "dtype", "enable_chunked_prefill", "skip_prefill", "sample", "to_s", "rate")


def without_descriptions(node):
    if isinstance(node, dict):
        return {key: without_descriptions(value) for key, value in node.items() if key not in ("description", "examples")}
    return [without_descriptions(value) for value in node] if isinstance(node, list) else node


class AddOption(unittest.TestCase):
    def read(self, folder):
        return {kind: without_descriptions(json.loads((folder / f"{kind}.schema.json").read_text()))
                for kind in ("options", "sweep", "cluster")}

    def add(self, folder, name):
        return subprocess.run([sys.executable, SOURCE_DIR / "tests/schema/add_option.py", WATTSIM, folder, name],
                              capture_output=True, text=True)

    def test_what_is_taken_out_comes_back(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(shutil.copytree(SOURCE_DIR / "configs/schema", Path(folder) / "schema"))
            before = self.read(folder)
            for name in NAMES:
                for path in folder.glob("*.schema.json"):
                    text, n = re.subn(rf'\n( +)"{name}": \{{\n(?: .*\n)*?\1\}},?(?=\n)', "", path.read_text())
                    path.write_text(re.sub(r"\},(\n +\}\n)", r"}\1", text))
                    if path.name == "options.schema.json":
                        self.assertEqual(n, 1, name)
            self.assertNotEqual(self.read(folder), before)
            for name in NAMES:
                done = self.add(folder, name)
                self.assertEqual(done.returncode, 0, f"{name}: {done.stderr}")
            self.assertEqual(self.read(folder), before)

    def test_what_is_there_or_is_no_option_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(shutil.copytree(SOURCE_DIR / "configs/schema", Path(folder) / "schema"))
            before = self.read(folder)
            self.assertIn("already", self.add(folder, "max_num_seqs").stderr)
            self.assertIn("no option", self.add(folder, "max_num_sequences").stderr)
            self.assertEqual(self.read(folder), before)


if __name__ == "__main__":
    unittest.main()
