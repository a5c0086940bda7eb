import { afterEach, expect, it, vi } from 'vitest';
import { shapeOf } from '../src/model/rollup';
import { anyRollup } from '../src/model/route';
import { readAnswer } from '../src/views/rollup/answer';

const shape = shapeOf('rides', {
  columns: {
    __time: { type: 'LONG', cardinality: null },
    city: { type: 'STRING', cardinality: 3 },
    rides: { type: 'LONG', hasNulls: false, cardinality: null },
  },
  aggregators: { rides: { type: 'longSum', name: 'rides', fieldName: 'rides' } },
  queryGranularity: { type: 'period', period: 'PT1M' },
});

afterEach(() => vi.unstubAllGlobals());

// A rejection that nobody listens to is an error of the page, and fails this run.
it('leaves no promise behind when the question is given up', async () => {
  const asked: string[] = [];
  vi.stubGlobal('fetch', (_path: string, init: RequestInit) => {
    asked.push((JSON.parse(String(init.body)) as { queryType: string }).queryType);
    return new Promise((_resolve, reject) => {
      init.signal!.addEventListener('abort', () => reject(new DOMException('given up', 'AbortError')));
    });
  });
  const given = new AbortController();
  const span = { from: 0, to: 60_000, bucket: shape.granularity, oldest: 0 };
  const answer = readAnswer(shape, 'city', 'rides', anyRollup('rides'), span, [], given.signal);
  given.abort();
  await expect(answer).rejects.toThrow('given up');
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(asked.sort()).toEqual(['timeseries', 'topN']);
});
