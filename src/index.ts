/** What a project's own files import as `strata`: the parts a dataset is made of. */
export { z } from 'zod/v4';
export { column, type ColumnOptions } from './domain/columns/column';
export { type Dataset, defineDataset, type DatasetDefinition } from './domain/dataset';
export { rowRule, type RowRule } from './domain/dataset-row-rule';
