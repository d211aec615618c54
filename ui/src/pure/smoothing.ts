// Smoothing of curves. Knows nothing of runs or pictures.

/**
 * Exponential moving average with the bias of its start taken out (Kingma and Ba 2015, section 3), as TensorBoard has
 * it: 0 leaves the values as they are, near 1 smooths most. Values that are not finite pass by without a trace.
 */
export function smooth(values: ArrayLike<number>, weight: number): Float64Array {
  const smoothed = new Float64Array(values.length);
  let mean = 0;
  let seen = 0;
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (!Number.isFinite(value)) {
      smoothed[index] = value;
      continue;
    }
    seen += 1;
    mean = mean * weight + (1 - weight) * value;
    smoothed[index] = weight > 0 ? mean / (1 - weight ** seen) : value;
  }
  return smoothed;
}
