import { describe, expect, it } from 'vitest';
import { toneOf } from '../src/model/job_state';

describe('the tone of a job', () => {
  it('is bad only when the job failed: a saved file stops and starts it', () => {
    for (const state of ['starting', 'finishing', 'stopping', 'finished', 'stopped']) expect(toneOf(state)).toBe('quiet');
    expect(toneOf('running')).toBe('good');
    expect(toneOf('failed')).toBe('bad');
  });
});
