import { statfsSync } from 'node:fs';
import { totalmem } from 'node:os';

const MIB = 1024 * 1024;
/** Parallel queries share memory there; containers often give it 64 MiB, and the query fails. */
const ENOUGH_SHARED_MEMORY_BYTES = 1024 * MIB;

const sharedMemoryIsScarce = (): boolean => {
  if (process.platform !== 'linux') return false;
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    return bavail * bsize < ENOUGH_SHARED_MEMORY_BYTES;
  } catch {
    return true;
  }
};

/** The settings of the embedded server: durable, for one machine that others work on too. `overrides` win. */
export const postgresSettings = (
  port: number,
  marker: string,
  overrides: Readonly<Record<string, string>>,
): Record<string, string> => {
  const memoryMiB = Math.floor(totalmem() / MIB);
  return {
    shared_buffers: memoryMiB >= 4_096 ? '256MB' : '128MB',
    effective_cache_size: `${Math.max(256, Math.floor(memoryMiB / 2))}MB`,
    work_mem: '32MB',
    maintenance_work_mem: '256MB',
    max_connections: '100',
    max_wal_size: '4GB',
    min_wal_size: '256MB',
    checkpoint_timeout: '15min',
    random_page_cost: '1.1',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    datestyle: 'ISO, YMD',
    log_checkpoints: 'off',
    ...(sharedMemoryIsScarce() && { dynamic_shared_memory_type: 'mmap' }),
    ...overrides,
    listen_addresses: '127.0.0.1',
    port: String(port),
    // TCP only: the path of a socket may have 107 bytes, a checkout's path has what it has.
    unix_socket_directories: '',
    cluster_name: marker,
  };
};
