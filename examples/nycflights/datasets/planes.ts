import { column, defineDataset, z } from 'strata';

const nullValues = ['NA'];

/** The register of planes. It says what a plane is, not who operates it. */
export const planes = defineDataset({
  name: 'planes',
  key: ['tailnum'],
  schema: z.object({
    tailnum: column.id(),
    year: column.integer({ nullValues }),
    type: column.text({ nullValues }),
    manufacturer: column.text({ nullValues }),
    model: column.text({ nullValues }),
    engines: column.integer({ nullValues }),
    seats: column.integer({ nullValues }),
    speed: column.integer({ nullValues }),
    engine: column.text({ nullValues }),
  }),
});
