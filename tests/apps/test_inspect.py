# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
from tests.apps.conftest import run, run_well
from tests.inspection.made import pattern, write_coco


def test_prepared_data_are_looked_at(prepared, tmp_path):
    page = tmp_path / "page.html"
    printed = run_well("inspect", f"--data_dir={prepared}", f"--output={page}", "--detector=ssd128_tiny").splitlines()
    assert printed[0].split() == ["train", "val"] and printed[1].split() == ["24", "24", "images"]
    assert f"page: {page}" in printed
    # Both splits are of the same images.
    assert "24  pairs of near-duplicates in two splits" in "\n".join(printed)
    assert "Images of val that look like one of another split: 24 of 24." in page.read_text()


def test_annotations_are_looked_at_and_the_page_alone_is_written(drawn, tmp_path):
    flags = (f"--annotations={drawn}/annotations.json", f"--images={drawn}/images", f"--output={tmp_path}/page.html")
    assert "24  images" in run_well("inspect", *flags)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html"]


def test_mistakes_are_one_line(drawn, prepared, tmp_path):
    output = f"--output={tmp_path}/page.html"
    for flags, message in (
        ((output,), "expected either --data_dir, or --annotations. Received: neither"),
        ((output, f"--data_dir={tmp_path}/absent"), "expected a folder that prepare wrote"),
        ((output, f"--annotations={tmp_path}/absent.json"), "annotations file not found"),
        ((output, f"--data_dir={prepared}", "--detector=ssd301"), "unknown detector 'ssd301'"),
        ((f"--output={tmp_path}", f"--data_dir={prepared}"), "expected a file to write to"),
    ):
        done = run("inspect", *flags)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.splitlines()[-1].startswith("error: ") and message in done.stderr.splitlines()[-1]
        assert list(tmp_path.iterdir()) == []


def test_a_large_image_is_read_without_a_warning_of_pillows(tmp_path, monkeypatch):
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 3000)  # it warns of 60x80, which are less than twice as many
    path = write_coco(tmp_path, {"a.png": pattern(0)}, {"a.png": [(10, 10, 40, 30, 1)]})
    done = run("inspect", f"--annotations={path}", f"--images={tmp_path}/images", f"--output={tmp_path}/x.html")
    assert done.returncode == 0, done.stderr
    assert "exceeds limit" not in done.stderr and "unreadable" not in done.stdout
