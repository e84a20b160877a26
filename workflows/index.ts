/** Every workflow type that Berth's orchestrator runs; the function's name is the type's name. */
export { dispatcher } from './dispatcher.js';
export { githubJob } from './github-job.js';
export { hostWatch } from './host-watch.js';
export { reconcile } from './reconcile.js';
export { limits } from './limits.js';
export { runner } from './runner.js';
export { templatePull } from './template-pull.js';
