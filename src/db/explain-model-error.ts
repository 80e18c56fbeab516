import { isStrataError, StrataError } from '../domain/errors';
import { isSqlState, isTransient, serverMessage, sqlStateOf, UNIQUE_VIOLATION } from './sqlstate';

const NOT_NULL_VIOLATION = new Set(['23502']);
const QUERY_CANCELED = new Set(['57014']);

const LACKS_PRIVILEGE = new Set(['42501']);
const GRANT_IT = 'where models run as the role transformer, grant it to that, or set STRATA_SET_ROLES=off';

/** An error of the database while a model ran, as what it means for the model's author; transient ones stay as they are. */
export const explainModelError = (error: unknown, label: string): unknown => {
  if (isStrataError(error) || sqlStateOf(error) === undefined) return error;
  const said = serverMessage(error);
  if (isSqlState(error, UNIQUE_VIOLATION))
    return new StrataError('KEY_DUPLICATE', `${label}: ${said}`, { cause: error });
  if (isSqlState(error, NOT_NULL_VIOLATION))
    return new StrataError('KEY_NULL', `${label}: ${said}`, { cause: error });
  if (isTransient(error) && !isSqlState(error, QUERY_CANCELED)) return error;
  const remedy = isSqlState(error, LACKS_PRIVILEGE) ? `; ${GRANT_IT}` : '';
  return new StrataError('MODEL_FAILED', `${label}: ${said} (SQLSTATE ${sqlStateOf(error)})${remedy}`, {
    cause: error,
  });
};
