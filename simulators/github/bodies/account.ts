/** Users, organisations and repositories, with every field that GitHub's own bodies have. */

import { hashText } from '../random.js';
import { isoSeconds, nodeId } from './urls.js';
import type { Origin } from './urls.js';

export type AccountType = 'Organization' | 'User';

/** A number that is always the same for the same name. */
export const accountId = (login: string): number => 1 + (hashText(login.toLowerCase()) >>> 4);
export const repoId = (owner: string, repo: string): number => accountId(`${owner}/${repo}`);

/** Long ago, and always the same: nothing reads it. */
const CREATED_AT = Date.UTC(2021, 5, 11, 13, 29, 13);

export function userBody(origin: Origin, login: string, type: AccountType) {
  const id = accountId(login);
  const url = `${origin.api}/users/${login}`;
  return {
    login,
    id,
    node_id: nodeId(type, id),
    avatar_url: `${origin.web}/avatars/u/${id}?v=4`,
    gravatar_id: '',
    url,
    html_url: `${origin.web}/${login}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type,
    site_admin: false,
  };
}

export function organizationBody(origin: Origin, login: string) {
  const id = accountId(login);
  const url = `${origin.api}/orgs/${login}`;
  return {
    login,
    id,
    node_id: nodeId('Organization', id),
    url,
    repos_url: `${url}/repos`,
    events_url: `${url}/events`,
    hooks_url: `${url}/hooks`,
    issues_url: `${url}/issues`,
    members_url: `${url}/members{/member}`,
    public_members_url: `${url}/public_members{/member}`,
    avatar_url: `${origin.web}/avatars/u/${id}?v=4`,
    description: '',
  };
}

/** The URL fields of a repository that are its own URL with an ending. */
const ENDINGS: Readonly<Record<string, string>> = {
  forks_url: '/forks',
  keys_url: '/keys{/key_id}',
  collaborators_url: '/collaborators{/collaborator}',
  teams_url: '/teams',
  hooks_url: '/hooks',
  issue_events_url: '/issues/events{/number}',
  events_url: '/events',
  assignees_url: '/assignees{/user}',
  branches_url: '/branches{/branch}',
  tags_url: '/tags',
  blobs_url: '/git/blobs{/sha}',
  git_tags_url: '/git/tags{/sha}',
  git_refs_url: '/git/refs{/sha}',
  trees_url: '/git/trees{/sha}',
  statuses_url: '/statuses/{sha}',
  languages_url: '/languages',
  stargazers_url: '/stargazers',
  contributors_url: '/contributors',
  subscribers_url: '/subscribers',
  subscription_url: '/subscription',
  commits_url: '/commits{/sha}',
  git_commits_url: '/git/commits{/sha}',
  comments_url: '/comments{/number}',
  issue_comment_url: '/issues/comments{/number}',
  contents_url: '/contents/{+path}',
  compare_url: '/compare/{base}...{head}',
  merges_url: '/merges',
  archive_url: '/{archive_format}{/ref}',
  downloads_url: '/downloads',
  issues_url: '/issues{/number}',
  pulls_url: '/pulls{/number}',
  milestones_url: '/milestones{/number}',
  notifications_url: '/notifications{?since,all,participating}',
  labels_url: '/labels{/name}',
  releases_url: '/releases{/id}',
  deployments_url: '/deployments',
};

export interface RepoFacts {
  readonly owner: string;
  readonly ownerType: AccountType;
  readonly repo: string;
  readonly isPublic: boolean;
}

export function repositoryBody(origin: Origin, facts: RepoFacts) {
  const { owner, repo } = facts;
  const id = repoId(owner, repo);
  const url = `${origin.api}/repos/${owner}/${repo}`;
  const html = `${origin.web}/${owner}/${repo}`;
  const links = Object.fromEntries(Object.entries(ENDINGS).map(([name, ending]) => [name, url + ending]));
  return {
    id,
    node_id: nodeId('Repository', id),
    name: repo,
    full_name: `${owner}/${repo}`,
    private: !facts.isPublic,
    owner: userBody(origin, owner, facts.ownerType),
    html_url: html,
    description: null,
    fork: false,
    url,
    ...links,
    created_at: isoSeconds(CREATED_AT),
    updated_at: isoSeconds(CREATED_AT),
    pushed_at: isoSeconds(CREATED_AT),
    ...cloneUrls(html),
    ...repositorySettings(facts.isPublic),
  };
}

function cloneUrls(html: string) {
  const { host, pathname } = new URL(html);
  return {
    git_url: `git://${host}${pathname}.git`,
    ssh_url: `git@${host}:${pathname.slice(1)}.git`,
    clone_url: `${html}.git`,
    svn_url: html,
    homepage: null,
  };
}

function repositorySettings(isPublic: boolean) {
  return {
    size: 1,
    stargazers_count: 0,
    watchers_count: 0,
    language: null,
    has_issues: true,
    has_projects: true,
    has_downloads: true,
    has_wiki: true,
    has_pages: false,
    has_discussions: false,
    forks_count: 0,
    mirror_url: null,
    archived: false,
    disabled: false,
    open_issues_count: 0,
    license: null,
    allow_forking: true,
    is_template: false,
    web_commit_signoff_required: false,
    topics: [],
    visibility: isPublic ? 'public' : 'private',
    forks: 0,
    open_issues: 0,
    watchers: 0,
    default_branch: 'main',
    custom_properties: {},
  };
}
