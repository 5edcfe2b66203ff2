// Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
// A LiteRT model that ssd_tf exported, ready to call on images: examples/litert_detect.py for browsers.

import { decode } from "./decode.js";
import { readModelFile } from "./model_file.js";
import { resize } from "./resize.js";

// Where `npm ci` puts LiteRT.js and its WebAssembly; index.html says where "@litertjs/core" is.
const WASM = new URL("node_modules/@litertjs/core/wasm/", import.meta.url).href;

let runtime; // a promise of the module, loaded once

function litert() {
  runtime ??= (async () => {
    const module = await import("@litertjs/core").catch(() => {
      throw new Error("LiteRT.js is missing: run `npm ci` in the folder of this page, then reload it");
    });
    await module.loadLiteRt(WASM);
    return module;
  })();
  return runtime;
}

export class Detector {
  /**
   * @param {Uint8Array} bytes a .tflite file that `ssd_tf export` wrote.
   * @throws {Error} ssd_tf did not export it, or LiteRT.js is missing or cannot run it.
   */
  static async load(bytes) {
    const { description, anchors } = readModelFile(bytes);
    const module = await litert();
    const model = await module.loadAndCompile(bytes, { accelerator: "wasm" });
    return new Detector(module, model, description, anchors);
  }

  constructor(module, model, description, anchors) {
    this.module = module;
    this.model = model;
    this.description = description;
    this.anchors = anchors;
    [this.input] = model.getInputDetails();
  }

  /**
   * Objects in an image of any size.
   * @param {ImageData} image RGBA, upright.
   * @param {number} scoreThreshold a score must be higher than this.
   * @returns {Promise<{found: object[], ms: {resize: number, model: number, decode: number}}>} found is best first, each
   *     {box: [ymin, xmin, ymax, xmax] in pixels of the image, score, category_id, category_name}.
   */
  async detect(image, scoreThreshold) {
    const { image_size: size, categories, spec } = this.description;
    const started = performance.now();
    const pixels = resize(image.data, image.height, image.width, size, spec?.preprocessing?.antialias ?? true);
    const resized = performance.now();
    const answers = await this.run(pixels, size);
    const ran = performance.now();
    const boxes = this.anchors
      ? decode(answers.offsets, answers.logits, this.anchors, this.description, scoreThreshold)
      : detections(answers, scoreThreshold);
    const found = boxes.filter(seen).map(({ box, score, label }) => ({
      box: box.map((side, k) => Math.min(Math.max(side, 0), 1) * (k % 2 ? image.width : image.height)),
      score,
      category_id: categories[label - 1].id,
      category_name: categories[label - 1].name,
    }));
    const ms = { resize: resized - started, model: ran - resized, decode: performance.now() - ran };
    return { found, ms };
  }

  /** RGB [S, S, 3] -> the arrays that the model answers, by name. The model normalises. */
  async run(pixels, size) {
    const numbers = this.input.dtype === "uint8" ? new Uint8Array(pixels.buffer) : Float32Array.from(pixels);
    const tensor = new this.module.Tensor(numbers, [1, size, size, 3]);
    const answers = await this.model.run({ [this.input.name]: tensor });
    tensor.delete();
    const arrays = {};
    for (const [name, answer] of Object.entries(answers)) {
      arrays[name] = answer.toTypedArray().slice(); // out of the memory of WebAssembly, which `delete` frees
      answer.delete();
    }
    return arrays;
  }

  delete() {
    this.model.delete();
  }
}

/** What a model with --nms=op answers, as `decode` returns it. */
function detections(answers, scoreThreshold) {
  const { detection_boxes: boxes, detection_scores: scores, detection_classes: classes } = answers;
  return Array.from({ length: answers.num_detections[0] }, (_, k) => ({
    box: [...boxes.subarray(k * 4, k * 4 + 4)],
    score: scores[k],
    label: classes[k] + 1,
  })).filter(({ score }) => score > scoreThreshold);
}

/** Not wholly outside the image. */
function seen({ box: [ymin, xmin, ymax, xmax] }) {
  return ymax > 0 && xmax > 0 && ymin < 1 && xmin < 1;
}
