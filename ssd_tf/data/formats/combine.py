# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Data sets as they were read -> the one that is prepared: some classes of it, or several put together."""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from ssd_tf.data.annotations import AnnotatedDataset, Category
from ssd_tf.utils.errors import UserError


def of_classes(dataset: AnnotatedDataset, names: Sequence[str]) -> AnnotatedDataset:
    """The data set with these classes alone, in their order. Each keeps its id, of several of one name the first;
    names that it lacks get free ids.

    Args:
      dataset: as a reader returned it.
      names: of the classes; none: all, as they are.

    Raises:
      ValueError: the data set has none of them.
    """
    if not names or [category.name for category in dataset.categories] == list(names):
        return dataset
    id_of = _first_ids(dataset)
    if not id_of.keys() & set(names):
        raise UserError(f"classes: expected some of {', '.join(id_of)}. Received: {', '.join(names)}")
    name_of = {category.id: category.name for category in dataset.categories}
    free = 1 + max(name_of)
    for name in names:
        if name not in id_of:
            id_of[name], free = free, free + 1
    wanted = np.array([category.id for category in dataset.categories if category.name in names], np.int64)
    findings = _copied(dataset)
    images = []
    for image in dataset.images:
        keep: np.ndarray = np.isin(image.category_ids, wanted)
        findings["of other classes"] += [f"{image.name}: {name_of[i]}" for i in image.category_ids[~keep].tolist()]
        kept = image.take(keep)
        ids = np.array([id_of[name_of[i]] for i in kept.category_ids.tolist()], np.int64)
        images.append(dataclasses.replace(kept, category_ids=ids))
    return AnnotatedDataset(tuple(Category(id_of[name], name) for name in names), tuple(images), _some(findings))


def together(datasets: Sequence[AnnotatedDataset], origins: Sequence[str]) -> AnnotatedDataset:
    """All images of all data sets, with the class ids of the first. An image whose id was taken gets a new one.

    Args:
      datasets: at least one.
      origins: where they are from, for messages.

    Raises:
      ValueError: two have different classes.
    """
    if len(datasets) == 1:
        return datasets[0]
    id_of = _first_ids(datasets[0])
    free = 1 + max((image.image_id for dataset in datasets for image in dataset.images), default=0)
    taken: set[int] = set()
    images = []
    findings: dict[str, list[str]] = collections.defaultdict(list)
    for dataset, origin in zip(datasets, origins, strict=True):
        if {category.name for category in dataset.categories} != id_of.keys():
            here = ", ".join(category.name for category in dataset.categories)
            raise UserError(
                f"{origin}: expected the classes of {origins[0]}: {', '.join(id_of)}. Received: {here}. "
                "Pass --classes for a list that holds for all"
            )
        new_id = {
            category.id: category.id if category in datasets[0].categories else id_of[category.name]
            for category in dataset.categories
        }
        for image in dataset.images:
            image_id = image.image_id
            if image_id in taken:
                image_id, free = free, free + 1
                findings["renumbered"].append(f"{image.name}: image id {image.image_id} of {origin} is {image_id}")
            taken.add(image_id)
            ids = np.array([new_id[i] for i in image.category_ids.tolist()], np.int64)
            images.append(dataclasses.replace(image, image_id=image_id, category_ids=ids))
        for kind, messages in dataset.findings.items():
            findings[kind].extend(messages)
    return AnnotatedDataset(datasets[0].categories, tuple(images), _some(findings))


def without_difficult(dataset: AnnotatedDataset) -> AnnotatedDataset:
    """The data set without the objects that are marked as difficult."""
    findings = _copied(dataset)
    images = []
    for image in dataset.images:
        if image.is_difficult is not None:
            findings["difficult"] += [f"{image.name}: left out"] * int(image.is_difficult.sum())
            image = image.take(~image.is_difficult)
        images.append(image)
    return AnnotatedDataset(dataset.categories, tuple(images), _some(findings))


def _first_ids(dataset: AnnotatedDataset) -> dict[str, int]:
    """The id of each class; of a name that several have, the first."""
    ids: dict[str, int] = {}
    for category in dataset.categories:
        ids.setdefault(category.name, category.id)
    return ids


def _copied(dataset: AnnotatedDataset) -> dict[str, list[str]]:
    return collections.defaultdict(list, {kind: list(messages) for kind, messages in dataset.findings.items()})


def _some(findings: dict[str, list[str]]) -> dict[str, list[str]]:
    return {kind: messages for kind, messages in findings.items() if messages}
