/** An answer of GitHub's that is not a success. */

const DOCS = 'https://docs.github.com/rest';

/** Thrown by routes; the REST app turns it into the answer. */
export class HttpError extends Error {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    extra: { readonly errors?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    const errors = extra.errors === undefined ? {} : { errors: extra.errors };
    this.body = { message, ...errors, documentation_url: DOCS, status: String(status) };
    this.headers = extra.headers ?? {};
  }
}

export const notFound = (): HttpError => new HttpError(404, 'Not Found');

/** 422 with what is wrong, as `validation_failed_simple` of GitHub's schema has it. */
export const unprocessable = (...errors: readonly string[]): HttpError =>
  new HttpError(422, 'Validation Failed', { errors });
