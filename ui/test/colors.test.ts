import { describe, expect, it } from 'vitest';
import css from '../src/styles/base.css?raw';


/** A property's colours, light and dark. */
function pair(name: string): [string, string] {
  const match = new RegExp(`--${name}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\)`).exec(css);
  if (!match) throw new Error(`base.css has no --${name}`);
  return [match[1]!, match[2]!];
}

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high! + 0.05) / (low! + 0.05);
}

describe('colours of marks', () => {
  const surface = pair('surface');
  const marks = [1, 2, 3, 4, 5].map((i) => `balance-${i}`).concat([1, 2, 3, 4, 5, 6, 7].map((i) => `series-${i}`));

  it('stand out from what they are drawn on, in light and dark', () => {
    for (const name of marks) {
      pair(name).forEach((color, i) => {
        expect(contrast(color, surface[i]!), `${name} ${i === 0 ? 'light' : 'dark'}`).toBeGreaterThanOrEqual(3);
      });
    }
  });

  it('set the ends of the balance apart from its middle', () => {
    for (const theme of [0, 1] as const) {
      const [less, middle, more] = [1, 3, 5].map((i) => pair(`balance-${i}`)[theme]);
      expect(contrast(less!, middle!)).toBeGreaterThan(1.9);
      expect(contrast(more!, middle!)).toBeGreaterThan(1.9);
    }
  });
});
