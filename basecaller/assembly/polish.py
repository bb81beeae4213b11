"""Polishing contigs with the signal: edits scored by the model's own scores for the reads' signal.

As in assembly/likelihood.py, but a read's likelihood is that of its signal, summed over all alignments (CTC, or the
CRF's own lattice), rather than that of the one sequence it was called as: what the caller hesitated about still counts.
Scored are all edits of one base, what single reads have in place of several (assembly/replacement.py), and, where two
edits close together are nearly as good as none, both at once: a contig with several errors side by side need not become
likelier by any one base. What the reads leave open then, genes may tell (assembly/genes/), where there are any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from basecaller.assembly.circle import restart, rotate
from basecaller.assembly.contig import Contig
from basecaller.assembly.edit import EDGE, EDITS, MAX_QUALITY, NEVER, doubt_quality, rule_out
from basecaller.assembly.genes.witness import Chances, Said, find_genes
from basecaller.assembly.grid import Grid, grid_near
from basecaller.assembly.lengthterms import LengthTerms, add_length_terms, length_term, length_terms
from basecaller.assembly.listen import Heard
from basecaller.assembly.revise import Edit, apart, applied, pairs, written_out
from basecaller.assembly.windowscores import LEAST_READS, MISS, Hear, State, counted, score, worth
from basecaller.model.config import NetworkConfig

WINDOW = 160
PHASES = (0, 80, 40, 120)
"""Bases by which the borders of the turns lie before those of the first. A border goes where bases repeat least, up to
30 bases from where it is due, so that those of two turns may come to lie so close together that neither scores what is
between them; of four turns one does."""
LEAST = (0.3, 0.3, 0.3, 0.3, 1.0, 2.0, 4.0)
"""By how much an edit of each turn must be likelier than what stands there (natural logarithm). A contig was made of
the same reads, so that what stands there has no more to be said for it than any other. Where few reads lie, one of them
may reach over a window as it is cut in one turn and not as it is cut in the next, and an edit be made and unmade in
turns: the last ones ask for more and more, so that what has more to be said for it stays."""
TURNS = len(LEAST) + 1
"""In the last one nothing is changed: it tells how sure the bases are."""
NEAR = 10
"""Bases on each side of an edit that are scored again."""
GENE_TURNS = 3
"""Turns, at most, in which edits are made that genes ask for."""
FEW_READS_QUALITY = 7
"""Of bases over which fewer than LEAST_READS lie: what stands there is one read's word."""
Say = Callable[[str], None]


class _Rules(NamedTuple):
    """What is asked of an edit."""

    terms: LengthTerms
    trust: float
    """See `polish`."""

    @property
    def known(self) -> bool:
        """Whether what stands there has more to be said for it than the reads: a single one may speak against it then,
        and edits are of single bases, since where a relative differs in more there is no telling in what."""
        return self.trust > 0

    @property
    def reads(self) -> int:
        """That lie over a base which may be edited, at least ..."""
        return 1 if self.known else LEAST_READS

    @property
    def quality(self) -> int:
        """... and of those over which fewer lie."""
        return round(min(MAX_QUALITY, 10 * self.trust / float(np.log(10)))) if self.known else FEW_READS_QUALITY


def polish(contigs: list[Contig], heard: Heard, hear: Hear, network: NetworkConfig, threads: int = 1,
           say: Say = lambda _: None, trust: float = 0.0, by_genes: bool = True) -> list[Contig]:
    """Contigs with every edit made that the reads' signal asks for, their qualities, and the count noted.

    `trust`: how much likelier (natural logarithm) the contigs' bases are than any others before the reads are heard:
    nothing for an assembly of these reads, more for sequences that are known otherwise, such as a relative's genome.
    A base that was edited counts as known from then on, so that its quality flatters.
    `by_genes`: where contigs are mostly genes, edits that reads leave open are made if reading frames ask for them; not
    with `trust`.
    Contigs keep their order, strand and (circles) start; the result does not depend on `threads`.
    """
    states = [_fresh(contig) for contig in contigs]
    rules = _Rules(length_terms(network), trust)
    number = -1

    def scored() -> None:
        nonlocal number
        for state in states if number >= 0 else ():
            _turn(state, (_phase(number + 1) - _phase(number)) % WINDOW)
        number += 1
        score(states, _grid([state.contig for state in states], number), heard, hear, network, threads, not rules.known)

    scored()
    for turn, least in enumerate(LEAST, 1):
        count = sum(_edit(state, rules, least) for state in states)
        say(f"polishing {turn} of {TURNS}: {count} edits")
        if turn > 1 and count == 0 and not any(state.pairs or _lacking(state) for state in states):
            break
        scored()
    chances = _by_genes(states, rules, scored, threads, say) if by_genes and not rules.known else None
    done = []
    for n, (state, before) in enumerate(zip(states, contigs, strict=True)):
        note = f"{state.edits} edits by the signal" + (f", {state.by_genes} by genes" if state.by_genes else "")
        contig = replace(state.contig, qualities=_quality(state, rules, chances[n] if chances else None),
                         note=f"{before.note}; {note}" if before.note else note)
        done.append(restart(contig, before.codes) if contig.circular else contig)
    return done


def _fresh(contig: Contig) -> State:
    n = len(contig.codes)
    return State(contig, np.zeros((2, n, EDITS), np.float32), np.zeros((2, n), np.int32), np.ones(n, np.bool_),
                  np.zeros(n, np.bool_))


def _phase(number: int) -> int:
    """How far before those of the first turn the borders of a turn lie."""
    return PHASES[number % len(PHASES)]


def _lacking(state: State) -> bool:
    """Whether there are bases that were next to a border in every turn so far."""
    edge = 0 if state.contig.circular else EDGE
    return bool(state.wanted[edge : len(state.wanted) - edge].any())


