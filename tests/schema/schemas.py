"""The JSON Schemas of configs/schema, and the programs as the readers they have to agree with."""
import copy
import json
import re
import subprocess
import sys
from pathlib import Path

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)

NAMES = ("options", "cluster", "workload", "hardware", "sweep")


def strip_comments(text):
    """Blank `//` comments outside of strings, as the readers do."""
    return re.sub(r'"(?:\\.|[^"\\])*"|//[^\n]*', lambda m: m[0] if m[0][0] == '"' else "", text)


def load(path):
    return json.loads(strip_comments(Path(path).read_text()))


def key_of(place, part):
    """What one part of a JSON Pointer (RFC 6901) stands for in an object or a list."""
    return int(part) if isinstance(place, list) else part.replace("~1", "/").replace("~0", "~")


def at(document, pointer):
    """The place a JSON Pointer leads to."""
    for part in pointer.split("/")[1:]:
        document = document[key_of(document, part)]
    return document


def edited(document, pointer, value):
    """A copy with one value put at a pointer."""
    document = copy.deepcopy(document)
    parent, _, key = pointer.rpartition("/")
    place = at(document, parent)
    place[key_of(place, key)] = value
    return document


def without(document, pointer):
    document = copy.deepcopy(document)
    parent, _, key = pointer.rpartition("/")
    place = at(document, parent)
    del place[key_of(place, key)]
    return document


def texts(error):
    """What an error says, also within alternatives."""
    return [error.message[:200]] + [text for inner in error.context for text in texts(inner)]


class Schemas:
    BASE = "http://localhost/"  # what the schemas' references to each other are relative to

    def __init__(self, folder):
        self.all = {f"{name}.schema.json": json.loads((folder / f"{name}.schema.json").read_text()) for name in NAMES}

    def __getitem__(self, name):
        return self.all[f"{name}.schema.json"]

    def validator(self, owner, node):
        store = {self.BASE + file: schema for file, schema in self.all.items()}
        return jsonschema.Draft7Validator(node, resolver=jsonschema.RefResolver(self.BASE + owner, self.all[owner], store))

    def problems(self, name, document):
        """What the schema says of a document: its problems, [] if it takes it."""
        return [f"/{'/'.join(map(str, error.absolute_path))}: {'; '.join(texts(error))}"
                for error in self.validator(f"{name}.schema.json", self[name]).iter_errors(document)]

    def resolve(self, owner, node):
        """(owner, node) behind a $ref; owner is the schema's file."""
        while "$ref" in node:
            path, _, pointer = node["$ref"].partition("#")
            owner = path or owner
            node = at(self.all[owner], pointer)
        return owner, node

    def branches(self, owner, node, value):
        """The parts of a node that apply to a value: itself and what its allOf, anyOf, oneOf, if lead to."""
        owner, node = self.resolve(owner, node)
        found = [(owner, node)]
        parts = list(node.get("allOf", [])) + list(node.get("anyOf", [])) + list(node.get("oneOf", []))
        if "if" in node and "then" in node:
            holds = self.validator(owner, node["if"]).is_valid(value)
            parts.append(node["then"] if holds else node.get("else", {}))
        for part in parts:
            part_owner, resolved = self.resolve(owner, part)
            if resolved is not False and self.fits(resolved, value):
                found += self.branches(part_owner, resolved, value)
        return found

    @staticmethod
    def fits(node, value):
        """Alternatives are told apart by what they require and by their constants."""
        if not isinstance(value, dict):
            return node.get("type") not in ("object", "null")
        return (set(node.get("required", [])) <= set(value) and node.get("type") not in ("null", "array", "number")
                and all(value.get(k) == p["const"] for k, p in node.get("properties", {}).items()
                        if isinstance(p, dict) and "const" in p and k in value))

    def at(self, name, document, pointer):
        """The parts of the schema that apply at a pointer of a valid document."""
        places = self.branches(f"{name}.schema.json", self[name], document)
        for part in pointer.split("/")[1:]:
            document = document[key_of(document, part)]
            following = []
            for owner, node in places:
                properties, additional = node.get("properties", {}), node.get("additionalProperties")
                if part in properties:
                    following += self.branches(owner, properties[part], document)
                elif "items" in node and part.isdigit():
                    following += self.branches(owner, node["items"], document)
                elif isinstance(additional, dict):
                    following += self.branches(owner, additional, document)
            places = following
        return places

    def keys(self, name, document, pointer):
        """Keys the schema knows at a pointer, and the required ones among them."""
        known, required = set(), set()
        for _, node in self.at(name, document, pointer):
            known |= set(node.get("properties", {}))
            required |= set(node.get("required", []))
        return known - {"$schema"}, required


class Readers:
    """The programs, asked whether they take a document."""

    def __init__(self, wattsim, wattsweep, source_dir, folder):
        self.wattsim, self.wattsweep, self.source_dir, self.folder = wattsim, wattsweep, source_dir, Path(folder)
        (self.folder / "hardware").mkdir(exist_ok=True)

    def problems(self, name, document):
        """What the reader says of a document: its problems, [] if it takes it."""
        path = self.folder / ("hardware/PROBE.json" if name == "hardware" else f"{name}.json")
        path.write_text(json.dumps(document))
        return self.problems_of_file(name, path)

    def problems_of_file(self, name, path):
        command = {"cluster": [self.wattsim, "--dry-run", "--cluster-config", path],
                   "workload": [self.wattsim, "workload", path],
                   "sweep": [self.wattsweep, "plan", path, "--no-probe"],
                   "hardware": [self.wattsim, "--dry-run", "--data-dir", self.folder, "--cluster-config",
                                self.folder / "probe_cluster.json"]}[name]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, cwd=self.source_dir)
        assert done.returncode in (0, 2), f"{command}: exit code {done.returncode}: {done.stderr}"
        return [line for line in done.stderr.splitlines() if ": note: " not in line] if done.returncode else []
