import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { SessionView } from '../routes/session';

/** Until the server has said who asks: somebody who reads. */
const NOBODY: SessionView = {
  warehouse: '',
  project: '',
  datasets: [],
  canAct: false,
  isOperator: false,
  isListening: true,
  temporalUrl: null,
};

export const SessionContext = createContext<SessionView>(NOBODY);
export const useSession = (): SessionView => useContext(SessionContext);
export { NOBODY };
