// The job page: which jobs run, and everything about the chosen one.
import { useRef } from 'preact/hooks';
import { getJob, listJobs } from '../api/client';
import { usePoll } from '../data/use_poll';
import type { JobDocument } from '../api/job';
import type { JobRoute, Route } from '../model/route';
import { DifferenceWatch } from '../model/account';
import { Accounts } from './job/accounts';
import { Attempts } from './job/attempts';
import { Checkpoints } from './job/checkpoints';
import { Files } from './job/files';
import { JobGraph } from './job/graph';
import { JobHead } from './job/head';
import { Partitions } from './job/partitions';
import { Tap } from './job/tap';

interface Props {
  route: JobRoute;
  go: (route: Route) => void;
}

export function JobPage({ route, go }: Props) {
  const jobs = usePoll('jobs', listJobs, 2000);
  const name = route.job ?? jobs.data?.[0]?.job ?? null;
  const loaded = usePoll(name === null ? null : `job ${name}`, (signal) => getJob(name!, signal));
  const watches = useRef(new Map<string, DifferenceWatch>());
  const job = loaded.data;
  if (job === null || (name !== null && job.job !== name)) {
    return (
      <div class="job">
        <h1 class="visually-hidden">Job</h1>
        <Blank loading={!jobs.error && !loaded.error && (jobs.data === null || name !== null)}
          error={loaded.error ?? (jobs.data === null ? jobs.error : null)} />
      </div>
    );
  }
  const watch = watches.current.get(job.job) ?? new DifferenceWatch();
  watches.current.set(job.job, watch);
  const chooseStep = (step: string | null) => go({ page: 'job', job: job.job, step });
  return (
    <div class="job" aria-busy={loaded.stale}>
      <JobHead job={job} jobs={jobs.data ?? []} loaded={loaded} />
      <Attempts job={job} />
      <JobGraph job={job} step={route.step} chooseStep={chooseStep} />
      {route.step !== null && hasStep(job, route.step) && (
        <Tap job={job} step={route.step} close={() => chooseStep(null)} />
      )}
      {job.sources.map((source) => (
        source.files ? <Files key={source.source} source={source.source} files={source.files} /> : null
      ))}
      <Accounts job={job} watch={watch} at={loaded.at} />
      <div class="columns columns-even">
        <Partitions job={job} />
        <Checkpoints job={job} />
      </div>
    </div>
  );
}

function hasStep(job: JobDocument, step: string): boolean {
  return job.nodes.some((node) => node.step === step);
}

function Blank({ loading, error }: { loading: boolean; error: Error | null }) {
  if (error) {
    return (
      <div class="blank">
        <h2>No answer about the job</h2>
        <p>{error.message} This page keeps trying and fills in by itself.</p>
      </div>
    );
  }
  if (loading) {
    return (
      <div class="blank" aria-busy="true">
        <p class="message loading">Loading</p>
      </div>
    );
  }
  return (
    <div class="blank">
      <h2>No job is running</h2>
      <p>Start one with rideflow dev and a job file. It appears here by itself.</p>
    </div>
  );
}
