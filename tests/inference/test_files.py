# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images on disk become annotated images and predictions.json; no image of the user's is ever replaced."""

import contextlib
import json
import pathlib

import cv2
import keras
import numpy as np
import pytest
import recipe
from PIL import Image

import ssd_tf
from ssd_tf.data.annotations import Category
from ssd_tf.data.kinds import EXPECTED
from ssd_tf.inference.files import predict_images
from ssd_tf.inference.load import load_predictor
from ssd_tf.inference.predictor import Predictor
from ssd_tf.training.checkpoints import Checkpoints
from ssd_tf.weights.model_info import ModelInfo, save_config

CATEGORIES = (Category(1, "circle"), Category(3, "triangle"), Category(12, "cross"))
# Smaller images would be enlarged before drawing.
WIDTH, HEIGHT = 360, 330


FIELDS = {"id", "image_id", "category_id", "bbox", "area", "iscrowd", "score", "file_name", "category_name"}


@pytest.fixture(scope="module")
def predictor(tmp_path_factory) -> Predictor:
    """An untrained detector, which finds something everywhere where the threshold is 0."""
    folder = tmp_path_factory.mktemp("model")
    save_config(folder, ModelInfo(ssd_tf.spec("ssd128_tiny"), CATEGORIES), {})
    keras.utils.set_random_seed(0)
    model = ssd_tf.build_model("ssd128_tiny", len(CATEGORIES))
    Checkpoints(folder, model, keras.optimizers.SGD()).save(1)
    return load_predictor(folder)


def write_image(path: pathlib.Path, number: int = 0, mode: str = "RGB") -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(recipe.aug_image_u8(number, (WIDTH, HEIGHT))).convert(mode).save(path)
    return path


def predict(predictor, images, output, batch_size=2, **options):
    return predict_images(predictor, images, output, 0.0, batch_size, **options)


def predictions_in(folder: pathlib.Path) -> list[dict]:
    return json.loads((folder / "predictions.json").read_text())["annotations"]


def images_in(folder: pathlib.Path) -> list[dict]:
    return json.loads((folder / "predictions.json").read_text())["images"]


