import tseslint from 'typescript-eslint';

/** Which folders a folder may import from. Imports point inwards: workflows know jobs and placement only. */
const LAYERS = {
  jobs: [],
  placement: ['jobs', 'activities/contracts'],
  workflows: ['jobs', 'placement', 'activities/contracts'],
  secrets: ['jobs', 'activities/contracts'],
  providers: ['jobs'],
  github: ['jobs', 'activities/contracts'],
  agent: ['jobs', 'placement', 'providers', 'secrets', 'activities/contracts'],
  activities: ['jobs', 'providers', 'github', 'agent', 'secrets'],
  temporal: ['jobs', 'logging'],
  logging: [],
  config: ['jobs'],
  metrics: ['jobs'],
};

const TOP = [
  ...['jobs', 'placement', 'workflows', 'secrets', 'providers', 'github', 'agent', 'activities', 'temporal', 'logging'],
  ...['config', 'metrics', 'receiver', 'workers', 'cli', 'simulators', 'bench', 'scripts', 'test'],
];

const escape = (text) => text.replaceAll('/', '\\/');

function layerRule(folder, allowed) {
  const others = TOP.filter((top) => top !== folder && !allowed.includes(top));
  const patterns = others.map((top) => {
    const exceptions = allowed
      .filter((entry) => entry.startsWith(`${top}/`))
      .map((entry) => `(?!${escape(entry)}\\.js$)`);
    return { regex: `^(\\.\\.\\/)+${exceptions.join('')}${top}\\/`, message: `${folder}/ must not import ${top}/` };
  });
  return {
    files: [`${folder}/**/*.ts`],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
  };
}

export default tseslint.config(
  { ignores: ['dist', 'node_modules', '**/*.mjs', '**/*.cjs', 'bin', 'eslint.config.js'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      eqeqeq: ['error', 'smart'],
    },
  },
  ...Object.entries(LAYERS).map(([folder, allowed]) => layerRule(folder, allowed)),
  {
    // Deterministic: no I/O, no clock but Temporal's, no environment.
    files: ['workflows/**/*.ts', 'jobs/**/*.ts', 'placement/**/*.ts'],
    rules: { 'no-restricted-globals': ['error', 'process', 'fetch', 'Buffer', 'setInterval', 'require'] },
  },
  {
    files: ['agent/**/*.ts', 'providers/**/*.ts', 'workers/host*.ts', 'temporal/soon.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'It jumps: performance.now() for durations.' },
      ],
    },
  },
  { files: ['test/**/*.ts'], rules: { 'max-lines': 'off' } },
);
