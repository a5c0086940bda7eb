// The files of a source: how many are found, being read, done and refused, and how far each is.
import type { SourceFile, SourceFiles } from '../../api/job';
import { bytes, count, percent, title } from '../../model/format';
import { ShowAll, useFirst } from '../../parts/show_all';
import { useNarrow } from '../../parts/use_narrow';

const MOST = 12;
const TONES: Record<string, string> = { done: 'good', refused: 'bad' };

export function Files({ source, files }: { source: string; files: SourceFiles }) {
  const narrow = useNarrow();
  const { shown, all, isLong, toggle } = useFirst(files.list, MOST);
  const id = `panel-files-${source}`;
  const known = files.found + files.reading + files.done + files.refused;
  return (
    <section class="panel" aria-labelledby={id} data-files={source}>
      <header class="panel-head">
        <div>
          <h2 id={id}>Files of {source}</h2>
          <p class="note">
            {count(files.done)} done, {count(files.reading)} being read, {count(files.found)} not begun
            {known > files.list.length && `; ${count(files.list.length)} of ${count(known)} are listed`}
          </p>
        </div>
        {files.refused > 0 && <p class="state state-bad">{count(files.refused)} refused</p>}
      </header>
      {files.list.length === 0 ? (
        <p class="message">No file yet.</p>
      ) : (
        <div class="scroll-x" tabIndex={0} role="group" aria-label={`Files of ${source}`}>
          <table class={`table ${narrow ? 'table-tight' : ''}`}>
            <thead>
              <tr>
                <th scope="col">File</th>
                <th scope="col">State</th>
                <th scope="col" class="num">Read</th>
                {!narrow && <th scope="col" class="num">Size</th>}
              </tr>
            </thead>
            <tbody>
              {shown.map((file) => <FileRow key={file.path} file={file} narrow={narrow} />)}
            </tbody>
          </table>
        </div>
      )}
      {isLong && <ShowAll all={all} toggle={toggle} what={`${files.list.length} files`} />}
    </section>
  );
}

function FileRow({ file, narrow }: { file: SourceFile; narrow: boolean }) {
  return (
    <tr data-state={file.state}>
      <th scope="row" class="file-path">
        {file.path}
        {file.note !== null && file.note !== '' && <span class="block file-note">{file.note}</span>}
      </th>
      <td><span class={`state state-${TONES[file.state] ?? 'quiet'}`}>{title(file.state)}</span></td>
      <td class="num">{file.size > 0 ? percent(Math.min(1, file.read / file.size), 0) : bytes(file.read)}</td>
      {!narrow && <td class="num">{bytes(file.size)}</td>}
    </tr>
  );
}
