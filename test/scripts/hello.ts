/** A program for the test of the cache of bundles. */
process.stdout.write('hello\n')
