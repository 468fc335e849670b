#!/usr/bin/python3
"""Check that what comments and documents refer to is there.

usage: check_citations.py [--self-test] SOURCE_DIR

- A citation of a document, "docs/model/serving.md 4.3", names a file and a numbered heading of it; several may follow each
  other ("2.4 to 2.6 and 5.2"). "docs/model/timing.md T-36" names a row of a table whose first cell is T-36.
- A rule's id alone, T-36, is in some document of docs/model.
- No comment cites a document that is not in the repository.
- Sources that comments and documents name ("op_list.h", "timing/op_list.h") exist, and a header names itself by its own path.
- Links of documents lead to files, and to headings in them.
- The tables of rooms in docs/architecture.md are those of check_includes.py.
- A function that a document names with its file, "`f()` in [a.c](a.c)" or "[a.c](a.c) (`f`)", is in that file.
- Paths of the repository that documents name (engine/..., tests/..., with * for any name) exist.

--self-test checks the checker on texts that must be refused and on texts that must pass.
"""
import re
import sys
import tempfile
from pathlib import Path

import check_includes

SOURCES = ("engine", "sweep", "tests", "examples", "python", "scripts", "slurm", "configs")
SUFFIXES = {".c", ".h", ".py", ".sh", ".txt", ".cmake", ".md", ".json", ".sbatch", ""}
PATH_ROOTS = "engine|sweep|tests|scripts|configs|slurm|docs|workloads|examples|python"

