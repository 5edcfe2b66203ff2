// Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
// What a LiteRT file of ssd_tf carries at its end: a zip archive, uncompressed, with ssd_tf.json (classes, thresholds, input)
// and, where the model answers offsets and logits, anchors.npy. The layouts are those of PKWARE's APPNOTE and NumPy's .npy.

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const END_SIZE = 22; // of the end of the directory, without a comment

/**
 * The description of a model and its default boxes.
 * @param {Uint8Array} bytes the .tflite file.
 * @returns {{description: object, anchors: Float32Array | null}} the content of ssd_tf.json; anchors [A, 4] as cy, cx, h, w,
 *     null where the model itself makes the detections.
 * @throws {Error} ssd_tf did not export this file.
 */
export function readModelFile(bytes) {
  const files = unzip(bytes);
  if (!files.has("ssd_tf.json")) {
    throw new Error("not a LiteRT model that ssd_tf exported (it carries no ssd_tf.json)");
  }
  const description = JSON.parse(new TextDecoder().decode(files.get("ssd_tf.json")));
  if (description.nms === "op") {
    return { description, anchors: null };
  }
  if (!files.has("anchors.npy")) {
    throw new Error("not a whole LiteRT model of ssd_tf (it carries no anchors.npy)");
  }
  return { description, anchors: readNpy(files.get("anchors.npy")) };
}

/** The files at the end of some bytes, by name; none where there is no archive. */
function unzip(bytes) {
  const files = new Map();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.byteLength - END_SIZE;
  if (end < 0 || view.getUint32(end, true) !== END_OF_DIRECTORY) {
    return files;
  }
  const directory = end - view.getUint32(end + 12, true);
  const before = directory - view.getUint32(end + 16, true); // bytes in front of the archive that its offsets leave out
  let entry = directory;
  while (entry < end && view.getUint32(entry, true) === DIRECTORY_ENTRY) {
    const size = view.getUint32(entry + 24, true);
    const nameLength = view.getUint16(entry + 28, true);
    const name = new TextDecoder().decode(bytes.subarray(entry + 46, entry + 46 + nameLength));
    if (view.getUint16(entry + 10, true) !== 0) {
      throw new Error(`${name} in the model is compressed; ssd_tf stores it as it is`);
    }
    const local = before + view.getUint32(entry + 42, true);
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    files.set(name, bytes.slice(start, start + size));
    entry += 46 + nameLength + view.getUint16(entry + 30, true) + view.getUint16(entry + 32, true);
  }
  return files;
}

/** The numbers of a .npy file of float32 in C order. */
function readNpy(bytes) {
  const view = new DataView(bytes.buffer);
  const wide = bytes[6] > 1; // version 2 has four bytes for the header's length
  const start = wide ? 12 + view.getUint32(8, true) : 10 + view.getUint16(8, true);
  const header = new TextDecoder().decode(bytes.subarray(0, start));
  if (!header.includes("'<f4'") || !header.includes("'fortran_order': False")) {
    throw new Error("anchors.npy: expected float32 in C order");
  }
  return new Float32Array(bytes.buffer.slice(start));
}
