/**
 * What one copy of serves all workflows of a worker (`preloadModules` of the bundle): zod and the schemas made with it,
 * which keep nothing of an execution. Each workflow in memory would else have a copy of its own, of some megabytes.
 * What is shared gets frozen: no schema here may check an expression, which zod would write to (wire/text-formats.ts).
 */
import './zod-messages';
import '../wire/alerts';
import '../wire/archive';
import '../wire/freshness';
import '../wire/inbox';
import '../wire/ingest';
import '../wire/maintenance';
import '../wire/pipeline';
import '../wire/replay';
import '../wire/scheduled-run';
import '../wire/transform';