def _turn(state: State, by: int) -> None:
    """A circle rotated by so many bases, so that its ends come to lie amid a window."""
    if state.contig.circular:
        by %= len(state.contig.codes)
        state.contig = rotate(state.contig, by)
        state.scores, state.reads = np.roll(state.scores, -by, axis=1), np.roll(state.reads, -by, axis=1)
        state.wanted = np.roll(state.wanted, -by)
        state.pairs = [pair.moved(-by) for pair in state.pairs if pair.first >= by]


def _grid(contigs: list[Contig], number: int) -> Grid:
    """Windows; those of a linear contig begin elsewhere in every turn (circles are rotated instead)."""
    wishes = []
    for contig in contigs:
        first = WINDOW - (0 if contig.circular else _phase(number))
        first += 0 if first >= WINDOW // 2 else WINDOW
        wishes.append(np.arange(first, len(contig.codes) - WINDOW // 2, WINDOW))
    return grid_near(contigs, wishes, WINDOW * 3 // 4)


def _summed(state: State, rules: _Rules) -> npt.NDArray[np.float64]:
    """(L, 11) scores, of which one of each edits that come to the same is left."""
    scores: npt.NDArray[np.float64] = np.einsum("sl,sle->le", worth(state.reads), state.scores)
    add_length_terms(state.contig.codes, counted(state.reads), rules.terms, scores)
    scores -= rules.trust
    scores[state.reads.sum(axis=0) < rules.reads] = NEVER
    rule_out(state.contig.codes, len(scores), scores)
    return scores


def _edit(state: State, rules: _Rules, least: float) -> int:
    """Make the edits that are likelier by more than `least`, best first, if they stand apart; returns how many they
    were."""
    codes = state.contig.codes
    open_ = _open_edits(state, rules)
    made = apart([edit for edit in open_ if edit.score > least], len(codes))
    known = {edit.key for edit in (*state.longer, *state.pairs)}
    fresh = [edit for edit in open_ if state.scored[edit.first : edit.end].any()]
    _make(state, made, [] if rules.known else [pair for pair in pairs(codes, fresh) if pair.key not in known])
    state.edits += len(made)
    return len(made)


def _make(state: State, made: list[Edit], tried: list[Edit]) -> None:
    """Make edits that stand apart, and have others, two at a time, scored in the next turn."""
    new, origin, state.pairs = applied(state.contig.codes, made, tried)
    old = np.maximum(origin, 0)
    changed = origin < 0
    changed[1:] |= origin[1:] != origin[:-1] + 1
    near = np.convolve(changed, np.ones(2 * NEAR + 1), "same") > 0.5
    state.contig = replace(state.contig, codes=new)
    state.scores, state.reads, state.wanted = state.scores[:, old], state.reads[:, old], state.wanted[old] | near
    state.reads[:, near] = 0  # until they are scored, which near a border is a turn later
    for pair in state.pairs:
        state.wanted[pair.first : pair.last + 1] = True


def _by_genes(states: list[State], rules: _Rules, scored: Callable[[], None], threads: int, say: Say
              ) -> list[Chances | None] | None:
    """Make the edits that genes and reads together ask for, and return how likely each edit then is; `scored` brings
    the scores up to date. None where there are no genes to go by."""

    def said() -> list[Said]:
        return [Said(state.contig, _summed(state, rules), state.reads.sum(axis=0)) for state in states]

    at_first = said()
    witness = find_genes(at_first, threads)
    if witness is None:
        return None
    chances = witness.chances(at_first, threads)
    for turn in range(1, GENE_TURNS + 1):
        count = 0
        for state, chance in zip(states, chances, strict=True):
            made = _likely_edits(state, chance) if chance is not None else []
            _make(state, made, [])
            state.by_genes += len(made)
            count += len(made)
        say(f"by genes {turn} of {GENE_TURNS}: {count} edits")
        if count == 0:
            break
        scored()
        chances = witness.chances(said(), threads)
    return chances


def _likely_edits(state: State, chance: Chances) -> list[Edit]:
    """Those more likely than not, apart."""
    codes = state.contig.codes
    return apart([written_out(codes, i, column, float(chance[i, column]))
                  for i, column in np.argwhere(chance > 0.5).tolist()], len(codes))


def _open_edits(state: State, rules: _Rules) -> list[Edit]:
    """Single-base edits and longer ones that are not out of the question."""
    codes = state.contig.codes
    summed = _summed(state, rules)
    least = -MISS * counted(state.reads)
    inner = np.zeros(len(codes), np.bool_)
    inner[EDGE : len(codes) - EDGE] = True
    found = [written_out(codes, i, column, float(summed[i, column]))
             for i, column in np.argwhere((summed > least[:, None]) & (summed > NEVER / 2) & inner[:, None]).tolist()]
    for edit, reads in zip(state.longer, state.readers, strict=True):
        score = edit.score + length_term(codes, edit.first, edit.last, edit.new, reads, rules.terms)
        if score > -MISS * reads:
            found.append(edit._replace(score=score))
    return found


def _quality(state: State, rules: _Rules, chance: Chances | None) -> npt.NDArray[np.uint8]:
    """(L,) Phred scores; `chance` (L, 11) of each edit by reads and genes together, if genes were gone by."""
    quality: npt.NDArray[np.uint8]
    if chance is None:
        scores = _summed(state, rules)
        quality = doubt_quality(len(scores), scores, 0.0)
    else:
        doubt = np.clip(chance.sum(axis=1), 10 ** (-MAX_QUALITY / 10), 0.75)
        quality = (-10 * np.log10(doubt)).astype(np.uint8)
    quality[state.reads.sum(axis=0) < rules.reads] = rules.quality
    return quality
