import { playRow } from './play.js';
import { TEMPORAL_SERVER } from './rows/temporal-server.js';

playRow(TEMPORAL_SERVER);
