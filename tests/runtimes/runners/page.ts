/**
 * Puts the suite into a page, for the browser's driver to call.
 *
 * @module
 */
import { library } from "../library.ts";
import { runSuite, type SuiteResult } from "../suite.ts";

// As in Safari, whose streams can't be iterated.
for (const name of ["values", Symbol.asyncIterator]) Reflect.deleteProperty(ReadableStream.prototype, name);
Reflect.deleteProperty(ReadableStream, "from");

Object.assign(globalThis, {
  runtimeSuite: (endpoint: string, runtime: string, filter: string): Promise<SuiteResult[]> =>
    runSuite({ library, endpoint, runtime, filter }),
});
