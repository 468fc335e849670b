#!/usr/bin/python3
"""scripts/behaviours.sh draws every figure that docs/behaviours.md shows, and no other. The results are those of the other
behaviour tests, which CTest runs before."""
import importlib.util
import re
import shutil
import sys

from behaviour import PROJECT, WORK, call, check, finish

if importlib.util.find_spec("matplotlib") is None:
    print("SKIPPED: matplotlib is not installed (scripts/bootstrap.sh --plots)")
    sys.exit(77)
shutil.rmtree(WORK / "img", ignore_errors=True)
call(PROJECT / "scripts/behaviours.sh", "--output", WORK, "--figures", WORK / "img", "--draw-only")
drawn = {path.name for path in (WORK / "img").iterdir()}
shown = set(re.findall(r"\]\(img/(behaviour_[a-z_]+\.svg)\)", (PROJECT / "docs/behaviours.md").read_text()))
check(drawn == shown, f"drawn and not shown {sorted(drawn - shown)}, shown and not drawn {sorted(shown - drawn)}",
      len(drawn))
for name in sorted(drawn):
    size = (WORK / "img" / name).stat().st_size
    check(10_000 < size < 100_000 and (PROJECT / "docs/img" / name).is_file(), f"{name} is kept, bytes", size)
finish()
