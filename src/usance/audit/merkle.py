"""The tree of RFC 6962: hashes, inclusion and consistency proofs. Pure.

A *node* is the hash of a complete subtree, named by its level (0: a leaf) and its place among the
nodes of that level. Inner nodes stand with the leaf that completed them: ``Peaks.add`` gives, for
each leaf, the hashes of the complete subtrees that end with it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from usance.core.rules import rule

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


class Node(NamedTuple):
    """A complete subtree of ``2 ** level`` leaves, the ``place``-th of its level."""

    level: int
    place: int

    @property
    def last_leaf(self) -> int:
        """Index of the leaf that completes it."""
        return ((self.place + 1) << self.level) - 1


Nodes = Mapping[Node, bytes]


@rule("R-PROOF-02")
def leaf_hash(data: bytes) -> bytes:
    """A leaf: never the hash of an inner node, whatever ``data`` is."""
    return hashlib.sha256(b"\0" + data).digest()


@rule("R-PROOF-02")
def node_hash(left: bytes, right: bytes) -> bytes:
    """An inner node."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Peaks:
    """The right edge of a tree: the largest complete subtrees, from which its root is made."""

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.hashes = list(hashes)
        if len(self.hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} has {size.bit_count()} peaks")

    def add(self, leaf: bytes) -> bytes:
        """One more leaf; the hashes of the complete subtrees that end with it, smallest first."""
        completed, node, rest = [], leaf, self.size
        while rest & 1:
            node = node_hash(self.hashes.pop(), node)
            completed.append(node)
            rest >>= 1
        self.hashes.append(node)
        self.size += 1
        return b"".join(completed)

    @rule("R-PROOF-02")
    def root(self) -> bytes:
        """The root of the tree as it is."""
        return folded(self.hashes) if self.hashes else EMPTY_ROOT


def folded(hashes: Sequence[bytes]) -> bytes:
    """The root over complete subtrees, the largest first."""
    *left, root = hashes
    for each in reversed(left):
        root = node_hash(each, root)
    return root


def nodes_of(start: int, end: int) -> list[Node]:
    """Complete subtrees that make up the leaves from ``start`` to before ``end``, largest first.

    ``start`` is a multiple of the largest power of two below the number of leaves, as it is in
    every subtree of RFC 6962.
    """
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append(Node(level, start >> level))
        start += 1 << level
    return found


def hash_of(start: int, end: int, nodes: Nodes) -> bytes:
    """The hash of the subtree over these leaves."""
    return folded([nodes[each] for each in nodes_of(start, end)])


Range = tuple[int, int]
"""Leaves from the first to before the second."""


def split(size: int) -> int:
    """The largest power of two below ``size`` (2 or more)."""
    return 1 << ((size - 1).bit_length() - 1)


@rule("R-PROOF-05")
def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Subtrees whose hashes are the path from leaf ``index`` to the root, nearest first."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    found: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start = middle
    return found[::-1]


@rule("R-PROOF-06")
def consistency_ranges(old: int, size: int) -> list[Range]:
    """Subtrees whose hashes prove that a tree of ``size`` begins with that of ``old`` leaves."""
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} holds none of {old}")
    if old in (0, size):
        return []
    found: list[Range] = []
    start, end, whole = 0, size, True
    while end > old:
        middle = start + split(end - start)
        if old <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start, whole = middle, False
    return found[::-1] if whole else [(start, end), *found[::-1]]


def nodes_wanted(ranges: Iterable[Range]) -> Iterator[Node]:
    """The nodes from which the hashes of these ranges are made."""
    for start, end in ranges:
        yield from nodes_of(start, end)


@rule("R-PROOF-05")
def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path leads from the leaf to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not all(len(each) == HASH_BYTES for each in path):
        return False
    place, last, found = index, size - 1, leaf
    for each in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(each, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, each)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


@rule("R-PROOF-06")
def extends(
    old: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the larger tree begins with the smaller one (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= size or not all(len(each) == HASH_BYTES for each in path):
        return False
    if old == 0:
        return not path and old_root == EMPTY_ROOT and (size > 0 or root == EMPTY_ROOT)
    if old == size:
        return not path and old_root == root
    rest = list(path) if old & (old - 1) else [old_root, *path]
    return bool(rest) and walks(rest, old - 1, size - 1) == (old_root, root)


def walks(path: Sequence[bytes], place: int, last: int) -> tuple[bytes, bytes] | None:
    """The two roots that a consistency path leads to; None if it has another length."""
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for each in path[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            old, new = node_hash(each, old), node_hash(each, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, each)
        place, last = place >> 1, last >> 1
    return (old, new) if last == 0 else None
