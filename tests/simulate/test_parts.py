"""Levels of unseen k-mers, and which bases around a k-mer count."""

from __future__ import annotations

import numpy as np

from basecaller.bases import kmers
from basecaller.simulate.parts import levels_from_parts, parts_of
from basecaller.simulate.pore import load_pore
from basecaller.simulate.reach import KNOWN, reach_of, reach_of_pore


def test_parts_of_a_kmer_by_hand() -> None:
    assert parts_of(4) == [(0,), (1,), (2,), (3,), (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3),
                           (0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3), (0, 1, 2, 3)]


def test_levels_of_unseen_kmers_follow_from_their_parts() -> None:
    """Levels that are sums of what bases and pairs add are found for all 7-mers from a fifth of them."""
    k, rng = 7, np.random.default_rng(0)
    base, pair = rng.normal(0, 1, (k, 4)), rng.normal(0, 0.3, (k - 1, 4, 4))
    digits = np.stack([(np.arange(4**k) >> 2 * (k - 1 - i)) & 3 for i in range(k)])
    true = 2.0 + sum(base[i][digits[i]] for i in range(k))
    true = true + sum(pair[i][digits[i], digits[i + 1]] for i in range(k - 1))
    seen = rng.permutation(4**k)[: 4**k // 5]
    events = rng.choice(seen, 20_000)
    found = levels_from_parts(events, true[events] + rng.normal(0, 0.1, len(events)), k)
    unseen = np.setdiff1d(np.arange(4**k), seen)
    assert np.corrcoef(found[unseen], true[unseen])[0, 1] > 0.995
    assert np.abs(found[unseen] - true[unseen]).mean() < 0.1 * true.std()


def test_index_order_is_that_of_kmers() -> None:
    codes = np.array([3, 1, 0, 2, 2, 1, 3, 0], np.uint8)
    index = kmers(codes, 7)
    mean = np.where(np.arange(4**7) >> 12 == 3, 5.0, -5.0)  # k-mers that begin with T
    found = levels_from_parts(np.arange(4**7), mean, 7)
    assert found[index[0]] > 4 and found[index[1]] < -4


def test_the_shipped_pores_were_learnt_with_the_reach_of_their_kmers() -> None:
    for name, k in (("r9.4.1", 6), ("r10.4.1", 9)):
        assert reach_of_pore(load_pore(name)) == reach_of(k) == KNOWN[k]
    assert len(KNOWN[6].pairs) == 39 and (-2, 3) in KNOWN[6].pairs and (9, 10) in KNOWN[6].pairs
    assert (7, 9) not in KNOWN[6].pairs


def test_a_pore_of_other_kmers_has_pairs_that_reach_beyond_them() -> None:
    reach = reach_of(5)
    assert reach.k == 5
    assert all(min(pair) < 0 or max(pair) >= 5 for pair in reach.pairs)
