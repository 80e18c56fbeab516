/** Every variable that strata reads, for `--help`, the docs and the check for unknown names. */
export interface Setting {
  readonly name: string;
  readonly meaning: string;
  /** In words, for people. */
  readonly default: string;
}

export const settings = [
  {
    name: 'DATABASE_URL',
    meaning: 'The PostgreSQL database, as a postgres:// URL with a database name.',
    default: 'the embedded PostgreSQL under .strata/',
  },
  {
    name: 'DATABASE_URL_FILE',
    meaning: 'A file that holds the URL, such as a Docker secret; DATABASE_URL goes over it.',
    default: 'none',
  },
  {
    name: 'STRATA_WAREHOUSE',
    meaning: 'Name of the warehouse: the task queue, and part of the workflow ids.',
    default: "the database's name",
  },
  {
    name: 'TEMPORAL_ADDRESS',
    meaning: 'host:port of the Temporal frontend.',
    default: 'the embedded Temporal server under .strata/',
  },
  { name: 'TEMPORAL_NAMESPACE', meaning: 'Namespace in Temporal.', default: 'default' },
  {
    name: 'TEMPORAL_API_KEY',
    meaning: 'API key for Temporal Cloud; switches TLS on.',
    default: 'none',
  },
  {
    name: 'TEMPORAL_TLS*',
    meaning: "TLS of the connection, as in Temporal's environment configuration.",
    default: 'off, on with an API key',
  },
  {
    name: 'TEMPORAL_PROFILE',
    meaning: "Profile of Temporal's configuration file.",
    default: 'default',
  },
  {
    name: 'TEMPORAL_CONFIG_FILE',
    meaning: "Temporal's configuration file.",
    default: "temporal.toml in the user's configuration folder",
  },
  {
    name: 'STRATA_HOME',
    meaning: 'Folder of the embedded servers and their data, on a local disk.',
    default: '.strata/ of the checkout',
  },
  {
    name: 'STRATA_PROJECT_DIR',
    meaning: 'The dbt-style project that is loaded and run.',
    default: 'sql/ of the checkout',
  },
  {
    name: 'STRATA_FILE_ROOTS',
    meaning: 'Folders and s3://bucket/prefix that a worker may read data files from, separated as in PATH.',
    default: 'any folder, any bucket',
  },
  {
    name: 'STRATA_URL_HOSTS',
    meaning:
      'Hosts (host or host:port, separated by commas) that files may be fetched from by http and https.',
    default: 'none',
  },
  {
    name: 'STRATA_S3_PATH_STYLE',
    meaning: '1: S3 addresses have the bucket in their path.',
    default: "1 with an endpoint of one's own (AWS_ENDPOINT_URL_S3), else 0",
  },
  {
    name: 'STRATA_INBOX',
    meaning: 'Folder or s3://bucket/prefix that files DATASET*.csv(.gz) are taken from.',
    default: 'none',
  },
  {
    name: 'STRATA_ARCHIVE',
    meaning: 'Folder that all workers reach, or s3://bucket/prefix, that archived partitions go to.',
    default: 'none',
  },
  {
    name: 'STRATA_INBOX_SETTLE',
    meaning: 'A file of the inbox is taken when it has not changed for so long.',
    default: '10s',
  },
  {
    name: 'STRATA_HOST',
    meaning: 'What this host is called where a file is pinned to one.',
    default: 'the name of the system',
  },
  {
    name: 'STRATA_HOST_WAIT',
    meaning: 'How long a load waits for a worker of the host that has its file.',
    default: '1h',
  },
  {
    name: 'STRATA_PROJECT_ROOTS',
    meaning: "Folders that projects other than the worker's own may lie in, separated as in PATH.",
    default: 'any folder',
  },
  {
    name: 'STRATA_MAX_FIELD_BYTES',
    meaning: 'A row with a longer field goes to the dead letter queue.',
    default: '1048576',
  },
  {
    name: 'STRATA_MAX_CONTENT_BYTES',
    meaning: 'A file of more bytes, decompressed, is refused.',
    default: 'any size',
  },
  {
    name: 'STRATA_RETRIES',
    meaning: 'Further tries of a model that fails.',
    default: '3',
  },
  {
    name: 'STRATA_RETRY_INTERVAL',
    meaning: 'Pause between these tries: seconds, or with a unit (500ms, 60s, 5m).',
    default: '60s',
  },
  {
    name: 'STRATA_SUSPEND_AFTER',
    meaning: 'A model that fails with the same error in so many runs in a row is suspended; 0: never.',
    default: '3',
  },
  {
    name: 'STRATA_HISTORY_DAYS',
    meaning:
      'Maintenance removes results of runs, checks and alerts that are older, but for what is still needed; 0: never.',
    default: '90',
  },
  { name: 'STRATA_THREADS', meaning: 'Models run at once.', default: '4' },
  {
    name: 'STRATA_ROLE_PREFIX',
    meaning: 'What the names of the roles of least privilege begin with.',
    default: 'strata_ and the database',
  },
  {
    name: 'STRATA_SET_ROLES',
    meaning: 'auto: acts as the roles where they can be made and used; on: never without; off: as the login.',
    default: 'auto',
  },
  {
    name: 'STRATA_INLINE_WORKER',
    meaning: '1: a command against an external Temporal runs its own worker.',
    default: '0',
  },
  {
    name: 'STRATA_ACTOR',
    meaning: 'Who acts on dead letters, as the trace of actions names it.',
    default: 'the user of the system',
  },
  {
    name: 'STRATA_TEMPORAL_BIN',
    meaning: 'Path of the temporal binary.',
    default: 'found on PATH, in .strata/, or fetched',
  },
  {
    name: 'STRATA_METRICS_ADDRESS',
    meaning: 'host:port where a worker shows metrics for Prometheus, at /metrics.',
    default: 'none',
  },
  {
    name: 'STRATA_DASHBOARD_ADDRESS',
    meaning: 'host:port of the page of `strata dashboard` and `strata dev`.',
    default: '127.0.0.1:8234, or a free port where that is taken',
  },
  {
    name: 'STRATA_DASHBOARD_TOKEN',
    meaning: "The operator's token, which the page needs to do something: at least 16 characters.",
    default: 'none: the page only reads; `strata dev` makes one up',
  },
  {
    name: 'STRATA_DASHBOARD_HOSTS',
    meaning: 'Names that the page is reached by beside localhost and addresses, separated by commas.',
    default: 'none',
  },
  {
    name: 'STRATA_UPLOAD_DIR',
    meaning: 'Folder for uploaded files, which workers have to see under the same path.',
    default: 'uploads in STRATA_HOME',
  },
  {
    name: 'STRATA_TEMPORAL_UI_URL',
    meaning: "Address of Temporal's Web UI, for links of the page.",
    default: "the embedded server's, else no links",
  },
  {
    name: 'OTEL_EXPORTER_OTLP*',
    meaning: "Where a worker sends traces, in OpenTelemetry's own variables; set: it does.",
    default: 'no traces',
  },
  {
    name: 'STRATA_ALERT_WEBHOOK_URL',
    meaning: 'Where alerts are posted as JSON; an address is a secret.',
    default: 'none',
  },
  {
    name: 'STRATA_ALERT_SLACK_URL',
    meaning: "An incoming webhook of Slack, or of what takes Slack's format.",
    default: 'none',
  },
  {
    name: 'STRATA_SMTP_URL',
    meaning: 'The mail server for alerts: smtp://user:password@host:587, or smtps://.',
    default: 'none',
  },
  {
    name: 'STRATA_ALERT_EMAIL_FROM',
    meaning: 'Whom mails are from.',
    default: 'none; needed with STRATA_SMTP_URL',
  },
  {
    name: 'STRATA_ALERT_EMAIL_TO',
    meaning: 'Whom mails go to, separated by commas.',
    default: 'none; needed with STRATA_SMTP_URL',
  },
  {
    name: 'STRATA_ALERT_TRIES',
    meaning: 'Tries of a message until it is given up, and kept.',
    default: '3',
  },
  {
    name: 'STRATA_ALERT_RETRY_INTERVAL',
    meaning: 'Pause between these tries.',
    default: '60s',
  },
  {
    name: 'STRATA_ALERT_TIMEOUT',
    meaning: 'How long an answer to a message may take.',
    default: '10s',
  },
  {
    name: 'STRATA_ALERT_REMIND_AFTER',
    meaning: 'An open incident that nobody has acknowledged is told of again after so long.',
    default: 'never',
  },
  {
    name: 'STRATA_ALERT_HEARTBEAT_URL',
    meaning: 'Address of an outside monitor that the alerter asks as long as it lives.',
    default: 'none',
  },
  {
    name: 'STRATA_ALERT_HEARTBEAT_INTERVAL',
    meaning: 'How often it does.',
    default: '5m',
  },
  {
    name: 'STRATA_LOG_LEVEL',
    meaning: 'trace, debug, info, warn, error, fatal or silent.',
    default: 'warn',
  },
  {
    name: 'STRATA_LOG_FORMAT',
    meaning: 'json or pretty.',
    default: 'pretty on a terminal, else json',
  },
] as const satisfies readonly Setting[];
