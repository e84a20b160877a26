/** What an agent says of its host that its config says. */

import { expect, it } from 'vitest';
import { whyNonsense } from '../../placement/report-check.js';
import { createRig } from './rig.js';

it.each([
  ['the labels of its config, as written', ['iPhone', 'signing'], { labels: ['iPhone', 'signing'] }],
  ['nothing of labels where its config has none', [], {}],
])('it says %s', async (_, labels, expected) => {
  const rig = await createRig({ labels });
  try {
    const report = await rig.agent.report();
    expect('labels' in report ? { labels: report.labels } : {}).toEqual(expected);
    expect(whyNonsense(report)).toBeUndefined();
  } finally {
    await rig.close();
  }
});
