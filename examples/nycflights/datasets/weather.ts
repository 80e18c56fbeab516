import { column, defineDataset, z } from 'strata';

const nullValues = ['NA'];

/**
 * An hour's weather at an airport. The key is the instant, not the local hour: the night the clocks go back has 01:00
 * twice, and of two rows with one key only the later would stand.
 */
export const weather = defineDataset({
  name: 'weather',
  key: ['origin', 'time_hour'],
  schema: z.object({
    origin: column.oneOf(['EWR', 'JFK', 'LGA']),
    year: column.integer(),
    month: column.integer(),
    day: column.integer(),
    hour: column.integer(),
    temp: column.float({ nullValues }),
    dewp: column.float({ nullValues }),
    humid: column.float({ nullValues }),
    wind_dir: column.float({ nullValues }),
    wind_speed: column.float({ nullValues }),
    wind_gust: column.float({ nullValues }),
    precip: column.float({ nullValues }),
    pressure: column.float({ nullValues }),
    visib: column.float({ nullValues }),
    time_hour: column.timestamp(),
  }),
});
