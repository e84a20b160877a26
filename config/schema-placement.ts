/** The keys of `placement`: by which rules slots are granted. */

import { z } from 'zod';
import { integer, key, label, listOf, oneOf, repositories, required, wholeNumber } from './values.js';

const MAP = { error: 'a map' };

const priorityRule = {
  repo: key(repositories(), { about: 'Jobs of this repository, or with `OWNER/*` of all of an owner.' }),
  label: key(label(), { about: 'Jobs with this label.' }),
  priority: required(integer(-1000, 1000), { about: 'Higher goes first; jobs that no rule fits have 0. Required.' }),
};

const weightRule = {
  repo: required(repositories(), {
    about: 'This repository, or with `OWNER/*` each one of an owner. Required.',
  }),
  weight: required(wholeNumber(1, 1000), { about: 'Its weight; where no rule fits it is 1. Required.' }),
};

export const PLACEMENT = z.strictObject(
  {
    order: key(oneOf('fifo', 'fair'), {
      about: 'Who gets the next slot: the oldest job, or one of the repository with the fewest slots for its weight.',
      default: '`fifo`',
    }),
    hosts: key(oneOf('spread', 'pack'), {
      about:
        'Which of equal hosts gets the next VM: the one on which the least runs, or the one on which the most does.',
      default: '`spread`',
    }),
    priorities: key(listOf(z.strictObject(priorityRule, MAP), 'a list of `{repo, label, priority}`'), {
      about:
        'Jobs that go before others, or after them: the first rule that fits a job counts. Not from the environment.',
    }),
    weights: key(listOf(z.strictObject(weightRule, MAP), 'a list of `{repo, weight}`'), {
      about: 'Shares of repositories with `order: fair`: the first rule that fits counts. Not from the environment.',
    }),
  },
  MAP,
);
