import { useEffect, useState } from 'preact/hooks';

const TICK_MS = 10_000;

/** The time, anew every ten seconds, for ages. */
export const useNow = (): number => {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  // What came since the last tick isn't in the future.
  return Math.max(now, Date.now() - TICK_MS);
};
