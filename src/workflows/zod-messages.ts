import { z } from 'zod/v4';

// The bundler drops zod's own call of this, and with it all messages. Where this module is shared by workflows, zod is
// frozen after it has run.
z.config(z.locales.en());
