import { describe, expect, it } from 'vitest';
import { age, bytes, compact, count, duration, money, percent, rate, title } from '../src/model/format';

describe('numbers', () => {
  it('groups thousands and dashes what is not known', () => {
    expect(count(1234567)).toBe('1,234,567');
    expect(count(null)).toBe('–');
    expect(count(Number.NaN)).toBe('–');
    expect(money(undefined)).toBe('–');
  });

  it('shortens without lying at the edges', () => {
    expect([0, 7, 9.25, 950, 999.6].map(compact)).toEqual(['0', '7', '9.3', '950', '1,000']);
    expect([1000, 12_345, 999_960, 1_000_000].map(compact)).toEqual(['1k', '12.3k', '1M', '1M']);
    expect(compact(4_560_000_000)).toBe('4.56B');
    expect(compact(-12_345)).toBe('-12.3k');
  });

  it('shows cents only where they matter', () => {
    expect(money(12.5)).toBe('12.50');
    expect(money(13_064.2)).toBe('13,064');
  });

  it('writes shares, rates and sizes', () => {
    expect(percent(0.9274)).toBe('92.7%');
    expect(percent(1, 0)).toBe('100%');
    expect(rate(61.24)).toBe('61/s');
    expect([0, 1023, 1024, 1_572_864].map(bytes)).toEqual(['0 B', '1,023 B', '1.0 KiB', '1.5 MiB']);
  });
});

describe('times', () => {
  it('writes durations with two units at most', () => {
    expect([0, 4.2, 31.4, 1234, 59_940].map(duration)).toEqual(['0 ms', '4.2 ms', '31 ms', '1.2 s', '59.9 s']);
    const long = [59_999, 252_000, 3_600_000, 12_000_000].map(duration);
    expect(long).toEqual(['1 min', '4 min 12 s', '1 h', '3 h 20 min']);
    expect(duration(187_200_000)).toBe('2 d 4 h');
  });

  it('writes ages as one unit, never negative', () => {
    expect([-500, 400, 8000, 119_000, 240_000, 10_800_000].map(age)).toEqual([
      'now', 'now', '8 s', '119 s', '4 min', '3 h',
    ]);
  });

  it('makes names of identifiers', () => {
    expect(title('new_york')).toBe('New York');
    expect(title('São Paulo')).toBe('São Paulo');
    expect(title('münchen')).toBe('München');
  });
});