def names_in(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def read(path: pathlib.Path) -> np.ndarray:
    """RGB."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_images_are_annotated_and_their_detections_listed(predictor, tmp_path):
    images = [write_image(tmp_path / "in" / name, k) for k, name in enumerate(("a.png", "b.jpg", "c.jpeg"))]
    before = [path.read_bytes() for path in images]
    summary = predict(predictor, images, tmp_path / "new" / "out")
    assert names_in(tmp_path / "new" / "out") == ["a.png", "b.jpg", "c.jpeg", "predictions.json"]
    assert [path.read_bytes() for path in images] == before
    for path in images:
        drawn = read(tmp_path / "new" / "out" / path.name)
        assert drawn.shape == (HEIGHT, WIDTH, 3)
        # Up to 200 frames of an untrained detector: most pixels are lines.
        assert (np.abs(drawn.astype(int) - read(path)).max(axis=-1) > 40).mean() > 0.2
    predictions = predictions_in(tmp_path / "new" / "out")
    assert summary.images == 3 and summary.unreadable == []
    assert summary.detections == len(predictions) > 0
    ids = {(p["image_id"], p["file_name"]) for p in predictions}
    assert ids == {(1, "a.png"), (2, "b.jpg"), (3, "c.jpeg")}


def test_predictions_have_cocos_fields_and_the_names_of_file_and_class(predictor, tmp_path):
    predict(predictor, [write_image(tmp_path / "a.png")], tmp_path / "out")
    predictions = predictions_in(tmp_path / "out")
    names = {category.id: category.name for category in CATEGORIES}
    assert {p["category_id"] for p in predictions} <= set(names)
    for p in predictions:
        assert set(p) == FIELDS
        assert p["category_name"] == names[p["category_id"]]
        assert len(p["bbox"]) == 4 and 0.0 < p["score"] < 1.0
    scores = [p["score"] for p in predictions]
    assert scores == sorted(scores, reverse=True)


def test_boxes_are_pixels_of_the_image_not_of_the_models_input(predictor, tmp_path):
    small = write_image(tmp_path / "small.png")
    large = tmp_path / "large.png"
    # Ten times as large with the same pixels, so that both are the same to the model but for resizing.
    Image.fromarray(np.kron(read(small), np.ones((10, 10, 1), np.uint8))).save(large)
    predict(predictor, [small, large], tmp_path / "out")
    predictions = predictions_in(tmp_path / "out")
    extents = []
    for name in ("small.png", "large.png"):
        sizes = np.array([p["bbox"][2:] for p in predictions if p["file_name"] == name])
        extents.append(np.median(sizes, axis=0))
    # Medians over 200 boxes; resizing shifts scores and so which boxes are among the 200.
    np.testing.assert_allclose(extents[1] / extents[0], [10.0, 10.0], rtol=0.2)


def test_order_and_batch_size_do_not_change_what_is_found(predictor, tmp_path):
    images = [write_image(tmp_path / "in" / f"{k}.png", k) for k in range(3)]
    for batch_size in (1, 2, 8):
        predict(predictor, images, tmp_path / str(batch_size), batch_size=batch_size)
    one, two, eight = (predictions_in(tmp_path / str(batch_size)) for batch_size in (1, 2, 8))
    for other in (two, eight):
        assert [p["file_name"] for p in other] == [p["file_name"] for p in one]
        # Convolutions of another batch size may sum in another order.
        np.testing.assert_allclose([p["score"] for p in other], [p["score"] for p in one], atol=1e-4)


def test_threshold_leaves_out_what_scores_less(predictor, tmp_path):
    images = [write_image(tmp_path / "a.png")]
    predict(predictor, images, tmp_path / "all")
    scores = [p["score"] for p in predictions_in(tmp_path / "all")]
    threshold = float(np.median(scores))
    predict_images(predictor, images, tmp_path / "half", threshold, 2)
    kept = [p["score"] for p in predictions_in(tmp_path / "half")]
    assert 0 < len(kept) < len(scores)
    assert min(kept) >= threshold - 1e-5  # scores are written to five digits


def test_nothing_found_leaves_the_image_as_it_is_and_an_empty_list(predictor, tmp_path):
    image = write_image(tmp_path / "a.png")
    summary = predict_images(predictor, [image], tmp_path / "out", 1.0, 2)
    assert (summary.images, summary.detections) == (1, 0)
    assert predictions_in(tmp_path / "out") == []
    np.testing.assert_array_equal(read(tmp_path / "out" / "a.png"), read(image))


def test_unreadable_files_are_listed_and_the_others_done(predictor, tmp_path):
    good = [write_image(tmp_path / "in" / name) for name in ("b.png", "d.png", "f.png")]
    bad = [tmp_path / "in" / name for name in ("a.jpg", "c.txt", "e.png")]
    bad[0].write_bytes(good[0].read_bytes()[:50])
    bad[1].write_text("words")
    bad[2].touch()
    summary = predict(predictor, sorted(good + bad), tmp_path / "out")
    assert [line.partition(": not readable as an image (")[0] for line in summary.unreadable] == list(map(str, bad))
    assert summary.images == 3
    assert names_in(tmp_path / "out") == ["b.png", "d.png", "f.png", "predictions.json"]
    # image_id counts all files that were asked for.
    assert {(p["image_id"], p["file_name"]) for p in predictions_in(tmp_path / "out")} == {
        (2, "b.png"),
        (4, "d.png"),
        (6, "f.png"),
    }


def test_only_unreadable_files_give_an_empty_list(predictor, tmp_path):
    (tmp_path / "words.jpg").write_text("words")
    summary = predict(predictor, [tmp_path / "words.jpg"], tmp_path / "out")
    wanted = f"{tmp_path / 'words.jpg'}: not readable as an image (expected a {EXPECTED} file)"
    assert summary.images == 0 and summary.unreadable == [wanted]
    assert names_in(tmp_path / "out") == ["predictions.json"]


def test_images_of_the_same_name_from_two_folders_do_not_replace_each_other(predictor, tmp_path):
    images = [write_image(tmp_path / folder / "a.png", k) for k, folder in enumerate(("x", "y", "z"))]
    images.append(write_image(tmp_path / "x" / "a_2.png", 3))
    predict_images(predictor, images, tmp_path / "out", 1.0, 2)
    assert len(names_in(tmp_path / "out")) == 5
    # Nothing scores above 1, so that the copies show which image they are of.
    copies = {read(path).tobytes() for path in (tmp_path / "out").glob("*.png")}
    assert copies == {read(path).tobytes() for path in images}


def test_output_into_the_images_own_folder_is_refused_before_anything_is_written(predictor, tmp_path):
    images = [write_image(tmp_path / "in" / name) for name in ("a.png", "b.png")]
    before = [path.read_bytes() for path in images]
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for output in (tmp_path / "in", tmp_path / "in" / ".." / "in", tmp_path / "link"):
        with pytest.raises(ValueError, match="own folder"):
            predict(predictor, images, output)
    assert names_in(tmp_path / "in") == ["a.png", "b.png"]
    assert [path.read_bytes() for path in images] == before


def test_output_never_replaces_an_image_of_another_folder(predictor, tmp_path):
    # x/a.png would go to y/a.png, which is an image itself and would only be numbered afterwards.
    images = [write_image(tmp_path / folder / "a.png", k) for k, folder in enumerate(("x", "y"))]
    before = [path.read_bytes() for path in images]
    with contextlib.suppress(ValueError):  # to refuse is as good as to take another name
        predict(predictor, images, tmp_path / "y")
    unchanged = [path.read_bytes() == content for path, content in zip(images, before, strict=True)]
    assert unchanged == [True, True]


@pytest.mark.parametrize("name", ["a.png", "film.mp4", "predictions.json"])
def test_file_that_predict_did_not_write_is_replaced_only_when_asked(predictor, tmp_path, name):
    files = [write_image(tmp_path / "in" / "a.png"), write_video(tmp_path / "in" / "film.mp4", frames=1)]
    predict_images(predictor, files, tmp_path / "out", 1.0, 2)
    predict_images(predictor, files, tmp_path / "out", 1.0, 2)  # its own
    (tmp_path / "out" / name).write_bytes(b"mine")
    with pytest.raises(ValueError, match=f"--output_dir: expected no {name} there but of ssd_tf's own.*--overwrite"):
        predict_images(predictor, files, tmp_path / "out", 1.0, 2)
    assert (tmp_path / "out" / name).read_bytes() == b"mine"
    predict_images(predictor, files, tmp_path / "out", 1.0, 2, overwrite=True)
    assert (tmp_path / "out" / name).read_bytes() != b"mine"


def test_images_are_listed_with_their_places_those_without_detections_too(predictor, tmp_path):
    root = tmp_path / "in"
    files = [write_image(root / folder / "a.png", k) for k, folder in enumerate(("x", "y"))]
    files += [root / "words.jpg", write_video(root / "film.mp4", frames=2)]
    files[2].write_text("words")
    predict_images(predictor, files, tmp_path / "out", 1.0, 2, root=root)
    size = {"width": WIDTH, "height": HEIGHT}
    assert images_in(tmp_path / "out") == [
        {"id": 1, "file_name": "x/a.png", **size, "written": "a.png"},
        {"id": 2, "file_name": "y/a.png", **size, "written": "a_2.png"},
        {"id": 4, "file_name": "film.mp4", **size, "written": "film.mp4", "frame": 0, "seconds": 0.0},
        {"id": 5, "file_name": "film.mp4", **size, "written": "film.mp4", "frame": 1, "seconds": 0.1},
    ]


@pytest.mark.parametrize(
    ("name", "mode", "copy"),
    [
        ("a.gif", "P", "a.gif.png"),
        ("a.bmp", "RGB", "a.bmp.png"),
        ("a.bmp", "P", "a.bmp.png"),
        ("a.tif", "RGB", "a.tif.png"),
    ],
)
def test_kinds_that_cannot_be_written_become_png(predictor, tmp_path, name, mode, copy):
    image = write_image(tmp_path / "in" / name, mode=mode)
    predict_images(predictor, [image], tmp_path / "out", 1.0, 2)
    assert names_in(tmp_path / "out") == [copy, "predictions.json"]
    assert (tmp_path / "out" / copy).read_bytes().startswith(b"\x89PNG")
    np.testing.assert_array_equal(read(tmp_path / "out" / copy), read(image))


def test_content_decides_and_not_the_name(predictor, tmp_path):
    (tmp_path / "in").mkdir()
    image = Image.fromarray(recipe.aug_image_u8(0, (WIDTH, HEIGHT)))
    image.save(tmp_path / "in" / "a.jpg", "WEBP", lossless=True)
    image.save(tmp_path / "in" / "b.mp4", "TIFF")
    write_video(tmp_path / "in" / "film.mp4", frames=2).rename(tmp_path / "in" / "c.jpg")
    files = [tmp_path / "in" / name for name in ("a.jpg", "b.mp4", "c.jpg")]
    summary = predict_images(predictor, files, tmp_path / "out", 1.0, 2)
    assert (summary.images, summary.videos, summary.frames, summary.unreadable) == (2, 1, 2, [])
    assert names_in(tmp_path / "out") == ["a.jpg", "b.mp4.png", "c.jpg.mp4", "predictions.json"]
    np.testing.assert_array_equal(read(tmp_path / "out" / "b.mp4.png"), np.asarray(image))


def test_suffix_in_capitals_and_no_suffix_are_written(predictor, tmp_path):
    capitals = write_image(tmp_path / "in" / "A.JPG")
    bare = tmp_path / "in" / "bare"
    bare.write_bytes(capitals.read_bytes())
    predict(predictor, [capitals, bare], tmp_path / "out")
    assert names_in(tmp_path / "out") == ["A.JPG", "bare.png", "predictions.json"]


def test_grey_image_gets_coloured_frames(predictor, tmp_path):
    image = write_image(tmp_path / "in" / "grey.png", mode="L")
    predict(predictor, [image], tmp_path / "out")
    drawn = read(tmp_path / "out" / "grey.png").astype(int)
    assert np.ptp(drawn, axis=-1).max() > 50


def test_annotated_images_are_in_tensorboard_when_a_logdir_is_given(predictor, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    images = [write_image(tmp_path / "in" / name, k) for k, name in enumerate(("a.png", "b.png"))]
    predict(predictor, images, tmp_path / "out", logdir=str(tmp_path / "logs"))
    events = EventAccumulator(str(tmp_path / "logs")).Reload()
    tags = events.Tags()["tensors"]
    assert tags == ["a.png", "b.png"]
    # An image summary is width, height and the encoded images.
    width, height, encoded = events.Tensors("b.png")[0].tensor_proto.string_val
    assert (int(width), int(height)) == (WIDTH, HEIGHT)
    shown = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    np.testing.assert_array_equal(shown[..., ::-1], read(tmp_path / "out" / "b.png"))


def test_no_tensorboard_events_without_a_logdir(predictor, tmp_path):
    predict(predictor, [write_image(tmp_path / "in" / "a.png")], tmp_path / "out")
    assert not list(tmp_path.rglob("*tfevents*"))


def write_video(path: pathlib.Path, frames: int = 6, fps: float = 10.0) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = cv2.VideoWriter.fourcc(*("mp4v" if path.suffix == ".mp4" else "MJPG"))
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, fps, (WIDTH, HEIGHT))
    for k in range(frames):
        writer.write(recipe.aug_image_u8(k, (WIDTH, HEIGHT)))
    writer.release()
    return path


def video_frames(path: pathlib.Path) -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    frames = []
    while (answer := capture.read())[0]:
        frames.append(np.asarray(answer[1]))
    capture.release()
    return frames


def test_video_is_annotated_whole_and_its_detections_are_listed_by_frame(predictor, tmp_path):
    video = write_video(tmp_path / "in" / "film.mp4")
    before = video.read_bytes()
    summary = predict(predictor, [video], tmp_path / "out", batch_size=4)
    assert (summary.images, summary.videos, summary.frames) == (0, 1, 6)
    assert (summary.unreadable, summary.damaged) == ([], [])
    assert names_in(tmp_path / "out") == ["film.mp4", "predictions.json"] and video.read_bytes() == before
    drawn, plain = video_frames(tmp_path / "out" / "film.mp4"), video_frames(video)
    assert len(drawn) == 6
    for one, other in zip(drawn, plain, strict=True):
        assert (np.abs(one.astype(int) - other).max(axis=-1) > 40).mean() > 0.1
    predictions = predictions_in(tmp_path / "out")
    assert summary.detections == len(predictions)
    assert all(set(p) == FIELDS | {"frame", "seconds"} and p["file_name"] == "film.mp4" for p in predictions)
    places = sorted({(p["image_id"], p["frame"], p["seconds"]) for p in predictions})
    assert places == [(k + 1, k, pytest.approx(k / 10)) for k in range(6)]


def test_frames_of_a_video_count_on_among_images(predictor, tmp_path):
    files = [
        write_image(tmp_path / "in" / "a.png"),
        write_video(tmp_path / "in" / "b.mp4", frames=3),
        write_image(tmp_path / "in" / "c.png", 1),
        write_video(tmp_path / "in" / "d.avi", frames=2),
    ]
    summary = predict(predictor, files, tmp_path / "out")
    assert (summary.images, summary.videos, summary.frames) == (2, 2, 5)
    assert names_in(tmp_path / "out") == ["a.png", "b.mp4", "c.png", "d.avi.mp4", "predictions.json"]
    found = sorted({(p["image_id"], p["file_name"], p.get("frame")) for p in predictions_in(tmp_path / "out")})
    assert found == [
        (1, "a.png", None),
        *((2 + k, "b.mp4", k) for k in range(3)),
        (5, "c.png", None),
        *((6 + k, "d.avi", k) for k in range(2)),
    ]


def test_frame_of_a_video_finds_what_its_image_finds(predictor, tmp_path):
    video = write_video(tmp_path / "a.avi", frames=3)
    for k, frame in enumerate(video_frames(video)):
        cv2.imwrite(str(tmp_path / f"{k}.png"), frame)
    predict(predictor, [video], tmp_path / "video")
    predict(predictor, [tmp_path / f"{k}.png" for k in range(3)], tmp_path / "images")
    of_video, of_images = predictions_in(tmp_path / "video"), predictions_in(tmp_path / "images")
    np.testing.assert_allclose([p["score"] for p in of_video], [p["score"] for p in of_images], atol=1e-4)
    np.testing.assert_allclose([p["bbox"] for p in of_video], [p["bbox"] for p in of_images], atol=0.1)


def test_text_named_mp4_is_listed_and_a_damaged_video_is_kept_until_where_it_breaks_off(predictor, tmp_path):
    words, damaged = tmp_path / "in" / "a.mp4", write_video(tmp_path / "in" / "b.avi", frames=20)
    words.write_text("words")
    damaged.write_bytes(damaged.read_bytes()[: damaged.stat().st_size // 2])
    good = write_video(tmp_path / "in" / "c.mp4", frames=2)
    summary = predict(predictor, [words, damaged, good], tmp_path / "out")
    assert summary.unreadable == [f"{words}: not readable as a video; or it is cut off"]
    kept = summary.frames - 2
    assert 0 < kept < 20 and summary.damaged == [f"b.avi is damaged: it breaks off after {kept} of 20 frames"]
    assert names_in(tmp_path / "out") == ["b.avi.mp4", "c.mp4", "predictions.json"]
    assert len(video_frames(tmp_path / "out" / "b.avi.mp4")) == kept


def test_output_never_replaces_a_video(predictor, tmp_path):
    video = write_video(tmp_path / "a.mp4")
    before = video.read_bytes()
    with pytest.raises(ValueError, match="own folder"):
        predict(predictor, [video], tmp_path)
    assert video.read_bytes() == before and names_in(tmp_path) == ["a.mp4"]


def test_four_frames_of_a_video_are_in_tensorboard(predictor, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    video = write_video(tmp_path / "a.mp4", frames=10)
    predict(predictor, [video], tmp_path / "out", logdir=str(tmp_path / "logs"))
    events = EventAccumulator(str(tmp_path / "logs")).Reload()
    assert [event.step for event in events.Tensors("a.mp4")] == [0, 2, 5, 7]
