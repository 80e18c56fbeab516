import { column, defineDataset, z } from 'strata';

const isTimeZone = (text: string | null): boolean => {
  try {
    return text === null || new Intl.DateTimeFormat('en', { timeZone: text }).format(0) !== '';
  } catch {
    return false;
  }
};

export const airports = defineDataset({
  name: 'airports',
  key: ['faa'],
  schema: z.object({
    faa: column.id(),
    name: column.text(),
    lat: column.float(),
    lon: column.float(),
    alt: column.integer(),
    // The source also has `tz` and `dst`, the zone's offset in winter and its rule; its name says both.
    tzone: column.text({ nullValues: ['NA', '\\N'] }).refine(isTimeZone, { message: 'is not a time zone' }),
  }),
});
