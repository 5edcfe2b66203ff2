// Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
// The page: files and the camera in, boxes on a canvas out. index.html?model=mine.tflite&image=photo.jpg loads both at once.

import { Detector } from "./detector.js";

const LOWEST_SCORE = 0.05; // the slider's; what scores more is found once and filtered as the slider moves
const element = (id) => document.getElementById(id);
const [view, message, slider] = ["view", "message", "score"].map(element);
const pixels = document.createElement("canvas"); // the image alone, in its own size
const painter = pixels.getContext("2d", { willReadFrequently: true });

let detector = null;
let last = null; // {file, found, ms} of the image that is shown
let stream = null; // the camera's, while it runs
let turn = Promise.resolve(); // the model works on one thing at a time

function tell(text, isError = false) {
  message.textContent = text;
  message.className = isError ? "error" : "";
}

/** Runs one piece of work after those that were asked for before it, and tells what goes wrong. */
function next(work) {
  turn = turn.then(work).catch((error) => tell(error.message ?? String(error), true));
  return turn;
}

async function loadModel(file) {
  tell(`Loading ${file.name} ...`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const loaded = await Detector.load(bytes).catch((error) => {
    throw new Error(`${file.name}: ${error.message ?? error}`);
  });
  detector?.delete();
  detector = loaded;
  const { detector: name, categories, quantize } = detector.description;
  tell(`${file.name}: ${name}, ${quantize === "none" ? "float32" : quantize}, ${categories.length} ${categories.length === 1 ? "class" : "classes"}. Now choose images.`);
  if (last && !stream) await find(last.file);
}

async function showImage(file) {
  // Upright by its EXIF orientation, and the numbers as they are stored.
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" }).catch(() => {
    throw new Error(`${file.name}: this browser cannot read it as an image`);
  });
  await paint(bitmap, bitmap.width, bitmap.height);
  bitmap.close();
  await find(file.name);
}

function paint(source, width, height) {
  [pixels.width, pixels.height] = [width, height];
  painter.drawImage(source, 0, 0);
}

/** Finds objects in what `pixels` shows, draws them and says how long it took. */
async function find(file) {
  if (!detector) {
    last = { file, found: [] };
    draw();
    throw new Error("Choose a model first: a .tflite file that ssd_tf export wrote");
  }
  const image = painter.getImageData(0, 0, pixels.width, pixels.height);
  const { found, ms } = await detector.detect(image, LOWEST_SCORE);
  last = { file, found, ms };
  show();
}

/** Draws the last image and says what was found in it, by what the slider asks for now. */
function show() {
  const shown = draw();
  if (!last.ms) return; // no model has seen it
  const { resize, model, decode } = last.ms;
  const parts = `resize ${resize.toFixed(0)}, model ${model.toFixed(0)}, decode ${decode.toFixed(0)}`;
  tell(`${last.file}: ${shown} found in ${(resize + model + decode).toFixed(0)} ms (${parts})`);
}

/** Draws the last image with what scores above the slider; returns how many. */
function draw() {
  const found = last.found.filter(({ score }) => score > slider.valueAsNumber);
  [view.width, view.height] = [pixels.width, pixels.height];
  const context = view.getContext("2d");
  context.drawImage(pixels, 0, 0);
  const unit = Math.max(pixels.width, pixels.height) / 400; // so that lines and text look the same at every size
  context.lineWidth = Math.max(1.5 * unit, 1);
  context.font = `${Math.max(11 * unit, 9)}px system-ui, sans-serif`;
  context.textBaseline = "top";
  const color = ({ category_id: id }) => `hsl(${(id * 137.5) % 360} 85% 32%)`; // dark enough for white text
  for (const one of found.toReversed()) { // the best on top
    const [ymin, xmin, ymax, xmax] = one.box;
    context.strokeStyle = color(one);
    context.strokeRect(xmin, ymin, xmax - xmin, ymax - ymin);
  }
  for (const one of found.toReversed()) { // after all boxes, none of which then crosses a label
    const label = `${one.category_name} ${one.score.toFixed(2)}`;
    const [width, height] = [context.measureText(label).width + 6 * unit, 14 * unit];
    const left = Math.max(Math.min(one.box[1], view.width - width), 0);
    const top = Math.max(one.box[0] - height, 0);
    context.fillStyle = color(one);
    context.fillRect(left, top, width, height);
    context.fillStyle = "white";
    context.fillText(label, left + 3 * unit, top + 1.5 * unit);
  }
  element("json").textContent = JSON.stringify({ file: last.file, detections: found }, null, 1);
  return found.length;
}

async function startCamera() {
  if (stream) return; // a second click, before the first one's camera was there
  if (!navigator.mediaDevices) {
    throw new Error("Browsers give the camera only to https:// and http://localhost");
  }
  if (!detector) {
    throw new Error("Choose a model first: a .tflite file that ssd_tf export wrote");
  }
  stream = await navigator.mediaDevices.getUserMedia({ video: true }).catch((error) => {
    const why = { NotFoundError: "there is none", NotAllowedError: "it was not allowed", NotReadableError: "it is in use" };
    throw new Error(`No camera: ${why[error.name] ?? error.message}`);
  });
  element("camera").textContent = "Stop camera";
  const video = document.createElement("video");
  video.srcObject = stream;
  video.muted = video.playsInline = true;
  await video.play();
  watch(video, stream);
}

async function watch(video, from) {
  while (stream === from) {
    await next(async () => {
      if (stream !== from) return;
      paint(video, video.videoWidth, video.videoHeight);
      await find("camera");
    });
    await new Promise(requestAnimationFrame); // lets the page draw, and rests while it is hidden
  }
}

function stopCamera() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  element("camera").textContent = "Start camera";
}

/** Models and images in the order given, models first. */
function take(files) {
  const isModel = (file) => file.name.endsWith(".tflite");
  for (const file of files.filter(isModel)) next(() => loadModel(file));
  const images = files.filter((file) => !isModel(file));
  if (images.length) stopCamera();
  for (const file of images) next(() => showImage(file));
}

/** A file beside this page, as if it had been chosen. */
async function fetched(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status} ${response.statusText}`);
  return new File([await response.blob()], address.split("/").pop());
}

for (const id of ["model", "images"]) {
  element(id).addEventListener("change", ({ target }) => take([...target.files]));
}
element("camera").addEventListener("click", () => (stream ? stopCamera() : next(startCamera)));
slider.addEventListener("input", () => {
  element("shown").textContent = slider.valueAsNumber.toFixed(2);
  if (last) show();
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    document.body.classList.toggle("dropping", kind === "dragover");
    if (kind === "drop") take([...event.dataTransfer.files]);
  });
}
const wanted = new URLSearchParams(location.search);
if (wanted.has("model")) next(async () => loadModel(await fetched(wanted.get("model"))));
if (wanted.has("image")) next(async () => showImage(await fetched(wanted.get("image"))));
