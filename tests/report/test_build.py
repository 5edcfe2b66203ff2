# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import collections
import datetime
import html
import json
import re
import shutil
import subprocess

import cv2
import pytest

from ssd_tf.report import sections
from ssd_tf.report.build import ReportConfig, write_report
from tests.fixtures.report_run import NAMES, Page, pretend_training

NOW = datetime.datetime(2026, 3, 4, 5, 6)


@pytest.fixture(scope="module")
def trained(run, tmp_path_factory):
    """A run's folder with its report written; the data that it was trained on have moved."""
    folder = tmp_path_factory.mktemp("trained")
    model_dir = pretend_training(run, folder / "my run", data_dir=folder / "gone")
    return write_report(ReportConfig(str(model_dir), str(run.data_dir), batch_size=4, score_threshold=0.0), NOW)


@pytest.fixture(scope="module")
def text(trained):
    return trained.page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_the_report_lies_in_the_runs_folder_and_says_what_it_is_of(trained, run, page):
    assert trained.page.parts[-3:] == ("my run", "report", "report.html") and trained.missing == []
    assert page.open == [] and len(page.all("h1")) == 1
    assert f"Checkpoint best/ckpt-30 (step 30, epoch 3) on val of {run.data_dir}: 6 images" in page.words()
    assert "5 classes. Made on 4 March 2026, 05:06." in page.words()


def test_the_page_has_every_part(page):
    keys = [section["id"] for section in page.all("section")]
    assert keys == ["training", "advice", "classes", "confusion", "errors", "thresholds", "images", "settings"]


def test_settings_have_the_names_of_their_flags(run, tmp_path):
    model_dir = pretend_training(run, tmp_path / "run", data_dir=tmp_path / "gone")
    page = Page(write_report(ReportConfig(str(model_dir)), NOW).page.read_text())
    settings = page.text.split("Settings")[-1].split("\n")
    assert [line for line in settings if line] == [f"data_dir{tmp_path}/gone", "val_splitval", "momentum0.9"]


def test_the_text_says_what_the_lines_of_the_course_are(page):
    assert "The number at the end of a line is the last that was reported." in page.words()


def test_the_page_needs_nothing_else(text, page):
    assert not page.all("script") and not page.all("link") and not page.all("iframe")
    assert all((image["src"] or "").startswith("data:") for image in page.all("img"))
    assert "url(http" not in text and "@import" not in text
    assert len(text) < 5e6


def test_ids_are_unique_and_links_lead_somewhere(page):
    ids = collections.Counter(attributes["id"] for _, attributes in page.tags if "id" in attributes)
    assert max(ids.values()) == 1
    links = {attributes["href"] for _, attributes in page.tags if "href" in attributes}
    assert {(link or "")[1:] for link in links} <= ids.keys()


def test_names_of_classes_are_shown_as_they_are(page):
    cells = page.words()
    for name in NAMES:
        assert name in cells


def test_numbers_of_the_page_are_those_of_the_evaluation(scored):
    ap = scored.evaluation.metrics.summary["AP"]
    assert f"<b>{ap:.3f}</b><span>AP</span>" in sections.tiles(scored)


def test_charts_and_images_are_files_too(trained):
    folder = trained.page.parent
    charts = {path.name for path in folder.glob("*.png")}
    assert charts == {"curves.png", "precision_recall.png", "precision_recall_mean.png", "confusion.png", "sizes.png",
                      "errors.png", "scores.png", "thresholds.png"}  # fmt: skip
    images = {path.name for path in folder.glob("*.jpg")}
    assert images == {f"{kind}-{place}.jpg" for kind in ("worst", "best") for place in (1, 2, 3)}
    for name in charts | images:
        assert cv2.imread(str(folder / name)) is not None
    assert {path.suffix for path in folder.iterdir()} == {".html", ".png", ".jpg"}


def test_a_second_report_leaves_nothing_of_the_first_and_all_files_of_others(trained, tmp_path):
    folder = tmp_path / "out"
    shutil.copytree(trained.page.parent, folder)
    (folder / "worst-8.jpg").touch()  # of a larger split
    (folder / "mine.jpg").touch()
    write_report(ReportConfig(str(trained.page.parent.parent), output_dir=str(folder)), NOW)  # its data are gone
    assert {path.name for path in folder.iterdir()} == {"report.html", "curves.png", "mine.jpg"}