NUMBER = r"(?:[QT]-P?\d+|\d+(?:\.\d+)*)"
CITATION = re.compile(rf"\b(docs/[\w./-]+\.md)(?:,? \(?({NUMBER}(?:(?:, and |, | and | to |-)\(?{NUMBER})*))?")
OUTSIDE = re.compile(r"(?:shared/|\b)spec/\w+\.md|\bspec (?:[QT]-P?\d|\d+\.\d)|(?<![\w/])(?:design|style)\.md\b")
HEADING = re.compile(r"^#{1,6} +(.*?)\s*$", re.MULTILINE)
HEADING_NUMBER = re.compile(r"(\d+(?:\.\d+)*)\b")
RULE_ID = re.compile(r"(?<![\w-])[QT]-P?\d+\b")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
SOURCE_NAME = re.compile(r"(?<![\w./-])(?:[a-z_]+/)*[A-Za-z]\w+\.[ch]\b")
OWN_NAME = re.compile(r"/\* ([\w/]+\.h) -- ")
ELSEWHERE = {"sysexits.h"}  # of the system, and included nowhere
SYSTEM_HEADER = re.compile(r"^ *# *include *<([^>]+)>", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(rf"(?<![\w/.$}}-])(?:{PATH_ROOTS})/[\w./*<>{{}},-]*")


FUNCTION_IN = re.compile(r"`(\w+)\(\)` (?:in|of) \[[^\]]*\]\(([^)#]+\.[ch])\)")
FUNCTIONS_OF = re.compile(r"\[[^\]]*\]\(([^)#]+\.[ch])\) \(((?:`\w+`(?:, )?)+)\)")


def without_code(markdown):
    return re.sub(r"^```.*?^```", "", markdown, flags=re.MULTILINE | re.DOTALL)


def one_line(text):
    """The text with comments that go over several lines as one: "docs/a.md\\n * 4.2" is "docs/a.md 4.2"."""
    return re.sub(r"\s*\n\s*(?:\*(?!/)|#|//)? *", " ", text)


def slug(heading):
    """The anchor that a heading gets."""
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


class Document:
    """What of a document can be cited: its numbered headings, rows of its tables, anchors."""

    def __init__(self, path):
        text = path.read_text(encoding="utf-8")
        headings = HEADING.findall(without_code(text))
        numbers = [HEADING_NUMBER.match(heading) for heading in headings]
        self.numbers = {number.group(1) for number in numbers if number}
        self.numbers |= set(re.findall(r"^\| ([QT]-P?\d+) \|", text, re.MULTILINE))
        self.anchors = {slug(heading) for heading in headings}


class Tree:
    def __init__(self, root):
        self.root = root
        self.documents = {}
        self.paths, self.system_headers = set(), set(ELSEWHERE)
        for path in (p for top in SOURCES for p in (root / top).rglob("*.[ch]")):
            self.paths.add("/" + path.relative_to(root).as_posix())
            self.system_headers |= set(SYSTEM_HEADER.findall(path.read_text(encoding="utf-8", errors="replace")))
        rules = [self.document(path) for path in sorted((root / "docs" / "model").rglob("*.md"))]
        self.rule_ids = {number for document in rules for number in document.numbers}

    def document(self, path):
        if path not in self.documents:
            self.documents[path] = Document(path) if path.is_file() else None
        return self.documents[path]

    def citation_problems(self, text):
        """Citations that lead nowhere, and how many there are."""
        found, problems = 0, []
        text = one_line(text)
        for path, numbers in CITATION.findall(text):
            document = self.document(self.root / path)
            if document is None:
                problems.append(f"{path} does not exist")
                continue
            for number in re.findall(NUMBER, numbers):
                found += 1
                if number not in document.numbers:
                    problems.append(f"{path} has no {number}")
        problems += [f"no document of docs/model has {rule}" for rule in RULE_ID.findall(text) if rule not in self.rule_ids]
        problems += [f'"{cited}" is not in the repository' for cited in OUTSIDE.findall(text)]
        return problems, found

    def source_problems(self, path, text):
        """Sources that are named and not there; text is a document's, or a source's with the comments that count."""
        is_code = path.suffix in (".c", ".h")
        said = " ".join(COMMENT.findall(text)) if is_code else text
        problems = []
        for name in SOURCE_NAME.findall(said):
            if name not in self.system_headers and not any(known.endswith("/" + name) for known in self.paths):
                problems.append(f"there is no source {name}")
        own = OWN_NAME.match(text) if is_code else None
        if own and not ("/" + path.relative_to(self.root).as_posix()).endswith("/" + own.group(1)):
            problems.append(f"calls itself {own.group(1)}")
        return problems

    def link_problems(self, path, text):
        problems = []
        for target in LINK.findall(without_code(text)):
            if re.match(r"\w+:", target):
                continue
            name, _, anchor = target.partition("#")
            leads_to = (path.parent / name).resolve() if name else path
            if not leads_to.exists():
                problems.append(f"link to {target}: no such file")
            elif anchor and leads_to.suffix == ".md" and anchor not in self.document(leads_to).anchors:
                problems.append(f"link to {target}: no such heading")
        return problems

    def function_problems(self, path, text):
        text = one_line(text)
        named = [(name, file) for name, file in FUNCTION_IN.findall(text)]
        named += [(name, file) for file, names in FUNCTIONS_OF.findall(text) for name in re.findall(r"\w+", names)]
        return [f"{file} has no {name}" for name, file in named if (path.parent / file).is_file()
                and not re.search(rf"\b{name}\b", (path.parent / file).read_text(encoding="utf-8"))]

    def path_problems(self, text):
        problems = []
        for name in PATH.findall(text):
            name = name.rstrip(".,-")
            if re.search(r"[<>{}]", name):
                continue  # a pattern for people
            if not any(self.root.glob(name.rstrip("/"))):
                problems.append(f"{name} does not exist")
        return problems


ROOM = re.compile(r"^\| `(engine|sweep)/(\w+)/` \|.*\| ([^|]*?) \|$", re.MULTILINE)


def room_problems(text, engine, sweep):
    """Where the tables of rooms differ from what includes are held to."""
    found = {(top, room): included for top, room, included in ROOM.findall(text)}
    wanted = {("engine", "programs"): "every room"}
    wanted |= {("engine", room): included for room, included in engine.items()}
    wanted |= {("sweep", room): included for room, included in sweep.items()}
    problems = [f"the room {top}/{room} is missing" for top, room in wanted if (top, room) not in found]
    problems += [f"there is no room {top}/{room}" for top, room in found if (top, room) not in wanted]
    for place, included in found.items():
        said = included if place[1] == "programs" else set() if included == "nothing" else set(included.split(", "))
        if place in wanted and said != wanted[place]:
            problems.append(f"{'/'.join(place)} may include {sorted(wanted[place])}, found {included}")
    return problems


def sources_of(root):
    for top in SOURCES:
        for path in sorted((root / top).rglob("*")):
            if path.is_file() and path.suffix in SUFFIXES and path.name != Path(__file__).name:
                yield path


def documents_of(root):
    return sorted((root / "docs").rglob("*.md")) + [root / name for name in ("README.md", "CONTRIBUTING.md")
                                                     if (root / name).is_file()]


def check(root):
    """All problems of a source tree, one per line, and the number of citations that were followed."""
    tree, problems, n_citations = Tree(root), [], 0
    documents = documents_of(root)
    for path in [*sources_of(root), *documents]:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # no text
        found, n = tree.citation_problems(text)
        n_citations += n
        if path.suffix in (".c", ".h", ".md"):
            found += tree.source_problems(path, text)
        if path in documents:
            found += tree.link_problems(path, text) + tree.path_problems(text) + tree.function_problems(path, text)
        if path.name == "architecture.md":
            found += room_problems(text, check_includes.ALLOWED, check_includes.SWEEP_ALLOWED)
        problems += [f"{path.relative_to(root)}: {problem}" for problem in dict.fromkeys(found)]
    return problems, n_citations


MODEL = "# Model\n\n## 1 Begin\n\n### 1.2 Then `so`\n\n| id | what |\n|---|---|\n| Q-7 | a |\n| T-36 | b |\n"
MUST_FAIL = [
    ("engine/a.c", "/* docs/model.md 1.3 */"),
    ("engine/a.c", "/* as in docs/model.md\n * 1.2 and 4. */"),
    ("engine/a.c", "/* docs/model.md 1 to 1.4 */"),
    ("engine/a.c", "/* docs/other.md says so */"),
    ("engine/a.c", "/* docs/model.md Q-8 */"),
    ("tests/a.py", '"""docs/model.md, 2"""'),
    ("sweep/a.h", "/* Source: spec/serving.md 4.2 */"),
    ("sweep/a.h", "/* ../shared/spec/timing.md */"),
    ("engine/a.c", "/* (spec Q-7) */"),
    ("engine/a.c", "/* spec 11.4. */"),
    ("engine/a.c", "/* Definitions: design.md */"),
    ("engine/a.c", "/* as in Q-8 */"),
    ("engine/a.c", "/* see other.h */"),
    ("engine/a.c", "/* sim/main.c has it */"),
    ("engine/sim/a.h", "/* timing/a.h -- what it was */"),
    ("docs/b.md", "`sim/gone.c`"),
    ("docs/b.md", "[there](other.md)"),
    ("docs/b.md", "[there](model.md#2-end)"),
    ("docs/b.md", "`gone()`\nin [a](../engine/a.c)"),
    ("docs/b.md", "[a](../engine/a.c) (`gone`, `too`)"),
    ("docs/b.md", "see `engine/b.c`"),
    ("docs/b.md", "see `engine/b_*.c`."),
    ("README.md", "| `tests/none/` | nothing |"),
]
MUST_PASS = [
    ("engine/a.c", "/* Source: docs/model.md 1.2 and 1. */"),
    ("engine/a.c", "/* docs/model.md\n * 1, 1.2, and T-36: a\n * sweep's spec has 4 jobs */"),
    ("engine/a.c", "/* docs/model.md has it; docs/model.md 1.2 (Q-7). 3 more */"),
    ("engine/sim/a.h", "/* sim/a.h -- T-36, sim/a.h and stdio.h */\n#include <stdio.h>\nchar *x = \"gone.h\";"),
    ("docs/b.md", "[there](model.md#12-then-so), [site](https://example.org/x), [here](#own)\n\n# Own\n"),
    ("docs/b.md", "`here()` in [a](b.md), [a](../engine/a.c) (at last)"),
    ("docs/b.md", "`engine/a.c`, `engine/*.c`, engine/, `build/release/tests/bench`, `hardware/<tag>/x.json`"),
]


def self_test():
    wrong = []
    for cases, is_wrong in ((MUST_FAIL, True), (MUST_PASS, False)):
        for name, text in cases:
            with tempfile.TemporaryDirectory() as folder:
                root = Path(folder).resolve()
                files = {"docs/model.md": MODEL, "docs/model/m.md": MODEL, "engine/a.c": "", name: text}
                for path, content in files.items():
                    (root / path).parent.mkdir(parents=True, exist_ok=True)
                    (root / path).write_text(content)
                if bool(check(root)[0]) != is_wrong:
                    wrong.append(f"the checker misjudges {text!r} in {name}")
    rooms = "| `engine/programs/` | a | every room |\n| `engine/b/` | b | c |\n| `engine/c/` | c | nothing |\n"
    for text, engine, n_problems in ((rooms, {"b": {"c"}, "c": set()}, 0), (rooms, {"b": set(), "c": set()}, 1),
                                     (rooms, {"b": {"c"}, "c": set(), "d": set()}, 1), (rooms, {"b": {"c"}}, 1)):
        if len(room_problems(text, engine, {})) != n_problems:
            wrong.append(f"the checker misjudges a table of rooms against {engine}")
    return wrong


def main(arguments):
    paths = [argument for argument in arguments if argument != "--self-test"]
    if len(paths) != 1:
        sys.exit(__doc__)
    problems = self_test() if "--self-test" in arguments else []
    found, n_citations = check(Path(paths[0]).resolve())
    problems += found
    if n_citations < 100:
        problems.append(f"{paths[0]}: only {n_citations} citations found, which cannot be all")
    print("\n".join(problems) or f"{n_citations} citations, all of them lead somewhere")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
