import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** By their names in lower case, unfolded. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface MailServer {
  /** host:port */
  readonly host: string;
  readonly mails: ReceivedMail[];
  /** The refusal of a recipient; none by default. */
  refuse: (recipient: string) => number | undefined;
  close(): Promise<void>;
}

const parse = (text: string): Pick<ReceivedMail, 'headers' | 'body'> => {
  const [head = '', ...body] = text.split('\r\n\r\n');
  const lines = head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
  return { headers, body: body.join('\r\n\r\n') };
};

/** A mail server without TLS that keeps what it is sent; `login` makes it ask for a user and a password. */
export const startMailServer = async (login?: { user: string; password: string }): Promise<MailServer> => {
  const state: Pick<MailServer, 'mails' | 'refuse'> = { mails: [], refuse: () => undefined };
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS', ...(login === undefined ? ['AUTH'] : [])],
    authOptional: login === undefined,
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) => {
      if (username === login?.user && password === login?.password) done(null, { user: username });
      else done(Object.assign(new Error(`no such user ${username}`), { responseCode: 535 }));
    },
    onRcptTo: ({ address }, _session, done) => {
      const responseCode = state.refuse(address);
      done(
        responseCode === undefined ? null : Object.assign(new Error(`not for ${address}`), { responseCode }),
      );
    },
    onData: (stream, { envelope }, done) => {
      let text = '';
      stream.setEncoding('utf8').on('data', (part: string) => (text += part));
      stream.on('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        state.mails.push({ from, to: envelope.rcptTo.map(({ address }) => address), ...parse(text) });
        done();
      });
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', () => done()));
  const { port } = server.server.address() as AddressInfo;
  return Object.assign(state, {
    host: `127.0.0.1:${port}`,
    close: () => new Promise<void>((done) => void server.close(() => done())),
  });
};
