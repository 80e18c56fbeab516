import { useEffect, useState } from 'preact/hooks';
import { withQuery } from './api';

export interface Route {
  /** `['models', 'dim_customer']` of `#/models/dim_customer`. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

const parse = (hash: string): Route => {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?');
  return {
    parts: path
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent),
    query: new URLSearchParams(search),
  };
};

/** Where a view is: `href(['models', name])`. */
export const href = (
  parts: readonly string[],
  query: Readonly<Record<string, string | number | undefined>> = {},
): string => withQuery(`#/${parts.map(encodeURIComponent).join('/')}`, query);

export const go = (to: string): void => {
  location.hash = to;
};

export const useRoute = (): Route => {
  const [route, setRoute] = useState(() => parse(location.hash));
  useEffect(() => {
    const onHash = (): void => setRoute(parse(location.hash));
    addEventListener('hashchange', onHash);
    return () => removeEventListener('hashchange', onHash);
  }, []);
  return route;
};
