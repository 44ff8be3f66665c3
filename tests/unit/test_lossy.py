"""The model of a card that forgets: what a cut may take, and what it may not."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from bench._lossy import SECTOR, Disk, File, Folder

CUTS = 1500


def card(disk: Disk) -> dict[str, bytes | None]:
    """Path and content of all there is; None for a folder."""
    found: dict[str, bytes | None] = {}

    def walk(folder: Folder, above: str) -> None:
        for name, node in folder.live.items():
            path = above + name.decode()
            if isinstance(node, Folder):
                found[path] = None
                walk(node, path + "/")
            elif isinstance(node, File):
                found[path] = bytes(node.live)

    walk(disk.root, "")
    return found


def after_cuts(happens: Callable[[Disk, Folder, Folder], object]) -> list[dict[str, bytes | None]]:
    """What is there after each of many cuts: `happens` in a disk with two durable folders."""
    found = []
    for seed in range(CUTS):
        disk = Disk()
        a, b = Folder(0o755), Folder(0o755)
        disk.add(disk.root, b"a", a)
        disk.add(disk.root, b"b", b)
        disk.sync(disk.root)
        happens(disk, a, b)
        disk.cut(Random(seed))
        found.append(card(disk))
    return found


def durable(disk: Disk, folder: Folder, name: bytes, content: bytes) -> File:
    file = File(0o644, content)
    disk.add(folder, name, file)
    disk.sync(folder)
    return file


def test_what_was_synced_survives_every_cut() -> None:
    def happens(disk: Disk, a: Folder, _b: Folder) -> None:
        file = durable(disk, a, b"x", b"")
        file.write(0, b"first")
        file.sync()
        file.write(5, b"second")

    contents = {found["a/x"] for found in after_cuts(happens)}
    assert all(content and content.startswith(b"first") for content in contents)
    assert {b"first", b"firstsecond"} < contents


def test_writes_are_kept_or_lost_by_themselves() -> None:
    def happens(disk: Disk, a: Folder, _b: Folder) -> None:
        file = durable(disk, a, b"x", b"ab")
        file.write(0, b"A")
        file.write(1, b"B")

    assert {found["a/x"] for found in after_cuts(happens)} == {b"ab", b"Ab", b"aB", b"AB"}


def test_a_write_is_torn_at_sectors() -> None:
    old, new = b"o" * SECTOR * 3, b"n" * SECTOR * 3

    def happens(disk: Disk, a: Folder, _b: Folder) -> None:
        durable(disk, a, b"x", old).write(0, new)

    contents = {found["a/x"] or b"" for found in after_cuts(happens)}
    sectors = {tuple(content[at : at + SECTOR] for at in range(0, len(content), SECTOR))
               for content in contents}  # fmt: skip
    assert all(set(parts) <= {old[:SECTOR], new[:SECTOR]} for parts in sectors)
    assert len(sectors) == 8


def test_a_size_may_be_kept_without_the_data() -> None:
    def happens(disk: Disk, a: Folder, _b: Folder) -> None:
        durable(disk, a, b"x", b"").write(0, b"n" * 2 * SECTOR)

    contents = {found["a/x"] or b"" for found in after_cuts(happens)}
    assert bytes(2 * SECTOR) in contents
    assert any(set(content) - {0, ord("n")} for content in contents), "garbage"


@pytest.mark.parametrize("synced", [False, True])
def test_a_name_is_certain_once_its_folder_is_synced(synced: bool) -> None:
    def happens(disk: Disk, a: Folder, _b: Folder) -> None:
        file = File(0o644)
        disk.add(a, b"x", file)
        file.write(0, b"content")
        file.sync()
        if synced:
            disk.sync(a)

    found = after_cuts(happens)
    assert {f.get("a/x") for f in found} == ({b"content"} if synced else {b"content", None})


def test_a_synced_folder_says_nothing_of_the_content() -> None:
    def happens(disk: Disk, a: Folder, _b: Folder) -> None:
        file = File(0o644)
        disk.add(a, b"x", file)
        file.write(0, b"content")
        disk.sync(a)

    contents = {found["a/x"] for found in after_cuts(happens)}
    assert {b"", b"content"} <= contents


def test_a_folder_that_is_lost_takes_what_is_in_it() -> None:
    def happens(disk: Disk, _a: Folder, _b: Folder) -> None:
        made = Folder(0o755)
        disk.add(disk.root, b"c", made)
        durable(disk, made, b"x", b"content")

    assert {"c/x" in found for found in after_cuts(happens)} == {True, False}


def test_a_rename_keeps_one_name_or_both() -> None:
    def happens(disk: Disk, a: Folder, b: Folder) -> None:
        durable(disk, a, b"x", b"content")
        disk.rename(a, b"x", b, b"y")

    found = after_cuts(happens)
    assert {frozenset(f.keys() - {"a", "b"}) for f in found} == {
        frozenset({"a/x"}), frozenset({"b/y"}), frozenset({"a/x", "b/y"}),
    }  # fmt: skip
    assert all(f.get("a/x", b"content") == f.get("b/y", b"content") == b"content" for f in found)


@pytest.mark.parametrize(
    ("which", "left"), [("new", [{"b/y"}, {"a/x", "b/y"}]), ("old", [{"b/y"}])]
)
def test_a_rename_is_certain_once_the_old_folder_is_synced(
    which: str, left: list[set[str]]
) -> None:
    def happens(disk: Disk, a: Folder, b: Folder) -> None:
        durable(disk, a, b"x", b"content")
        disk.rename(a, b"x", b, b"y")
        disk.sync(b if which == "new" else a)

    found = [set(f) - {"a", "b"} for f in after_cuts(happens)]
    assert all(names in left for names in found)
    assert all(names in found for names in left)


def test_a_deletion_may_be_undone() -> None:
    def happens(disk: Disk, a: Folder, _b: Folder) -> None:
        durable(disk, a, b"x", b"content")
        disk.unlink(a, b"x")

    assert {"a/x" in found for found in after_cuts(happens)} == {True, False}


def test_names_come_and_go_in_any_order() -> None:
    def happens(disk: Disk, a: Folder, b: Folder) -> None:
        durable(disk, a, b"1", b"one")
        disk.unlink(a, b"1")
        disk.add(b, b"2", File(0o644))

    found = {frozenset(f.keys() - {"a", "b"}) for f in after_cuts(happens)}
    assert len(found) == 4


def test_a_sync_that_failed_is_not_made_up_for_by_the_next() -> None:
    def happens(disk: Disk, a: Folder, _b: Folder) -> None:
        file = durable(disk, a, b"x", b"")
        file.write(0, b"content")
        file.lose(Random(len(seen)))
        assert file.live == b"content", "programs still see it"
        file.sync()
        seen.append(file)

    seen: list[File] = []
    assert b"" in {found["a/x"] for found in after_cuts(happens)}


def test_whatever_happened_a_fully_synced_disk_stays_as_it_is() -> None:
    for seed in range(100):
        chance = Random(seed)
        disk = Disk()
        folders = [disk.root]
        for number in range(60):
            folder = chance.choice(folders)
            names = [n for n, node in folder.live.items() if isinstance(node, File)]
            what = chance.randrange(8)
            if what == 0:
                folders.append(Folder(0o755))
                disk.add(folder, b"%d" % number, folders[-1])
            elif what == 1 or not names:
                disk.add(folder, b"%d" % number, File(0o644))
            elif what == 2:
                disk.unlink(folder, chance.choice(names))
            elif what == 3:
                disk.rename(folder, chance.choice(names), chance.choice(folders), b"%d" % number)
            elif what == 4:
                disk.sync(folder)
            else:
                file = folder.live[chance.choice(names)]
                assert isinstance(file, File)
                if what == 5:
                    file.resize(chance.randrange(2000))
                elif what == 6:
                    file.sync()
                else:
                    file.write(chance.randrange(2000), chance.randbytes(chance.randrange(1500)))
        for node in disk.nodes():
            if isinstance(node, File):
                node.sync()
            elif isinstance(node, Folder):
                disk.sync(node)
        before = card(disk)
        disk.cut(chance)
        assert card(disk) == before
        disk.cut(chance)
        assert card(disk) == before
