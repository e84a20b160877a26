import { playRow } from './play.js';
import { HOST_AGENT } from './rows/host-agent.js';

playRow(HOST_AGENT);
