import { playRow } from './play.js';
import { ORCHESTRATOR } from './rows/orchestrator.js';

playRow(ORCHESTRATOR);
