// A part of the page with a heading and one of four states: loading, empty, error, data.
import type { ComponentChildren } from 'preact';
import { ApiError } from '../api/client';
import type { Loaded } from '../data/poller';

interface Props<T> {
  title: string;
  /** One quiet line under the title: what is shown, and until when. */
  note?: ComponentChildren;
  actions?: ComponentChildren;
  loaded: Loaded<T>;
  isEmpty?: (data: T) => boolean;
  emptyText: string;
  /** Height kept while there is nothing to show, so that the page does not jump. */
  minHeight?: number;
  class?: string;
  children: (data: T) => ComponentChildren;
}


export function Panel<T>(props: Props<T>) {
  const { title, note, actions, loaded, minHeight } = props;
  const id = `panel-${title.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
  return (
    <section
      class={`panel ${props.class ?? ''}`}
      aria-labelledby={id}
      aria-busy={loaded.stale || (loaded.data === null && loaded.error === null)}
    >
      <header class="panel-head">
        <div>
          <h2 id={id}>{title}</h2>
          {note && <p class="note">{note}</p>}
        </div>
        {actions}
      </header>
      <div class="panel-body" style={minHeight ? { minHeight: `${minHeight}px` } : {}}>
        <Body {...props} />
      </div>
    </section>
  );
}

/** The state of the connection stands at the top of the page; a panel need not repeat it over its old numbers. */
function saidAbove(error: Error): boolean {
  return error instanceof ApiError && error.kind === 'unreachable';
}

function Body<T>({ loaded, isEmpty, emptyText, children }: Props<T>) {
  const { data, error } = loaded;
  if (data === null) {
    if (error) return <p class="message message-error">{error.message}</p>;
    return <p class="message loading">Loading</p>;
  }
  if (isEmpty?.(data)) return <p class="message">{emptyText}</p>;
  return (
    <>
      {error && !saidAbove(error) && <p class="message message-error message-inline">Not refreshed: {error.message}</p>}
      {children(data)}
    </>
  );
}
