/** What starts a `githubJob` workflow. The job itself comes in its events. Plain JSON, no secrets. */
export interface JobInput {
  /** The web host of GitHub, `github.com` or a GHES name: part of the workflow's id. */
  readonly githubHost: string;
  readonly pool: string;
  readonly namePrefix: string;
  readonly jobId: number;
  /** `ours`: needs a runner; `foreign`: runs on one of ours without being ours; `wrong`: can never run. */
  readonly verdict: 'ours' | 'foreign' | 'wrong';
  /** Why it is wrong, in words. */
  readonly reason: string | null;
  readonly template: string | null;
  readonly tag: string | null;
  /** As written in the workflow file, each once. */
  readonly labels: readonly string[];
  /** An earlier run of this workflow is closed: ask GitHub before anything is made. */
  readonly recheck: boolean;
  /** Whether the namespace knows Berth's search attributes. */
  readonly searchAttributes: boolean;
  /** Search attributes are never encrypted: with a payload codec those with names of repositories are left out. */
  readonly hidesNames?: boolean;
  /** How long it waits for a host that is large enough before it is given up (milliseconds); absent: 10 minutes. */
  readonly unplaceableAfterMs?: number;
  /** Nothing is made for it before GitHub has said that its run is no pull request of a fork. */
  readonly refusesForks?: boolean;
}
