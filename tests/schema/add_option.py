#!/usr/bin/python3
"""Put a new option of the simulator into the JSON Schemas that editors read.

usage: add_option.py WATTSIM SCHEMA_FOLDER NAME     e.g. build/dev/bin/wattsim configs/schema max_num_seqs

What an entry says comes from the program: type, default and text from --help, range and choices from what it expects. It is
put behind the last option of options.schema.json and sweep.schema.json, and of cluster.schema.json where an instance may
override the option. Descriptions may then be made to read well.
"""
import json
import re
import subprocess
import sys
from pathlib import Path


def help_of(wattsim, name):
    """(has a no- form, what stands for its value, may an instance override it, text, default) as --help has it."""
    text = subprocess.run([wattsim, "--help"], capture_output=True, text=True, check=True).stdout
    text = re.sub(r"\n {36}", " ", text)
    option = name.replace("_", "-")
    found = re.search(rf"^  --(\[no-\])?{option}(?: ([^\s*]+))?( \*)? +(.*) \[([^\]]*)\]$", text, re.M)
    if found is None:
        sys.exit(f"{wattsim} has no option --{option} with a default")
    return found.groups()


def range_of(wattsim, name):
    """(smallest, largest) value that the program takes."""
    said = subprocess.run([wattsim, f"--{name.replace('_', '-')}=-1e30"], capture_output=True, text=True).stderr
    numbers = map(float, re.search(r"from (\S+) to ([^\s,]+),", said).groups())
    return [int(x) if x == int(x) else x for x in numbers]


def entry_of(wattsim, name, options):
    """The entry of options.schema.json."""
    has_no, value, _, text, default = help_of(wattsim, name)
    entry = {"description": text[0].upper() + text[1:]}
    if has_no:
        return {**entry, "type": "boolean", "default": default == "on"}
    if "|" in value:
        return {**entry, "type": "string", "enum": value.split("|"), "default": default}
    smallest, largest = range_of(wattsim, name)
    kind = {"type": {"N": "integer", "X": "number"}.get(value), "minimum": smallest, "maximum": largest}
    if value == "TIME":  # a number of seconds, or text with a unit
        kind = {"type": ["number", "string"], "minimum": smallest, "maximum": largest,
                "pattern": options["from_s"]["pattern"]}
    number = float(default)
    return {**entry, **kind, "default": int(number) if number == int(number) else number}


def add(wattsim, folder, name):
    options_file, sweep_file, cluster_file = (folder / f"{kind}.schema.json" for kind in ("options", "sweep", "cluster"))
    options = json.loads(options_file.read_text())["properties"]
    if name in options:
        sys.exit(f"{options_file} has {name} already")
    entry = entry_of(wattsim, name, options)
    lines = ",\n".join(f"      {json.dumps(key)}: {json.dumps(value)}" for key, value in entry.items())
    options_file.write_text(re.sub(r"\n  }\n}\n$", lambda end: f',\n    "{name}": {{\n{lines}\n    }}{end[0]}',
                                   options_file.read_text()))
    reference = f'{{"$ref": "options.schema.json#/properties/{name}"}}'
    description = f'"description": {json.dumps(entry["description"])}'
    put_behind_last(sweep_file, r'"then": \{"items": \{"\$ref": "options\.schema[^\n]*\n        \}',
                    [description, '"allOf": [{"$ref": "#/definitions/values"}]', '"if": {"type": "array"}',
                     f'"then": {{"items": {reference}}}'], name)
    if help_of(wattsim, name)[2]:
        put_behind_last(cluster_file, r'"anyOf": \[\{"\$ref": "options\.schema[^\n]*\n[^\n]*\n        \}',
                        [f'"anyOf": [{reference}, {{"type": "null"}}]', description], name)


def put_behind_last(path, pattern, members, name):
    """Add an entry behind the last one that the pattern finds."""
    text = path.read_text()
    end = [found.end() for found in re.finditer(pattern, text)][-1]
    members = ",\n".join("          " + member for member in members)
    path.write_text(f'{text[:end]},\n        "{name}": {{\n{members}\n        }}{text[end:]}')


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    add(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
