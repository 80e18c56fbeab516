import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Resource } from '../use-resource';

/** What a state is called where its own word says too little, and how it looks. */
const TONES: Readonly<Record<string, string>> = {
  success: 'good',
  published: 'good',
  replayed: 'good',
  resolved: 'good',
  pass: 'good',
  running: 'busy',
  loading: 'busy',
  loaded: 'busy',
  accepted: 'busy',
  waiting: 'busy',
  warn: 'warn',
  duplicate: 'muted',
  skipped: 'muted',
  pending: 'muted',
  cancelled: 'muted',
  discarded: 'muted',
  open: 'warn',
  failed: 'bad',
  rejected: 'bad',
  error: 'bad',
  firing: 'bad',
};

export const State = ({ state }: { readonly state: string }): JSX.Element => (
  <span class={`state ${TONES[state] ?? 'muted'}`}>{state}</span>
);

export const Panel = (props: {
  readonly title: string;
  readonly note?: ComponentChildren;
  readonly tools?: ComponentChildren;
  readonly class?: string;
  readonly children: ComponentChildren;
}): JSX.Element => (
  <section class={`panel ${props.class ?? ''}`} aria-label={props.title}>
    <header>
      <div>
        <h2>{props.title}</h2>
        {props.note === undefined ? null : <p class="note">{props.note}</p>}
      </div>
      {props.tools === undefined ? null : <div class="tools">{props.tools}</div>}
    </header>
    {props.children}
  </section>
);

export const Failure = ({ error }: { readonly error: Error }): JSX.Element => (
  <p class="failure" role="alert">
    {error.message}
  </p>
);

/** What was asked for, or why it isn't there. */
export const Loaded = <T,>(props: {
  readonly resource: Resource<T>;
  readonly children: (data: T) => ComponentChildren;
}): JSX.Element => {
  const { data, error } = props.resource;
  return (
    <>
      {error === undefined ? null : <Failure error={error} />}
      {data === undefined ? (
        error === undefined ? (
          <p class="empty">Loading …</p>
        ) : null
      ) : (
        props.children(data)
      )}
    </>
  );
};

export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => ComponentChildren;
  readonly isNumber?: boolean;
}

/** A table that scrolls by itself where the page is narrow. */
export const Table = <T,>(props: {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T, index: number) => string;
  readonly empty?: string;
}): JSX.Element =>
  props.rows.length === 0 ? (
    <p class="empty">{props.empty ?? 'Nothing yet.'}</p>
  ) : (
    <div class="scroll" tabIndex={0} role="region" aria-label={props.label}>
      <table>
        <thead>
          <tr>
            {props.columns.map(({ title, isNumber }) => (
              <th scope="col" class={isNumber ? 'number' : ''}>
                {title === '' ? <span class="unseen">Actions</span> : title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row, index) => (
            <tr key={props.keyOf(row, index)}>
              {props.columns.map(({ cell, isNumber }) => (
                <td class={isNumber ? 'number' : ''}>{cell(row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );

/** A dialog over the page; Escape and the button close it. */
export const Dialog = (props: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}): JSX.Element => {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    return () => dialog.current?.close();
  }, []);
  return (
    <dialog ref={dialog} aria-label={props.title} onClose={props.onClose}>
      <header>
        <h2>{props.title}</h2>
        <button type="button" class="quiet" aria-label="Close" onClick={props.onClose}>
          ✕
        </button>
      </header>
      {props.children}
    </dialog>
  );
};

export const External = ({ url, children }: { readonly url: string | null; readonly children: string }) =>
  url === null ? null : (
    <a href={url} target="_blank" rel="noreferrer noopener">
      {children} ↗
    </a>
  );
