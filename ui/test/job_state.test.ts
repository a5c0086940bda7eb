import { describe, expect, it } from 'vitest';
import { toneOf } from '../src/model/job_state';

describe('the tone of a job', () => {
  it('is bad only when the job failed, for good or for now: a saved file stops and starts it', () => {
    const quiet = ['starting', 'finishing', 'stopping', 'finished', 'stopped'];
    expect(quiet.filter((state) => toneOf(state) !== 'quiet')).toEqual([]);
    expect(toneOf('running')).toBe('good');
    expect(toneOf('failed')).toBe('bad');
    expect(toneOf('restarting')).toBe('bad');
  });
});
