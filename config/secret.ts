import { inspect } from 'node:util';

const MASK = '[secret]';

/**
 * A secret that cannot be printed by accident: as text, in JSON, in logs and in `util.inspect` it is `[secret]`.
 * Only `reveal()` gives the text, so that a search for `reveal` finds every place a secret is used.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}
