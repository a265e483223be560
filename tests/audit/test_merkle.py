"""The tree against RFC 6962 itself: all proofs of small trees, samples of larger ones."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit import rfc6962
from usance.audit import merkle
from usance.audit.merkle import EMPTY_ROOT, Node, Peaks

ALL = 70
ENTRIES = [b"entry %d" % n for n in range(ALL)]


class Tree:
    """A tree as the sequencer stores it: nodes with the leaf that completed them."""

    def __init__(self, entries: list[bytes]) -> None:
        self.nodes: dict[Node, bytes] = {}
        peaks = Peaks()
        for index, entry in enumerate(entries):
            leaf = merkle.leaf_hash(entry)
            self.nodes[Node(0, index)] = leaf
            subtrees = peaks.add(leaf)
            for level in range(1, len(subtrees) // 32 + 1):
                node = Node(level, index >> level)
                assert node.last_leaf == index
                self.nodes[node] = subtrees[level * 32 - 32 : level * 32]
        self.root = peaks.root()
        self.size = peaks.size

    def path(self, index: int, size: int) -> list[bytes]:
        return [merkle.hash_of(*each, self.nodes) for each in merkle.inclusion_ranges(index, size)]

    def proof(self, old: int, size: int) -> list[bytes]:
        ranges = merkle.consistency_ranges(old, size)
        return [merkle.hash_of(*each, self.nodes) for each in ranges]


TREE = Tree(ENTRIES)
ROOTS = [rfc6962.mth(ENTRIES[:size]) for size in range(ALL + 1)]


def flipped(path: list[bytes], bits: int | None = None) -> Iterator[list[bytes]]:
    """The path with one bit changed: each of them, or so many at random."""
    count = len(path) * 256
    chosen = range(count) if bits is None else random.Random(count).sample(range(count), bits)
    for bit in chosen if count else []:
        place, rest = divmod(bit, 256)
        changed = bytearray(path[place])
        changed[rest >> 3] ^= 1 << (rest & 7)
        yield [*path[:place], bytes(changed), *path[place + 1 :]]


@pytest.mark.parametrize("size", range(ALL + 1))
def test_roots_and_inclusion_are_those_of_the_rfc(size: int) -> None:
    """R-PROOF-02, R-PROOF-05: every leaf of every tree."""
    assert Tree(ENTRIES[:size]).root == ROOTS[size]
    for index in range(size):
        path = TREE.path(index, size)
        assert path == rfc6962.path(index, ENTRIES[:size])
        leaf = merkle.leaf_hash(ENTRIES[index])
        assert merkle.includes(leaf, index, size, path, ROOTS[size])


@pytest.mark.parametrize("size", range(ALL + 1))
def test_consistency_is_that_of_the_rfc(size: int) -> None:
    """R-PROOF-06: from every smaller tree."""
    assert TREE.proof(0, size) == []
    assert merkle.extends(0, ROOTS[0], size, ROOTS[size], [])
    for old in range(1, size + 1):
        path = TREE.proof(old, size)
        assert path == rfc6962.proof(old, ENTRIES[:size])
        assert merkle.extends(old, ROOTS[old], size, ROOTS[size], path)


@pytest.mark.parametrize("size", [*range(1, 18), 31, 32, 33, 70])
def test_an_inclusion_proof_with_one_wrong_bit_is_refused(size: int) -> None:
    for index in range(size) if size < 18 else (0, 1, size // 2, size - 1):
        path, leaf = TREE.path(index, size), merkle.leaf_hash(ENTRIES[index])
        given = (index, size, path, ROOTS[size])
        for wrong in flipped(path):
            assert not merkle.includes(leaf, index, size, wrong, ROOTS[size])
        for (wrong_leaf,) in flipped([leaf]):
            assert not merkle.includes(wrong_leaf, *given)
        for (wrong_root,) in flipped([ROOTS[size]]):
            assert not merkle.includes(leaf, index, size, path, wrong_root)


@pytest.mark.parametrize("size", [*range(1, 18), 31, 32, 33, 70])
def test_a_consistency_proof_with_one_wrong_bit_is_refused(size: int) -> None:
    for old in range(1, size + 1) if size < 18 else (1, 2, size // 2, size - 1):
        path = TREE.proof(old, size)
        for wrong in flipped(path):
            assert not merkle.extends(old, ROOTS[old], size, ROOTS[size], wrong)
        for (wrong_root,) in flipped([ROOTS[old]]):
            assert not merkle.extends(old, wrong_root, size, ROOTS[size], path)
        for (wrong_root,) in flipped([ROOTS[size]]):
            assert not merkle.extends(old, ROOTS[old], size, wrong_root, path)


@pytest.mark.parametrize("size", range(1, 34))
def test_proofs_of_another_place_length_or_tree_are_refused(size: int) -> None:
    for index in range(size):
        path, leaf = TREE.path(index, size), merkle.leaf_hash(ENTRIES[index])
        for other in {index - 1, index + 1, size, -1} - {index}:
            assert not merkle.includes(leaf, other, size, path, ROOTS[size])
        for wrong in (path[:-1], path[1:], [*path, leaf], [path[0][:-1], *path[1:]] if path else 0):
            if wrong != path and isinstance(wrong, list):
                assert not merkle.includes(leaf, index, size, wrong, ROOTS[size])
    for old in range(size + 1):
        path = TREE.proof(old, size)
        roots = ROOTS[old], ROOTS[size]
        for wrong in (path[:-1], path[1:], [*path, ROOTS[size]]):
            if wrong != path:
                assert not merkle.extends(old, roots[0], size, roots[1], wrong)
        assert not merkle.extends(size + 1, ROOTS[size + 1], size, ROOTS[size], path)
        if 0 < old < size:
            assert not merkle.extends(old, ROOTS[old - 1], size, ROOTS[size], path)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_larger_trees(data: st.DataObject) -> None:
    size = data.draw(st.integers(71, 1500))
    entries = [b"%d" % n for n in range(size)]
    tree, root = Tree(entries), rfc6962.mth(entries)
    assert tree.root == root
    index = data.draw(st.integers(0, size - 1))
    path = tree.path(index, size)
    assert path == rfc6962.path(index, entries)
    leaf = merkle.leaf_hash(entries[index])
    assert merkle.includes(leaf, index, size, path, root)
    old = data.draw(st.integers(1, size))
    proof, old_root = tree.proof(old, size), rfc6962.mth(entries[:old])
    assert proof == rfc6962.proof(old, entries)
    assert merkle.extends(old, old_root, size, root, proof)
    for wrong in flipped(path, 40):
        assert not merkle.includes(leaf, index, size, wrong, root)
    for wrong in flipped(proof, 40) if proof else []:
        assert not merkle.extends(old, old_root, size, root, wrong)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 400), st.integers(0, 400))
def test_a_tree_is_carried_on_from_its_peaks(first: int, more: int) -> None:
    """What the sequencer does after a start: the stored nodes of the right edge are enough."""
    entries = [b"%d" % n for n in range(first + more)]
    tree = Tree(entries)
    edge = [tree.nodes[node] for node in merkle.nodes_of(0, first)]
    peaks = Peaks(first, edge)
    for entry in entries[first:]:
        peaks.add(merkle.leaf_hash(entry))
    assert peaks.root() == tree.root == rfc6962.mth(entries)


def test_known_answers_and_nonsense() -> None:
    """The empty tree and the test vectors that certificate transparency publishes."""
    assert EMPTY_ROOT.hex().startswith("e3b0c44298fc1c14")
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657",
              "606162636465666768696a6b6c6d6e6f"]  # fmt: skip
    tree = Tree([bytes.fromhex(each) for each in inputs])
    assert tree.root.hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_ranges(3, 3)
    with pytest.raises(ValueError, match="holds none"):
        merkle.consistency_ranges(4, 3)
    with pytest.raises(ValueError, match="peaks"):
        Peaks(3, [EMPTY_ROOT])
