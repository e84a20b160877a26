/** `condition` of the workflow SDK on the test's clock: looks every `everyMs`, for there is no sandbox to look after each step. */
export const polledCondition =
  (everyMs: number) =>
  (isSo: () => boolean, timeoutMs?: number): Promise<boolean> =>
    new Promise((resolve) => {
      const end = (answer: boolean): void => {
        clearInterval(poll);
        clearTimeout(timer);
        resolve(answer);
      };
      const poll = setInterval(() => isSo() && end(true), everyMs);
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => end(isSo()), timeoutMs);
      if (isSo()) end(true);
    });
