import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { SessionView } from '../routes/session';
import { Dialog } from './components/basics';
import { Notices } from './components/notices';
import { type LiveState, liveState, onLiveState } from './live';
import { href, type Route, useRoute } from './router';
import { NOBODY, SessionContext, useSession } from './session';
import { nextTheme, theme } from './theme';
import { setOperatorToken } from './token';
import { useResource } from './use-resource';
import { DeadLetters } from './views/dead-letters';
import { Fact, Facts } from './views/facts';
import { History } from './views/history';
import { Kpis } from './views/kpis';
import { Live } from './views/live';
import { Model, Models } from './views/models';
import { Parts } from './views/parts';
import { Upload } from './views/upload';

const VIEWS = [
  ['kpis', 'KPIs'],
  ['live', 'Live'],
  ['dead-letters', 'Dead letters'],
  ['history', 'Explore'],
  ['models', 'Models'],
  ['upload', 'Upload'],
] as const;

/** Views that belong to another one in the navigation. */
const WITHIN: Readonly<Record<string, string>> = { fact: 'history', facts: 'history', parts: 'history' };

const View = ({ route }: { readonly route: Route }): JSX.Element => {
  const [view, id] = route.parts;
  switch (view) {
    case 'live':
      return <Live query={route.query} />;
    case 'dead-letters':
      return <DeadLetters route={route} />;
    case 'history':
      return <History id={id} />;
    case 'facts':
      return <Facts route={route} />;
    case 'parts':
      return <Parts route={route} />;
    case 'fact':
      return <Fact id={id ?? ''} />;
    case 'models':
      return id === undefined ? <Models /> : <Model name={id} />;
    case 'upload':
      return <Upload />;
    default:
      return <Kpis route={route} />;
  }
};

const LIVE_TEXTS: Readonly<Record<LiveState, string>> = {
  connecting: 'Connecting',
  live: 'Live',
  lost: 'Reconnecting',
};

const LiveLight = (): JSX.Element => {
  const [state, setState] = useState(liveState());
  useEffect(() => {
    // It may have changed since this was drawn.
    setState(liveState());
    return onLiveState(setState);
  }, []);
  return (
    <span class={`live ${state}`} role="status">
      {LIVE_TEXTS[state]}
    </span>
  );
};

const TokenForm = ({ onClose }: { readonly onClose: () => void }): JSX.Element => {
  const [token, setToken] = useState('');
  return (
    <Dialog title="Operator token" onClose={onClose}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          setOperatorToken(token.trim());
          onClose();
        }}
      >
        <p>It is what the server has as STRATA_DASHBOARD_TOKEN; this tab forgets it when it is closed.</p>
        <label>
          Token
          <input
            type="password"
            autoComplete="off"
            value={token}
            onInput={(e) => setToken(e.currentTarget.value)}
          />
        </label>
        <button type="submit" class="main" disabled={token.trim() === ''}>
          Use it
        </button>
      </form>
    </Dialog>
  );
};

const Operator = (): JSX.Element => {
  const { canAct, isOperator } = useSession();
  const [isAsking, setAsking] = useState(false);
  if (!canAct) return <span class="note">Read only</span>;
  return (
    <>
      {isOperator ? (
        <button type="button" class="quiet" onClick={() => setOperatorToken(undefined)}>
          Operator: leave
        </button>
      ) : (
        <button type="button" class="quiet" onClick={() => setAsking(true)}>
          Enter token
        </button>
      )}
      {isAsking ? <TokenForm onClose={() => setAsking(false)} /> : null}
    </>
  );
};

const ThemeButton = (): JSX.Element => {
  const [current, setCurrent] = useState(theme());
  return (
    <button type="button" class="quiet" onClick={() => setCurrent(nextTheme())}>
      Theme: {current}
    </button>
  );
};

const Header = ({ chosen }: { readonly chosen: string }): JSX.Element => {
  const { warehouse, project } = useSession();
  return (
    <header class="top">
      <a class="brand" href="#/">
        <img src="/icon.svg" alt="" width="26" height="26" />
        <span>
          <strong>{project || 'strata'}</strong>
          <small>{warehouse}</small>
        </span>
      </a>
      <nav aria-label="Views">
        {VIEWS.map(([view, title]) => (
          <a key={view} href={href([view])} aria-current={chosen === view ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      <div class="corner">
        <LiveLight />
        <Operator />
        <ThemeButton />
      </div>
    </header>
  );
};

/** The page: navigation, and the view that the address names. */
export const App = (): JSX.Element => {
  const route = useRoute();
  const session = useResource<SessionView>('/session', ['reset']);
  const view = route.parts[0] ?? 'kpis';
  const chosen = WITHIN[view] ?? view;
  const title = VIEWS.find(([name]) => name === chosen)?.[1] ?? 'KPIs';
  useEffect(() => {
    document.title = `${title} · ${session.data?.project ?? 'strata'}`;
  }, [title, session.data?.project]);
  return (
    <SessionContext.Provider value={session.data ?? NOBODY}>
      <a
        class="skip"
        href="#main"
        onClick={(e) => {
          e.preventDefault();
          document.getElementById('main')?.focus();
        }}
      >
        To the content
      </a>
      <Header chosen={chosen} />
      <main id="main" tabIndex={-1}>
        <h1>{title}</h1>
        <View route={route} />
      </main>
      <Notices />
    </SessionContext.Provider>
  );
};
