import { expect, it } from 'vitest';
import { messageOf } from '../../agent/failure.js';

class Silent extends Error {
  override readonly name = 'Silent';
}

it.each<[string, unknown, string]>([
  ['an error', new Error('no such host'), 'no such host'],
  ['an error with a cause', new Error('not told', { cause: new Error('no such host') }), 'not told'],
  ['an error that says nothing', new Silent(), 'Silent'],
  ['one whose cause says why', new Silent('', { cause: new Error('deadline exceeded') }), 'deadline exceeded'],
  ['one whose cause says nothing either', new Silent('', { cause: new Silent() }), 'Silent'],
  ['what is no error', 'gone', 'gone'],
])('%s is told in words', (_, error, words) => {
  expect(messageOf(error)).toBe(words);
});
