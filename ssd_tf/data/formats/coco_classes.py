# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The 80 classes of COCO, for weights that come without a list of theirs."""

from ssd_tf.data.annotations import Category

# In the order of their ids, which run from 1 to 90 and leave these out.
_UNUSED_IDS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
_NAMES = """
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic_light, fire_hydrant, stop_sign,
    parking_meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella,
    handbag, tie, suitcase, frisbee, skis, snowboard, sports_ball, kite, baseball_bat, baseball_glove, skateboard,
    surfboard, tennis_racket, bottle, wine_glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange,
    broccoli, carrot, hot_dog, pizza, donut, cake, chair, couch, potted_plant, bed, dining_table, toilet, tv, laptop,
    mouse, remote, keyboard, cell_phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors,
    teddy_bear, hair_drier, toothbrush
"""

COCO_CATEGORIES = tuple(
    Category(number, name.strip().replace("_", " "))
    for number, name in zip(
        (number for number in range(1, 91) if number not in _UNUSED_IDS), _NAMES.split(","), strict=True
    )
)
