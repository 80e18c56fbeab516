import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

interface Notice {
  readonly id: number;
  readonly text: string;
  readonly tone: 'good' | 'bad';
}

/** Long enough to read; a failure stays until it is dismissed. */
const SHOWN_MS = 6_000;

let next = 0;
let listener: ((notice: Notice) => void) | undefined;

/** Tells what came of something, in a corner of the page and to screen readers. */
export const say = (text: string, tone: 'good' | 'bad' = 'good'): void => {
  listener?.({ id: (next += 1), text, tone });
};

export const Notices = (): JSX.Element => {
  const [notices, setNotices] = useState<readonly Notice[]>([]);
  const dismiss = (id: number): void => setNotices((all) => all.filter((notice) => notice.id !== id));
  useEffect(() => {
    listener = (notice) => {
      setNotices((all) => [...all, notice]);
      if (notice.tone === 'good') setTimeout(() => dismiss(notice.id), SHOWN_MS);
    };
    return () => {
      listener = undefined;
    };
  }, []);
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.map(({ id, text, tone }) => (
        <p key={id} class={tone}>
          <span>{text}</span>
          <button type="button" class="quiet" aria-label="Dismiss" onClick={() => dismiss(id)}>
            ✕
          </button>
        </p>
      ))}
    </div>
  );
};
