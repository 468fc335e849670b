"""sweep_compare -- means that can be compared: every cell of a figure over the same combinations of everything else.

A cell is what one mark of a figure stands for: a value of x, or of x, group and panel. The jobs of a cell differ in the
other parameters and in the repeat. Where some of them failed, or constraints left them out, a mean over what is there
would compare different things: a board would look cheap because its expensive half is missing. So all cells are averaged
over the combinations that all of them have, and cells that lack these are left out and counted. scripts/report_template.html
has the same rule.
"""
from sweep_file import short


class Comparison:
    """rows: by cell, the indices of jobs to average. The rest is for note()."""

    def __init__(self, rows, n_used, n_all, n_left_out, rest, along):
        self.rows = rows
        self.n_used, self.n_all = n_used, n_all  # combinations of the other parameters
        self.n_left_out = n_left_out  # cells that have results, but not of these combinations
        self.rest, self.along = rest, along  # names of what is averaged over, and of what changes with the cell

    def mean(self, values, cell):
        """Of a quantity by job; NaN where the cell is left out or has no results."""
        rows = self.rows.get(cell)
        return float(sum(values[row] for row in rows)) / len(rows) if rows else float("nan")

    def share(self, marks, cell):
        """How many of a cell's jobs have a mark, as a share."""
        rows = self.rows.get(cell, [])
        return sum(bool(marks[row]) for row in rows) / len(rows) if rows else 0.0

    def notes(self):
        """What was done, as phrases."""
        found = []
        names = " x ".join(self.rest)
        if self.n_used < self.n_all:
            found.append(f"mean over {self.n_used} of {self.n_all} combinations of {names}: those that all cells shown have")
        elif self.n_all > 1:
            found.append(f"mean over {self.n_all} combinations of {names}")
        if self.n_left_out:
            found.append(f"{self.n_left_out} of {self.n_left_out + len(self.rows)} cells left out: they lack some of these")
        if self.along:
            found.append(f"swept together with these: {', '.join(self.along)}")
        return found


def compare(sweep, cell_names, population, has_value):
    """Cells of the parameters `cell_names`, as tuples of their values.

    population: by job, whether it belongs to the figure at all, done or not; has_value: whether it has the quantity.
    """
    names = [name for name in sweep.varied_params() if name not in cell_names]
    columns = {name: sweep.param(name) for name in [*cell_names, *names]}
    indices = [i for i in range(len(sweep.jobs)) if population[i]]
    cells = {i: tuple(columns[name][i] for name in cell_names) for i in indices}
    varied = [name for name in names if len({columns[name][i] for i in indices}) > 1]
    along = [name for name in varied if follows(columns[name], cells)]
    rest = [name for name in varied if name not in along]
    repeats = sweep.column("repeat")
    found = {}  # by cell: the job of each combination
    for i in indices:
        if has_value[i]:
            found.setdefault(cells[i], {})[(*(columns[name][i] for name in rest), int(repeats[i]))] = i
    n_all = len(set().union(*found.values())) if found else 0
    common = common_combinations(found)
    rows = {cell: [jobs[key] for key in sorted(common, key=lambda key: jobs[key])]
            for cell, jobs in found.items() if common and common <= jobs.keys()}
    names_of_rest = [known_as(sweep, name) for name in rest] + ["repeats"] * (len({int(repeats[i]) for i in indices}) > 1)
    return Comparison(rows, len(common), n_all, len(found) - len(rows), names_of_rest,
                      [known_as(sweep, name) for name in along])


def known_as(sweep, name):
    """The last word of a parameter's name where that tells it from all others, else all of it."""
    return short(name) if sum(short(other) == short(name) for other in sweep.params) == 1 else name


def follows(column, cells):
    """Whether a parameter has one value in each cell, as those have that are swept together (zip)."""
    value_of = {}
    return all(value_of.setdefault(cell, column[i]) == column[i] for i, cell in cells.items())


def common_combinations(found):
    """The combinations to compare over: of the cells that have most, those that all of them have; as many cells times
    combinations as can be had, rather more cells."""
    best, common, most = set(), None, 0
    ordered = sorted(found.values(), key=len, reverse=True)
    for n, jobs in enumerate(ordered, 1):
        common = set(jobs) if common is None else common & jobs.keys()
        if n * len(common) >= most and common:
            best, most = common, n * len(common)
    return best


def describe(sweep, population, conditions, comparisons):
    """The lines below a figure: what was chosen, averaged, left out, and what has no results."""
    parts = []
    if conditions:
        parts.append("only " + ", ".join(f"{short(name)} = {value}" for name, value in conditions))
    for comparison in comparisons:
        parts += [note for note in comparison.notes() if note not in parts]
    parts += trouble(sweep, population)
    return "; ".join(parts)


def trouble(sweep, population):
    """Jobs of a figure without results, and those that are no answer."""
    parts = []
    counts = {}
    for i in range(len(sweep.jobs)):
        if population[i] and not sweep.is_done[i]:
            counts[sweep.states[i]] = counts.get(sweep.states[i], 0) + 1
    parts += [f"{count} jobs {state}: no results" for state, count in counts.items()]
    done = [i for i in range(len(sweep.jobs)) if population[i] and sweep.is_done[i]]
    n_missed, n_oversize = (sum(bool(marks[i]) for i in done) for marks in (sweep.misses_slo, sweep.is_oversize))
    if n_missed:
        parts.append(f"{n_missed} of {len(done)} points miss the SLO (hollow)")
    if n_oversize:
        parts.append(f"{n_oversize} of {len(done)} points assume more memory than their board has (crossed)")
    return parts
