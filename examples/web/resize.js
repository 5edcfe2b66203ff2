// Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
// An image of any size -> the model's input. The canvas resizes in a way of its own in each browser; this is what ssd_tf does.

/**
 * @param {Uint8ClampedArray} pixels RGBA [height, width, 4]
 * @param {number} size S, the side of the model's input
 * @param {boolean} antialias a new pixel is a mean over all that it covers; else bilinear between the nearest four
 * @returns {Uint8ClampedArray} RGB [S, S, 3]; this array rounds as NumPy does, halves to the even number
 */
export function resize(pixels, height, width, size, antialias) {
  const columns = weights(width, size, antialias);
  const rows = weights(height, size, antialias);
  const narrow = new Float32Array(height * size * 3);
  for (let y = 0, to = 0; y < height; y++) {
    for (const { first, factors } of columns) {
      let red = 0, green = 0, blue = 0;
      for (let k = 0, from = (y * width + first) * 4; k < factors.length; k++, from += 4) {
        red += pixels[from] * factors[k];
        green += pixels[from + 1] * factors[k];
        blue += pixels[from + 2] * factors[k];
      }
      narrow[to++] = red;
      narrow[to++] = green;
      narrow[to++] = blue;
    }
  }
  const stride = size * 3;
  const resized = new Uint8ClampedArray(size * stride);
  rows.forEach(({ first, factors }, y) => {
    for (let x = 0; x < stride; x++) {
      let sum = 0;
      for (let k = 0; k < factors.length; k++) sum += narrow[(first + k) * stride + x] * factors[k];
      resized[y * stride + x] = sum;
    }
  });
  return resized;
}

/** Of each of `size` new places along a side: the first old place that counts, and the factors from there on. */
function weights(side, size, antialias) {
  const scale = side / size;
  return Array.from({ length: size }, (_, place) => {
    if (!antialias) {
      const center = Math.min(Math.max((place + 0.5) * scale - 0.5, 0), side - 1);
      const first = Math.floor(center);
      const factors = first + 1 < side ? [1 - (center - first), center - first] : [1];
      return { first, factors };
    }
    // A triangle that reaches one new pixel, and at least one old one, to each side.
    const center = (place + 0.5) * scale;
    const reach = Math.max(scale, 1);
    const first = Math.max(Math.trunc(center - reach + 0.5), 0);
    const end = Math.min(Math.trunc(center + reach + 0.5), side);
    const heights = [];
    for (let k = first; k < end; k++) heights.push(Math.max(1 - Math.abs((k + 0.5 - center) / reach), 0));
    const sum = heights.reduce((one, other) => one + other, 0);
    return { first, factors: heights.map((height) => height / sum) };
  });
}
