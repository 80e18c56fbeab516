import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { UploadReportView, UploadView } from '../../routes/uploads';
import { sendFile, withQuery } from '../api';
import { Failure, Loaded, Panel, State } from '../components/basics';
import { count } from '../format';
import { href } from '../router';
import { useSession } from '../session';
import { useResource } from '../use-resource';

interface Sending {
  readonly id: number;
  readonly file: File;
  /** Undefined: neither was one chosen, nor does the name begin with one. */
  readonly dataset: string | undefined;
}

/** `transactions-2026.csv` is most likely of dataset `transactions`. */
const datasetOf = (name: string, datasets: readonly string[]): string | undefined =>
  [...datasets].sort((a, b) => b.length - a.length).find((dataset) => name.toLowerCase().startsWith(dataset));

const Report = ({ upload }: { readonly upload: UploadView }): JSX.Element => {
  const report = useResource<UploadReportView>(`/uploads/${upload.dataset}/${upload.uploadId}`, ['batches']);
  return (
    <Loaded resource={report}>
      {({ state, batchId, rowsRead, rowsLoaded, rowsRejected, duplicateOf, error, errors }) => (
        <div class="report">
          <p>
            <State state={state} />{' '}
            {batchId === null ? 'The load begins as soon as a worker takes it.' : `Batch ${batchId}: `}
            {rowsRead === null
              ? ''
              : `${count(rowsRead)} rows read, ${count(rowsLoaded)} loaded, ${count(rowsRejected)} bad.`}
            {duplicateOf === null ? '' : ` Its content is known from batch ${duplicateOf}.`}
          </p>
          {error === null ? null : <p class="failure">{error}</p>}
          {errors.length === 0 ? null : (
            <>
              <ol class="errors">
                {errors.map((one) => (
                  <li key={`${one.lineNumber}:${one.error}`}>
                    <strong>Line {one.lineNumber}</strong> {one.error}
                  </li>
                ))}
              </ol>
              <a class="button" href={href(['dead-letters'], { batchId: batchId ?? undefined })}>
                All bad rows
              </a>
            </>
          )}
        </div>
      )}
    </Loaded>
  );
};

const SendingFile = ({ file, dataset }: { readonly file: File; readonly dataset: string }): JSX.Element => {
  const [share, setShare] = useState(0);
  const [error, setError] = useState<Error>();
  const [upload, setUpload] = useState<UploadView>();
  useEffect(() => {
    const stop = new AbortController();
    sendFile<UploadView>(
      withQuery('/uploads', { dataset, name: file.name }),
      file,
      setShare,
      stop.signal,
    ).then(setUpload, setError);
    return () => stop.abort();
  }, []);
  return (
    <Panel title={file.name} note={`${dataset}, ${count(file.size)} bytes`}>
      {upload === undefined && error === undefined ? (
        <p class="progress">
          <progress max={1} value={share} aria-label={`Sending ${file.name}`} />
          <span>{Math.floor(share * 100)} %</span>
        </p>
      ) : null}
      {error === undefined ? null : <Failure error={error} />}
      {upload === undefined ? null : <Report upload={upload} />}
    </Panel>
  );
};

const Unclear = ({ file }: { readonly file: File }): JSX.Element => (
  <Panel title={file.name} note="not sent">
    <p class="failure">The name begins with no dataset: choose one, and drop the file again.</p>
  </Panel>
);

let next = 0;

const DropZone = (props: {
  readonly disabled: boolean;
  readonly onFiles: (files: readonly File[]) => void;
}) => {
  const [isOver, setOver] = useState(false);
  return (
    <label
      class={`drop ${isOver ? 'over' : ''} ${props.disabled ? 'disabled' : ''}`}
      onDragOver={(e) => {
        e.preventDefault();
        setOver(!props.disabled);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(e) => {
        e.preventDefault();
        setOver(false);
        if (!props.disabled) props.onFiles([...(e.dataTransfer?.files ?? [])]);
      }}
    >
      <strong>Drop CSV files here</strong>
      <span>or choose them; plain or .gz, of any size</span>
      <input
        type="file"
        multiple
        accept=".csv,.gz,text/csv,application/gzip"
        disabled={props.disabled}
        onChange={(e) => {
          props.onFiles([...(e.currentTarget.files ?? [])]);
          e.currentTarget.value = '';
        }}
      />
    </label>
  );
};

/** Files by drag and drop: sent as they are, checked, loaded; with the first errors at once. */
export const Upload = (): JSX.Element => {
  const { datasets, isOperator } = useSession();
  const [chosen, setChosen] = useState('');
  const [sendings, setSendings] = useState<readonly Sending[]>([]);
  const send = (files: readonly File[]): void =>
    setSendings([
      ...files.map((file) => ({
        id: (next += 1),
        file,
        dataset: chosen || datasetOf(file.name, datasets),
      })),
      ...sendings,
    ]);
  return (
    <>
      <Panel
        title="Upload"
        note="A file is checked row by row: good rows load, bad ones become dead letters."
      >
        <div class="picker">
          <label>
            Dataset
            <select value={chosen} onChange={(e) => setChosen(e.currentTarget.value)}>
              <option value="">by the file's name</option>
              {datasets.map((dataset) => (
                <option key={dataset} value={dataset}>
                  {dataset}
                </option>
              ))}
            </select>
          </label>
        </div>
        <DropZone disabled={!isOperator} onFiles={send} />
        {isOperator ? null : <p class="note">Uploads need the operator token.</p>}
      </Panel>
      {sendings.map(({ id, file, dataset }) =>
        dataset === undefined ? (
          <Unclear key={id} file={file} />
        ) : (
          <SendingFile key={id} file={file} dataset={dataset} />
        ),
      )}
    </>
  );
};
