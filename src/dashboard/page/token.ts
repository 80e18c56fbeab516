/** Kept for this tab alone. */
const KEY = 'strata-operator-token';

let known: string | undefined;
const listeners = new Set<() => void>();

const stored = (): string | undefined => {
  try {
    return sessionStorage.getItem(KEY) ?? undefined;
  } catch {
    return undefined;
  }
};

export const operatorToken = (): string | undefined => (known ??= stored());

export const setOperatorToken = (token: string | undefined): void => {
  known = token;
  try {
    if (token === undefined) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  } catch {
    // A browser that keeps nothing: the token is forgotten with the page.
  }
  for (const listener of listeners) listener();
};

export const onTokenChange = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** Takes the token that `strata dev` puts behind the `#`, and takes it out of the address. */
export const takeTokenFromAddress = (): void => {
  const token = /^#token=([^&]+)$/.exec(location.hash)?.[1];
  if (token === undefined) return;
  setOperatorToken(decodeURIComponent(token));
  history.replaceState(null, '', `${location.pathname}#/`);
};
