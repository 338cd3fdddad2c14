"""The Merkle tree of RFC 6962, section 2.1: hashes, roots, and the two kinds of proof with their checks (RFC 9162)."""

from collections.abc import Callable, Sequence
from hashlib import sha256

# Hash of the perfect subtree of 2**height leaves that is number `index` at its height.
Read = Callable[[int, int], bytes]
EMPTY = sha256(b"").digest()


def leaf(data: bytes) -> bytes:
    """Hash of an entry."""
    return sha256(b"\0" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Hash of two subtrees."""
    return sha256(b"\1" + left + right).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """Root over hashes of leaves, or of equal perfect subtrees.

    Example:
        >>> a, b, c = (leaf(one) for one in (b"a", b"b", b"c"))
        >>> root([a, b, c]) == node(node(a, b), c), root([]) == EMPTY
        (True, True)
    """
    if not hashes:
        return EMPTY
    row = list(hashes)
    while len(row) > 1:
        odd = row[-1:] if len(row) % 2 else []
        pairs = zip(row[::2], row[1::2], strict=False)
        row = [sha256(b"\1" + left + right).digest() for left, right in pairs] + odd
    return row[0]


def edge_root(levels: Sequence[Sequence[bytes]]) -> bytes:
    """Root of a tree from its right edge: hashes of each level of tiles that are in no full tile yet, leaves first."""
    right: bytes | None = None
    for row in levels:
        end = len(row)
        while end:
            size = end & -end
            peak = root(row[end - size : end])
            right = peak if right is None else node(peak, right)
            end -= size
    return EMPTY if right is None else right


def span(read: Read, start: int, end: int) -> bytes:
    """Root over the leaves from `start` to `end`; `start` is a multiple of the largest power of two below the size."""
    size = end - start
    if size & (size - 1) == 0 and start % size == 0:
        return read(size.bit_length() - 1, start // size)
    half = _half(size)
    return node(span(read, start, start + half), span(read, start + half, end))


def tree_root(read: Read, size: int) -> bytes:
    """Root of the first `size` leaves."""
    return span(read, 0, size) if size else EMPTY


def inclusion(read: Read, index: int, size: int) -> list[bytes]:
    """Hashes that lead from a leaf to the root, the leaf's sibling first."""
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        half = _half(end - start)
        if index < start + half:
            path.append(span(read, start + half, end))
            end = start + half
        else:
            path.append(span(read, start, start + half))
            start += half
    return path[::-1]


def consistency(read: Read, old: int, new: int) -> list[bytes]:
    """Hashes that lead from the root of the first `old` leaves to that of the first `new`."""
    if old in (0, new):
        return []
    path: list[bytes] = []
    start, end, whole = 0, new, True
    while end != old:
        half = _half(end - start)
        if old - start <= half:
            path.append(span(read, start + half, end))
            end = start + half
        else:
            path.append(span(read, start, start + half))
            start, whole = start + half, False
    if not whole:
        path.append(span(read, start, end))
    return path[::-1]


def is_included(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes) -> bool:
    """Whether a path proves that a leaf is number `index` of the `size` under a root (RFC 9162, section 2.1.3.2).

    Example:
        >>> row = [leaf(bytes([k])) for k in range(5)]
        >>> read = lambda height, at: root(row[at << height : (at + 1) << height])
        >>> is_included(row[3], 3, 5, inclusion(read, 3, 5), root(row))
        True
    """
    if not 0 <= index < size:
        return False
    at, last, climbed = index, size - 1, leaf_hash
    for sibling in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            climbed = node(sibling, climbed)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            climbed = node(climbed, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and climbed == expected


def is_consistent(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether a path proves that a tree continues an older one (RFC 9162, section 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == new or old == 0:
        return not path and (old_root == new_root if old == new else old_root == EMPTY)
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not hashes:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node(sibling, before), node(sibling, after)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = node(after, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


def _half(size: int) -> int:
    """The largest power of two below a size of at least 2."""
    return 1 << ((size - 1).bit_length() - 1)
