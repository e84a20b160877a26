import { playRow } from './play.js';
import { ANKA } from './rows/anka.js';

playRow(ANKA);