def test_a_page_of_the_user_is_not_replaced(run, tmp_path):
    (tmp_path / "report.html").write_text("<html>precious")
    config = ReportConfig(str(run.model_dir), str(run.data_dir), "val", str(tmp_path))
    with pytest.raises(ValueError, match=r"--output_dir: expected no file there but a page of ssd_tf's own"):
        write_report(config, NOW)
    assert (tmp_path / "report.html").read_text() == "<html>precious"


def test_a_model_from_elsewhere_is_scored_without_curves(run, tmp_path):
    config = ReportConfig(str(run.model_dir), str(run.data_dir), "val", str(tmp_path / "out"), 4)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "curves.png").touch()  # of an earlier report
    written = write_report(config, NOW)
    page = Page(written.page.read_text())
    assert written.page == tmp_path / "out" / "report.html"
    assert "Checkpoint best/ckpt-0 (step 0) on val of" in page.words()
    assert [note.split(":")[0] for note in written.missing] == ["No training curves"]
    assert written.missing[0] in page.words() and "training" not in [s["id"] for s in page.all("section")]
    assert not (tmp_path / "out" / "curves.png").exists()


def test_without_its_data_a_run_has_curves_and_says_which_flags_help(run, tmp_path):
    model_dir = pretend_training(run, tmp_path / "run", data_dir=tmp_path / "gone")
    written = write_report(ReportConfig(str(model_dir)), NOW)
    page = Page(written.page.read_text())
    assert written.missing == [
        f"No evaluation: {tmp_path}/gone has no split 'val' any more; --data_dir and --split name another."
    ]
    assert written.missing[0] in page.words() and "up to step 30, epoch 3." in page.words()
    assert [section["id"] for section in page.all("section")] == ["training", "settings"]
    assert {path.name for path in written.page.parent.iterdir()} == {"report.html", "curves.png"}


def test_a_run_without_a_checkpoint_yet_has_curves(run, tmp_path):
    model_dir = pretend_training(run, tmp_path / "run")
    shutil.rmtree(model_dir / "best")
    written = write_report(ReportConfig(str(model_dir)), NOW)
    assert written.missing == [f"No evaluation: {model_dir} has no checkpoint yet."]


def test_data_that_a_flag_names_must_be_there(run, tmp_path):
    model_dir = pretend_training(run, tmp_path / "run")
    with pytest.raises(FileNotFoundError, match="split 'val' has not been prepared"):
        write_report(ReportConfig(str(model_dir), data_dir=str(tmp_path)), NOW)
    assert not (model_dir / "report" / "report.html").exists()


def test_nothing_to_report_is_an_error_that_says_what_is_missing(run, tmp_path):
    with pytest.raises(ValueError, match=r"nothing to report. No evaluation: .*give its data with --data_dir"):
        write_report(ReportConfig(str(run.model_dir), output_dir=str(tmp_path)), NOW)
    with pytest.raises(FileNotFoundError, match=r"is not a model_dir: it has no config.json"):
        write_report(ReportConfig(str(tmp_path)), NOW)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
@pytest.mark.parametrize("width", [390, 768, 1280])
def test_a_browser_shows_the_page_without_scrolling_sideways(text, tmp_path, width):
    # The page as a frame of that width in a page that measures it: chromium's own windows are 500 pixels wide at least.
    frame = f'<iframe id="page" width="{width}" height="900" style="border: 0" srcdoc="{html.escape(text)}"></iframe>'
    measure = """<script>
        const frame = document.getElementById("page");
        frame.onload = () => {
            const page = frame.contentDocument, style = frame.contentWindow.getComputedStyle;
            const shown = [...page.querySelectorAll("text")].filter(t => t.getBoundingClientRect().width > 0);
            const heights = shown.map(text => {
                const matrix = text.getScreenCTM();
                return parseFloat(style(text).fontSize) * Math.hypot(matrix.a, matrix.b);
            });
            const found = [page.documentElement.scrollWidth, Math.min(...heights), heights.length];
            document.body.insertAdjacentHTML("beforeend", `<p id="found">${JSON.stringify(found)}</p>`);
        };
    </script>"""
    (tmp_path / "measure.html").write_text(f"<!DOCTYPE html><body>{frame}{measure}</body>")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
               "--disable-background-networking", "--disable-component-update", "--disable-sync",
               f"--user-data-dir={tmp_path}/profile", "--window-size=1400,1000", "--hide-scrollbars",
               "--virtual-time-budget=20000", "--dump-dom", f"file://{tmp_path}/measure.html"]  # fmt: skip
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = re.search(r'<p id="found">(\[.*?\])</p>', dumped)
    assert found, dumped[-2000:]
    page_width, smallest_text, num_texts = json.loads(found[1])
    assert page_width == width
    assert num_texts > 100 and smallest_text >= 11
