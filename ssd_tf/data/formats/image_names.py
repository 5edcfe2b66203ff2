# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The files that names in annotations stand for, where the names were made on another machine.

Names are changed by one rule for the whole data set or not at all: a rule that is made for each name by itself would
take any file of that name for a missing one, and give it the other's boxes.
"""

import itertools
import os
import pathlib
import unicodedata
import urllib.parse
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from ssd_tf.utils.files import is_file

Rule = TypeVar("Rule")
Key = TypeVar("Key")
Found = TypeVar("Found", bound=Hashable)


class _Rule(NamedTuple):
    """What is done to all names: backslashes to slashes, %20 to a space, the first folders left out."""

    slashes: bool
    unquoted: bool
    folders: int

    def parts(self, name: str) -> tuple[str, ...]:
        """Folders and file of a changed name; the file itself always stays."""
        name = name.replace("\\", "/") if self.slashes else name
        name = urllib.parse.unquote(name) if self.unquoted else name
        parts = [part for part in name.split("/") if part not in ("", ".")]
        return tuple(parts[min(self.folders, len(parts) - 1) :]) if parts else ()


def find_files(folder: pathlib.Path, names: Sequence[str]) -> tuple[list[pathlib.Path], list[str]]:
    """The path of each name, and what was done to find them, as messages.

    Names that are found as they are in the folder stay so. Else one rule is looked for that finds more of them: it is
    applied to all names, gives every name that was found before the same file, and no two names one file. Accents count
    as the same whether they are one character or two (NFC, NFD). Of such rules that which finds the most is taken, and
    of these the one that changes least.

    Args:
      folder: where the images are; those in its folders too.
      names: as the annotations have them; a name may occur more than once.
    """
    as_they_are = {name: folder / name for name in names}
    found = {name: path for name, path in as_they_are.items() if is_file(path)}
    if len(found) == len(as_they_are):
        return [as_they_are[name] for name in names], []
    there = _files_below(folder)
    best, changed = best_rule(
        found,
        len(as_they_are),
        ((rule, {name: there.get(_key(rule.parts(name))) for name in as_they_are}) for rule in _rules(as_they_are)),
    )
    if best is None:
        return [as_they_are[name] for name in names], []
    name = next(name for name in changed if name not in found)
    note = f"{_description(best, as_they_are)}; {len(changed)} of {len(as_they_are)} names are found so"
    note += f", the first: {name} is {changed[name].relative_to(folder)}"
    return [changed.get(name, as_they_are[name]) for name in names], [note]


def best_rule(
    found: dict[Key, Found], most: int, tried: Iterable[tuple[Rule, Mapping[Key, Found | None]]]
) -> tuple[Rule | None, dict[Key, Found]]:
    """The first rule of those that find the most files, and what it finds; None and `found` where none finds more.

    Args:
      found: what is found without a rule; a rule must find the same files for these, and no file twice.
      most: how many there are to be found.
      tried: rules, and the file that each finds for each key; looked at until one finds all.
    """
    best, paths = None, found
    if len(found) == most:
        return best, paths
    for rule, files in tried:
        kept = {key: path for key, path in files.items() if path is not None}
        is_one_to_one = len(set(kept.values())) == len(kept)
        if len(kept) > len(paths) and is_one_to_one and all(kept.get(key) == path for key, path in found.items()):
            best, paths = rule, kept
        if len(paths) == most:
            break
    return best, paths


def _rules(names: Sequence[str] | dict[str, pathlib.Path]) -> Iterator[_Rule]:
    """From those that change least on; without those that change nothing."""
    changes = [(False, True) if any(sign in name for name in names) else (False,) for sign in ("\\", "%")]
    deepest = max(len(_Rule(True, False, 0).parts(name)) for name in names)
    for folders in range(deepest):
        for slashes, unquoted in itertools.product(*changes):
            yield _Rule(slashes, unquoted, folders)


def _description(rule: _Rule, names: dict[str, pathlib.Path]) -> str:
    done = []
    if rule.slashes:
        done.append("with / for \\")
    if rule.unquoted:
        done.append("with %20 and the like decoded")
    if rule.folders:
        done.append(f"without their first {rule.folders} folders" if rule.folders > 1 else "without their first folder")
    return f"file names are taken {', '.join(done) or 'in another form of Unicode'}"


def _files_below(folder: pathlib.Path) -> dict[tuple[str, ...], pathlib.Path | None]:
    """The files of a folder and of those in it, by `_key`; None where two files have one key."""
    found: dict[tuple[str, ...], pathlib.Path | None] = {}
    for place, _, files in os.walk(folder):
        inside = pathlib.Path(place).relative_to(folder).parts
        for file in files:
            key = _key((*inside, file))
            found[key] = None if key in found else pathlib.Path(place) / file
    return found


def _key(parts: Sequence[str]) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFC", part) for part in parts)
