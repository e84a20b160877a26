'use strict';
/**
 * With the codec, messages and stack traces of failures are payloads, too, and so encrypted. CommonJS, because the SDK
 * loads it by `require`. Also part of a workflow bundle (scripts/build.ts).
 */
const { DefaultFailureConverter } = require('@temporalio/common');

const HIDDEN = 'Encoded failure';

class EncodedFailureConverter extends DefaultFailureConverter {
  constructor() {
    super({ encodeCommonAttributes: true });
  }

  /** A failure that came from elsewhere and is passed on has been decoded, causes included: they are encoded again. */
  errorToFailure(error, payloadConverter, context) {
    const failure = super.errorToFailure(error, payloadConverter, context);
    for (let cause = failure.cause; cause; cause = cause.cause) {
      if (cause.message === HIDDEN) continue;
      const attributes = { message: cause.message, stack_trace: cause.stackTrace };
      cause.encodedAttributes = payloadConverter.toPayload(attributes, context);
      cause.message = HIDDEN;
      cause.stackTrace = '';
    }
    return failure;
  }
}

exports.failureConverter = new EncodedFailureConverter();
