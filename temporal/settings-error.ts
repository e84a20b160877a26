/** The connection's settings cannot be used: trying again would not help. Never holds a secret. */
export class TemporalSettingsError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TemporalSettingsError';
  }
}
