import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { WholeLetterView } from '../../routes/letters';
import { call } from '../api';
import { Action } from '../components/action';
import { Dialog, Loaded, State, Table } from '../components/basics';
import { say } from '../components/notices';
import { formatTime } from '../format';
import { useResource } from '../use-resource';

type Columns = NonNullable<WholeLetterView['columns']>;

const save = async (id: string, columns: Readonly<Record<string, string>>): Promise<boolean> => {
  const { isChanged, passes, error } = await call<{
    isChanged: boolean;
    passes: boolean;
    error: string | null;
  }>(`/dead-letters/${id}`, { method: 'PATCH', body: { columns } });
  if (passes) say(isChanged ? 'Saved: it passes the checks now.' : 'It passes the checks.');
  else say(`${isChanged ? 'Saved, but it' : 'It'} would fail again: ${error}`, 'bad');
  return passes;
};

const Fields = (props: {
  readonly columns: Columns;
  readonly written: Readonly<Record<string, string>>;
  readonly isOpen: boolean;
  readonly onWrite: (name: string, text: string) => void;
}): JSX.Element => (
  <div class="fields">
    {props.columns.map(({ name, value, was, isUndecodable }) => (
      <label key={name}>
        <span>{name}</span>
        <input
          type="text"
          name={name}
          value={props.written[name] ?? value}
          readOnly={!props.isOpen}
          class={props.written[name] === undefined ? '' : 'written'}
          onInput={(e) => props.onWrite(name, e.currentTarget.value)}
        />
        {was === null ? null : <small>was {was === '' ? 'empty' : was}</small>}
        {isUndecodable ? <small>holds bytes that are no text</small> : null}
      </label>
    ))}
  </div>
);

const Facts = ({ letter }: { readonly letter: WholeLetterView }): JSX.Element => (
  <dl class="facts">
    <div>
      <dt>State</dt>
      <dd>
        <State state={letter.state} /> after {letter.attempts}{' '}
        {letter.attempts === 1 ? 'attempt' : 'attempts'}
      </dd>
    </div>
    <div>
      <dt>File</dt>
      <dd>
        {letter.file}, line {letter.lineNumber}, batch {letter.batchId}
      </dd>
    </div>
    <div>
      <dt>Why</dt>
      <dd>
        <ul>
          {letter.error.split('; ').map((error) => (
            <li key={error}>{error}</li>
          ))}
        </ul>
      </dd>
    </div>
    <div>
      <dt>Record</dt>
      <dd>
        <code class="record">{letter.record}</code>
      </dd>
    </div>
  </dl>
);

const History = ({ actions }: Pick<WholeLetterView, 'actions'>): JSX.Element | null =>
  actions.length === 0 ? null : (
    <details>
      <summary>What was done with it</summary>
      <Table
        label="What was done with it"
        rows={actions}
        keyOf={(_row, index) => String(index)}
        columns={[
          { title: 'When', cell: (row) => formatTime(row.actedAt) },
          { title: 'What', cell: (row) => row.action },
          { title: 'Who', cell: (row) => row.actor },
          {
            title: 'Note',
            cell: (row) => row.reason ?? row.error ?? Object.keys(row.after ?? {}).join(', '),
          },
        ]}
      />
    </details>
  );

const Body = ({
  letter,
  onClose,
}: {
  readonly letter: WholeLetterView;
  readonly onClose: () => void;
}): JSX.Element => {
  const [written, setWritten] = useState<Readonly<Record<string, string>>>({});
  const isOpen = letter.state === 'open' && !letter.isOfRejectedFile;
  const isWritten = Object.keys(written).length > 0;
  const all = (): Record<string, string> =>
    letter.needsAllColumns
      ? { ...Object.fromEntries((letter.columns ?? []).map(({ name, value }) => [name, value])), ...written }
      : { ...written };
  const saveWritten = async (): Promise<boolean> => {
    const passes = await save(letter.id, all());
    setWritten({});
    return passes;
  };
  const replay = async (): Promise<string | undefined> => {
    if (isWritten && !(await saveWritten())) return undefined;
    await call('/dead-letters/replay', { method: 'POST', body: { ids: [letter.id] } });
    onClose();
    return 'The replay has begun.';
  };
  const move = (verb: 'discard' | 'reopen') => async (): Promise<string> => {
    const reason = verb === 'discard' ? prompt('Why is it discarded?') : '';
    if (reason === null || (verb === 'discard' && reason.trim() === ''))
      throw new Error('A reason is needed.');
    await call(`/dead-letters/${verb}`, { method: 'POST', body: { ids: [letter.id], reason } });
    return verb === 'discard' ? 'Discarded.' : 'It is open again.';
  };
  return (
    <>
      <Facts letter={letter} />
      {letter.isOfRejectedFile ? (
        <p class="note">Its file was rejected whole: mend the file and load it again.</p>
      ) : null}
      {letter.columns === null ? null : (
        <Fields
          columns={letter.columns}
          written={written}
          isOpen={isOpen}
          onWrite={(name, text) => setWritten({ ...written, [name]: text })}
        />
      )}
      <div class="tools bar">
        {isOpen ? (
          <>
            <Action class="main" run={replay}>
              {isWritten ? 'Save and replay' : 'Replay'}
            </Action>
            <Action disabled={!isWritten} run={async () => void (await saveWritten())}>
              Save
            </Action>
            <Action run={move('discard')}>Discard</Action>
          </>
        ) : letter.state === 'discarded' ? (
          <Action run={move('reopen')}>Reopen</Action>
        ) : null}
      </div>
      <History actions={letter.actions} />
    </>
  );
};

/** A dead letter: read it, mend it, replay or discard it. */
export const Letter = ({
  id,
  onClose,
}: {
  readonly id: string;
  readonly onClose: () => void;
}): JSX.Element => {
  const letter = useResource<WholeLetterView>(`/dead-letters/${id}`, ['letters']);
  return (
    <Dialog title={`Dead letter ${id}`} onClose={onClose}>
      <Loaded resource={letter}>{(data) => <Body letter={data} onClose={onClose} />}</Loaded>
    </Dialog>
  );
};
