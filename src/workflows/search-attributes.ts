import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';
import { SEARCH_ATTRIBUTE } from '../wire/names';

type Name = keyof typeof SEARCH_ATTRIBUTE;

/** Sets the given custom attributes of this workflow; only for where they are registered. */
export const setSearchAttributes = (values: Partial<Record<Name, string>>): void => {
  const pairs = (Object.entries(values) as [Name, string][]).map(([name, value]) => ({
    key: defineSearchAttributeKey(SEARCH_ATTRIBUTE[name], SearchAttributeType.KEYWORD),
    value,
  }));
  upsertSearchAttributes(pairs);
};
