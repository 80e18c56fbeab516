import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useSession } from '../session';
import { say } from './notices';

/** A button that does something: once at a time, for the operator alone; says what came of it. */
export const Action = (props: {
  readonly run: () => Promise<string | undefined>;
  readonly children: ComponentChildren;
  /** Asked before, where it can't be taken back. */
  readonly confirm?: string;
  readonly class?: string;
  readonly disabled?: boolean;
}): JSX.Element => {
  const { isOperator } = useSession();
  const [isBusy, setBusy] = useState(false);
  const onClick = async (): Promise<void> => {
    if (props.confirm !== undefined && !confirm(props.confirm)) return;
    setBusy(true);
    try {
      const text = await props.run();
      if (text !== undefined) say(text);
    } catch (error) {
      say(error instanceof Error ? error.message : String(error), 'bad');
    } finally {
      setBusy(false);
    }
  };
  return (
    <button
      type="button"
      class={props.class ?? ''}
      disabled={!isOperator || isBusy || props.disabled === true}
      aria-busy={isBusy}
      title={isOperator ? undefined : 'Needs the operator token'}
      onClick={() => void onClick()}
    >
      {props.children}
    </button>
  );
};
