// What a job's state says about it: all is well, it is on its way, or somebody must look.
export type Tone = 'good' | 'quiet' | 'bad';

const TONES: Record<string, Tone> = {
  starting: 'quiet',
  running: 'good',
  finishing: 'quiet',
  stopping: 'quiet',
  finished: 'quiet',
  stopped: 'quiet',
  restarting: 'bad',
  failed: 'bad',
};

/** The tone of a state of the job document; a state that is not known is not a failure. */
export const toneOf = (state: string): Tone => TONES[state] ?? 'quiet';
