"""What an evaluation found, as tables: the TSV files beside the page, and the numbers behind its figures."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from basecaller.evaluation.evaluate import Evaluation
from basecaller.evaluation.reliability import observed_q
from basecaller.evaluation.tally import KMER, START_BIN, Counts
from basecaller.report.parts import Table

IDENTITY_STEP = 0.005


def tables(evaluation: Evaluation) -> dict[str, Table]:
    """All tables by the name of their file, without its ending."""
    tally = evaluation.tally
    return {
        "identity": identity(evaluation),
        "errors": errors(tally.columns),
        "substitutions": substitutions(tally.substitutions),
        "homopolymers": homopolymers(tally.runs),
        "kmers": kmers(tally.kmers),
        "quality": quality(tally.quality),
        "read_quality": read_quality(evaluation.mean_qs, evaluation.identities),
        "read_start": positions(tally.start, START_BIN),
        "read_parts": positions(tally.parts, 1 / len(tally.parts)),
    }


def identity(evaluation: Evaluation) -> Table:
    """Mapped reads by identity; steps are half-open, the last one includes 1."""
    steps = round(1 / IDENTITY_STEP)
    where = np.minimum((np.array(evaluation.identities) * steps + 1e-9).astype(np.int64), steps - 1)
    counts = np.bincount(where, minlength=steps)
    first = int(np.flatnonzero(counts)[0]) if counts.any() else steps
    rows = ((i / steps, (i + 1) / steps, int(counts[i])) for i in range(first, steps))
    return Table(("from", "to", "reads"), tuple(rows))


def errors(columns: Counts) -> Table:
    """Columns of the alignments by kind."""
    names = ("match", "mismatch", "insertion", "deletion")
    shares = columns / max(1, columns.sum())
    return Table(("kind", "bases", "share"), tuple(zip(names, columns.tolist(), shares.tolist(), strict=True)))


def substitutions(counts: Counts) -> Table:
    """What became of each base; `-` is a deletion, or the place of an insertion; the share is of the reference base
    (of all insertions, for those)."""
    letters = "ACGTN-"
    of_base = counts.sum(axis=1)
    rows = (
        (letters[r], letters[c], int(counts[r, c]), float(counts[r, c] / of_base[r]))
        for r, c in itertools.product(range(6), repeat=2)
        if counts[r, c] or (r != c and "N" not in letters[r] + letters[c] and of_base[r])
    )
    return Table(("reference", "called", "bases", "share"), tuple(rows))


def homopolymers(runs: Counts) -> Table:
    """Homopolymers called with the right length, by base (`all` first) and length in the reference."""
    lengths = np.arange(runs.shape[2])
    rows = []
    for base, table in (("all", runs.sum(axis=0)), *zip("ACGT", runs, strict=True)):
        for length in range(1, len(table)):
            found = table[length]
            total = int(found.sum())
            if total:
                right = float(found[length:].sum() if length == len(table) - 1 else found[length]) / total
                short = float(found[:length].sum()) / total
                rows.append((base, length, total, right, short, 1 - right - short, float(found @ lengths) / total))
    return Table(("base", "length", "runs", "right", "short", "long", "mean_called_length"), tuple(rows))


def kmers(counts: Counts) -> Table:
    """All k-mers seen, the surely worst first: by the lower end of the error rate's 95 % interval (Wilson 1927)."""
    seen = counts[:, [0, 1, 3]].sum(axis=1)
    wrong = np.minimum(counts[:, 1:].sum(axis=1), seen)
    order = np.argsort(-_wilson_low(wrong, seen), kind="stable")
    names = ["".join(letters) for letters in itertools.product("ACGT", repeat=KMER)]
    rows = (
        (names[i], int(seen[i]), float(wrong[i] / seen[i]), *(float(counts[i, kind] / seen[i]) for kind in (1, 2, 3)))
        for i in order
        if seen[i]
    )
    return Table(("kmer", "seen", "error", "mismatch", "insertion", "deletion"), tuple(rows))


def quality(counts: Counts) -> Table:
    """Claimed Q against what the alignments say of the bases that claim it."""
    rows = (
        (q, int(bases), int(mismatches), int(insertions), half / 2, float(observed_q(bases, half / 2)))
        for q, (bases, mismatches, insertions, half) in enumerate(counts.tolist())
        if bases
    )
    return Table(("q", "bases", "mismatches", "insertions", "errors_charged", "observed_q"), tuple(rows))


def read_quality(mean_qs: npt.ArrayLike, identities: npt.ArrayLike) -> Table:
    """Reads by mean Q (rounded down) against their identity; `identity_q` is -10 log10(1 - mean identity)."""
    mean_q, found = np.asarray(mean_qs), np.asarray(identities)
    known = ~np.isnan(mean_q)
    groups, found = np.floor(mean_q[known]).astype(np.int64), found[known]
    rows = []
    for group in np.unique(groups).tolist():
        members = found[groups == group]
        mean = float(members.mean())
        rows.append((group, len(members), mean, float(-10 * np.log10(max(1 - mean, 1e-5)))))
    return Table(("mean_q", "reads", "mean_identity", "identity_q"), tuple(rows))


def positions(counts: Counts, step: float) -> Table:
    """Accuracy along the reads; `aligned` is the share of the bases there that lie in their read's hit."""
    rows = []
    for i, (bases, match, mismatch, insertion, deletion) in enumerate(counts.tolist()):
        columns = match + mismatch + insertion + deletion
        if bases and columns:
            aligned = (match + mismatch + insertion) / bases
            shares = (match / columns, mismatch / columns, insertion / columns, deletion / columns)
            rows.append((round(i * step, 4), round((i + 1) * step, 4), bases, aligned, *shares))
    return Table(("from", "to", "bases", "aligned", "identity", "mismatch", "insertion", "deletion"), tuple(rows))


def _wilson_low(wrong: Counts, seen: Counts) -> npt.NDArray[np.float64]:
    z, n = 1.96, np.maximum(seen, 1)
    rate = wrong / n
    spread = z * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return np.asarray((rate + z**2 / (2 * n) - spread) / (1 + z**2 / n))
