import { CONDITION_KINDS, type ConditionKind } from '../wire/alerts';

export interface MutePattern {
  readonly kind?: ConditionKind;
  readonly subject?: string;
}

const asKind = (text: string): ConditionKind | undefined => CONDITION_KINDS.find((kind) => kind === text);

/** `freshness`, `freshness:raw.*`, `*:raw.t`, or a subject alone, in which `*` stands for any text. */
export const parseMutePattern = (text: string): MutePattern => {
  const whole = asKind(text);
  if (whole !== undefined) return { kind: whole };
  const [, before = '', after = ''] = /^([^:]+):(.+)$/s.exec(text) ?? [];
  const kind = asKind(before);
  if (kind !== undefined) return after === '*' ? { kind } : { kind, subject: after };
  return { subject: before === '*' ? after : text };
};

/** The same in words that `parseMutePattern` reads. */
export const mutePatternText = ({
  kind,
  subject,
}: {
  kind: string | null;
  subject: string | null;
}): string => (kind === null ? `*:${subject ?? '*'}` : subject === null ? kind : `${kind}:${subject}`);
