import type { CodecConfig, TemporalConfig, TlsConfig } from './types.js';

/** What connecting needs: the shape of `temporal/connect.ts`, which is further out and so not known here. */
export interface ConnectSettings {
  readonly address: string;
  readonly namespace: string;
  readonly apiKey?: string;
  readonly tls: boolean | TlsConfig;
  readonly codec?: CodecConfig;
}

/** The settings with the API key in clear: not to be kept or logged. */
export function temporalSettings({ address, namespace, apiKey, tls, codec }: TemporalConfig): ConnectSettings {
  const key = apiKey === null ? {} : { apiKey: apiKey.reveal() };
  const isBare = tls !== false && Object.keys(tls).length === 0;
  return { address, namespace, ...key, tls: isBare ? true : tls, ...(codec !== null && { codec }) };
}
