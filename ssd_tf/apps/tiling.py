# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""--tiles and --tile_overlap, the same in each program that finds objects."""

from typing import TYPE_CHECKING

from absl import flags

from ssd_tf.geometry.tiles import Tiling, parse_tiles

if TYPE_CHECKING:
    from ssd_tf.inference.batches import AnyPredictor


def define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "tiles",
        "",
        "Look at tiles of each image too, COLUMNSxROWS of them, such as 2x2: finds smaller objects, takes longer.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "tile_overlap",
        Tiling.overlap,
        "With --tiles: how much of a tile's side its neighbour sees too.",
        0.0,
        0.5,
        flag_values=values,
    )


def tiling_of(args: flags.FlagValues) -> Tiling | None:
    """What the flags ask for; None for whole images.

    Raises:
      ValueError: the text means no tiles.
    """
    return parse_tiles(args.tiles, args.tile_overlap) if args.tiles else None


def tiled(args: flags.FlagValues, predictor: "AnyPredictor") -> "AnyPredictor":
    """The predictor, which looks at tiles where the flags say so."""
    from ssd_tf.inference.tiled import TiledPredictor

    tiling = tiling_of(args)
    return TiledPredictor(predictor, tiling) if tiling else predictor
