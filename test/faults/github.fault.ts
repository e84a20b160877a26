import { playRow } from './play.js';
import { GITHUB } from './rows/github.js';

playRow(GITHUB);
