import { playRow } from './play.js';
import { RECEIVER } from './rows/receiver.js';

playRow(RECEIVER);
