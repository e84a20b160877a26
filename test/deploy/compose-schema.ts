/**
 * The part of the compose file's format that Berth uses, strictly: a key that is misspelt, or new here, fails. Written
 * from the specification's text (compose-spec/compose-spec); whoever adds a key to the file looks it up and adds it
 * here.
 */

const text = { type: 'string', minLength: 1 } as const;
const texts = { type: 'array', items: text, minItems: 1 } as const;
const duration = { type: 'string', pattern: '^([0-9]+(us|ms|s|m|h))+$' } as const;

/** Values of variables: a bare `true` or a number would be read otherwise by other YAML readers, so they are quoted. */
const variables = { type: 'object', additionalProperties: { type: 'string' } } as const;

const mapOf = (item: object): object => ({
  type: 'object',
  patternProperties: { '^[a-zA-Z0-9._-]+$': item },
  additionalProperties: false,
  minProperties: 1,
});

const object = (properties: Readonly<Record<string, object>>, ...required: readonly string[]): object => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

const healthcheck = object(
  {
    test: { type: 'array', items: text, minItems: 2, contains: { enum: ['CMD', 'CMD-SHELL'] } },
    interval: duration,
    timeout: duration,
    start_period: duration,
    retries: { type: 'integer', minimum: 1 },
  },
  ...['test', 'interval', 'timeout', 'start_period', 'retries'],
);

const logging = object(
  {
    driver: { enum: ['json-file', 'local'] },
    options: object(
      { 'max-size': { type: 'string', pattern: '^[0-9]+[kmg]$' }, 'max-file': text },
      'max-size',
      'max-file',
    ),
  },
  'driver',
  'options',
);

const condition = { enum: ['service_started', 'service_healthy', 'service_completed_successfully'] } as const;

const service = object(
  {
    image: text,
    build: text,
    command: texts,
    entrypoint: texts,
    environment: variables,
    secrets: texts,
    volumes: { type: 'array', items: { type: 'string', pattern: '^[^:]+:/[^:]+(:ro)?$' } },
    networks: texts,
    ports: { type: 'array', items: { type: 'string', pattern: '^[^ ]+:[0-9]+:[0-9]+$' } },
    depends_on: mapOf(object({ condition }, 'condition')),
    healthcheck,
    logging,
    restart: { type: 'string', pattern: '^(no|always|unless-stopped|on-failure(:[0-9]+)?)$' },
    init: { type: 'boolean' },
    read_only: { type: 'boolean' },
    tmpfs: texts,
    cap_drop: texts,
    security_opt: texts,
    shm_size: { type: 'string', pattern: '^[0-9]+[kmg]$' },
    stop_grace_period: duration,
  },
  ...['image', 'restart', 'logging'],
);

export const COMPOSE_SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]*$' },
    services: mapOf(service),
    networks: mapOf(object({ internal: { type: 'boolean' } })),
    volumes: mapOf(object({})),
    secrets: mapOf(object({ file: text }, 'file')),
  },
  patternProperties: { '^x-': {} },
  required: ['name', 'services', 'volumes', 'secrets'],
  additionalProperties: false,
} as const;
