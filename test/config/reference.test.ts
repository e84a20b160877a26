import { it } from 'vitest';
import { referenceTables } from '../../config/reference.js';
import { expectTables } from '../docs/generated-tables.js';

it('the reference has every key as the schema has it (UPDATE_DOCS=1 rewrites its tables)', () =>
  expectTables('docs/reference/configuration.md', referenceTables()));
