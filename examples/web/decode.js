// Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
// Offsets and logits of one image -> detections, as ssd_tf/export/litert_detect.py: softmax, the best candidates of each
// class, non-maximum suppression of each class, the best of all classes. A anchors, C classes without background.

// How detections are made where the description of an older model does not say it.
const OLDER = { candidates_per_class: 200, keep_equal_iou: false, clip_boxes: false, max_growth: null };

/**
 * @param {Float32Array} offsets [A, 4]
 * @param {Float32Array} logits [A, C + 1]
 * @param {Float32Array} anchors [A, 4], cy, cx, h, w
 * @param {object} description the model's ssd_tf.json
 * @param {number} scoreThreshold a score must be higher than this
 * @returns {{box: number[], score: number, label: number}[]} best first; box is [ymin, xmin, ymax, xmax] in 0..1 of the
 *     image, label 1..C.
 */
export function decode(offsets, logits, anchors, description, scoreThreshold) {
  const how = { ...OLDER, ...description.spec?.detection };
  const numAnchors = anchors.length / 4;
  const scores = softmax(logits, numAnchors);
  const width = logits.length / numAnchors;
  const threshold = Math.fround(scoreThreshold);
  const kept = [];
  for (let label = 1; label < width; label++) {
    const candidates = [];
    for (let anchor = 0; anchor < numAnchors; anchor++) {
      const score = scores[anchor * width + label];
      if (score > threshold) {
        candidates.push({ anchor, score, label });
      }
    }
    candidates.sort((one, other) => other.score - one.score); // stable: equal scores in the order of the anchors
    const best = candidates.slice(0, how.candidates_per_class);
    for (const candidate of best) {
      candidate.box = boxOf(candidate.anchor, offsets, anchors, description.variances, how);
    }
    kept.push(...suppress(best, description.iou_threshold, how.keep_equal_iou, description.max_detections));
  }
  kept.sort((one, other) => other.score - one.score);
  return kept.slice(0, description.max_detections).map(({ box, score, label }) => ({ box, score, label }));
}

/** [A, C + 1] -> the same shape, each row with sum 1. */
function softmax(logits, numAnchors) {
  const width = logits.length / numAnchors;
  const scores = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += width) {
    let most = -Infinity;
    for (let k = start; k < start + width; k++) most = Math.max(most, logits[k]);
    let sum = 0;
    for (let k = start; k < start + width; k++) {
      scores[k] = Math.exp(logits[k] - most);
      sum += scores[k];
    }
    for (let k = start; k < start + width; k++) scores[k] /= sum;
  }
  return scores;
}

function boxOf(anchor, offsets, anchors, variances, how) {
  const [dy, dx, dh, dw] = variances.map((variance, k) => offsets[anchor * 4 + k] * variance);
  const [cy, cx, h, w] = anchors.subarray(anchor * 4, anchor * 4 + 4);
  const most = how.max_growth === null ? Infinity : Math.log(how.max_growth);
  const y = dy * h + cy;
  const x = dx * w + cx;
  const halfHeight = (Math.exp(Math.min(dh, most)) * h) / 2;
  const halfWidth = (Math.exp(Math.min(dw, most)) * w) / 2;
  const box = [y - halfHeight, x - halfWidth, y + halfHeight, x + halfWidth];
  return (how.clip_boxes ? box.map((side) => Math.min(Math.max(side, 0), 1)) : box).map(Math.fround);
}

/** Greedy non-maximum suppression: those of the candidates, best first, that no better one covers; at most `most`. */
function suppress(candidates, iouThreshold, keepEqual, most) {
  const threshold = Math.fround(iouThreshold);
  const kept = [];
  for (const candidate of candidates) {
    if (kept.length === most) break;
    const covered = kept.some(({ box }) => {
      const overlap = iou(box, candidate.box);
      return keepEqual ? overlap > threshold : overlap >= threshold;
    });
    if (!covered) kept.push(candidate);
  }
  return kept;
}

function iou(one, other) {
  const height = Math.max(Math.min(one[2], other[2]) - Math.max(one[0], other[0]), 0);
  const width = Math.max(Math.min(one[3], other[3]) - Math.max(one[1], other[1]), 0);
  const overlap = height * width;
  const union = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - overlap;
  return Math.fround(overlap / Math.max(union, 1e-37)); // boxes without area overlap nothing
}
