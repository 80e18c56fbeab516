/** Passwords in URLs and in `key=value` strings, bearer tokens, private keys. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  // To the last @ before the path: a password may hold one.
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s/]*@/gi, '$1:***@'],
  [/\b(password|passwd|pwd|secret|api[_-]?key|token)(["']?\s*[=:]\s*["']?)[^\s"'&,;)]+/gi, '$1$2***'],
  // What follows a web address may sign it.
  [/\b(https?:\/\/[^\s?#"'<>]+)\?[^\s"'<>]*/gi, '$1?***'],
  [/\bbearer\s+[\w.~+/-]+=*/gi, 'Bearer ***'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g, '***'],
];

/** The text without what looks like a secret. For everything that leaves the process: logs, failures. */
export const redact = (text: string): string =>
  SECRETS.reduce((redacted, [pattern, replacement]) => redacted.replace(pattern, replacement), text);
