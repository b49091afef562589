import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { VideoFileError } from '../../src/errors.ts';
import type { RgbaImage } from '../../src/types.ts';
import { runFfmpeg } from '../../src/video-files/ffmpeg.ts';
import { chooseFrameRate, probeVideo, readProbe } from '../../src/video-files/probe-video.ts';
import { readVideo } from '../../src/video-files/read-video.ts';
import type { VideoFrame } from '../../src/video-files/video-frame.ts';
import { writeVideo } from '../../src/video-files/write-video.ts';
import { describeWithFfmpeg } from '../support/ffmpeg.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

/** Levels by which a video's colours may differ from what was drawn, on the mean; 3 was measured, and 20 with wrong colours. */
const COLOUR_MEAN_ABS = 6;

test('chooseFrameRate takes the rate that frames keep', () => {
  expect(chooseFrameRate('30000/1001', '30000/1001')).toBe('30000/1001');
  expect(chooseFrameRate('25/1', '249999/10000')).toBe('25/1');
  // Interlaced, and irregular.
  expect(chooseFrameRate('50/1', '25/1')).toBe('25000/1000');
  expect(chooseFrameRate('90000/1', '2997/125')).toBe('23976/1000');
  expect(chooseFrameRate('24/1', '0/0')).toBe('24/1');
  expect(chooseFrameRate('0/0', '0/0')).toBe('25/1');
});

describe('readProbe', () => {
  const probe = (rates: { r_frame_rate: string; avg_frame_rate: string }, times: readonly (number | string)[]) =>
    readProbe('a.webm', {
      packets: times.map((time) => ({ stream_index: 1, pts_time: String(time) })),
      streams: [
        { index: 0, codec_type: 'audio', codec_name: 'opus' },
        { index: 1, codec_type: 'video', duration: '10', ...rates },
      ],
    });
  const twice = (rate: string) => ({ r_frame_rate: rate, avg_frame_rate: rate });
  const every = (step: number, jitter = 0) =>
    Array.from({ length: 100 }, (_, i) => Math.round(1000 * (i * step + (i % 3) * jitter)) / 1000);

  test('a rate that is kept, out of order and rounded to milliseconds', () => {
    const times = every(1 / 30);
    [times[3], times[4], times[98]] = [times[4] ?? 0, times[3] ?? 0, times[99] ?? 0];
    expect(probe(twice('30/1'), times)).toEqual({
      frameRate: '30/1',
      framesPerSecond: 30,
      isRegular: true,
      frameCount: 300,
      firstFrameMs: 0,
      isTurned: false,
      audioCodec: 'opus',
    });
  });

  test('a rate that is not kept', () => {
    expect(probe(twice('30/1'), every(1 / 30, 0.01))).toMatchObject({ frameRate: '30/1', isRegular: false });
    expect(probe({ r_frame_rate: '90000/1', avg_frame_rate: '24/1' }, every(1 / 24))).toMatchObject({
      frameRate: '24000/1000',
      isRegular: false,
    });
  });

  test('the unit of times instead of a rate, as in the recordings of browsers', () => {
    const expected = { frameRate: expect.stringMatching(/^(29|30)\d{3}\/1000$/), frameCount: expect.any(Number) };
    expect(probe(twice('1000/1'), every(1 / 30, 0.004))).toMatchObject(expected);
    expect(probe({ r_frame_rate: '1000/1', avg_frame_rate: '0/0' }, every(1 / 30))).toMatchObject(expected);
  });

  test('no times at all', () => {
    expect(probe(twice('25/1'), ['N/A', 'N/A'])).toMatchObject({ frameRate: '25/1', isRegular: true });
    expect(probe(twice('25/1'), [])).toMatchObject({ frameRate: '25/1', isRegular: true });
  });
});

describeWithFfmpeg('video files', () => {
  test('what ffmpeg says of a full disk is said in words', async () => {
    // A device that is always full; other systems than Linux may not have it.
    if (!existsSync('/dev/full')) return;
    const input = ['-f', 'lavfi', '-i', 'testsrc=duration=1'];
    await expect(runFfmpeg('ffmpeg', [...input, '-f', 'matroska', '-y', '/dev/full'], 'a.mkv')).rejects.toThrow(
      'a.mkv: the disk is full',
    );
  });

  const inFolder = useTemporaryFolder();

  /** Makes a film of a test pattern by ffmpeg. */
  function makeFilm(name: string, args: readonly string[]): string {
    const path = inFolder(name);
    const { status, stderr } = spawnSync('ffmpeg', ['-v', 'error', '-y', ...args, path], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return path;
  }
  const pattern = (size: string, rate: string | number, frames: number): string[] => [
    ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}`, '-frames:v', String(frames), '-pix_fmt', 'yuv420p'],
  ];

  let film: string;
  let filmWithSound: string;
  beforeAll(() => {
    film = makeFilm('film.mp4', pattern('96x64', 25, 20));
    filmWithSound = makeFilm('sound.mp4', [
      ...['-f', 'lavfi', '-i', 'testsrc2=size=96x64:rate=25:duration=2', '-f', 'lavfi', '-i', 'sine=duration=2'],
      ...['-pix_fmt', 'yuv420p', '-c:a', 'aac'],
    ]);
  });

  async function readAll(path: string, options: Parameters<typeof readVideo>[1] = {}): Promise<VideoFrame[]> {
    const frames: VideoFrame[] = [];
    for await (const frame of (await readVideo(path, options)).frames()) frames.push(frame);
    return frames;
  }

  /** A frame in one colour. */
  function plain(width: number, height: number, colour: readonly [number, number, number]): RgbaImage {
    const data = new Uint8Array(width * height * 4);
    for (let i = 0; i < data.length; i += 4) data.set([...colour, 255], i);
    return { data, width, height };
  }

  async function write(path: string, images: readonly RgbaImage[], options = {}): Promise<void> {
    const sink = writeVideo(path, { frameRate: 25, ...options });
    for (const image of images) await sink.write(image);
    await sink.finish();
  }

  const streamsOf = (path: string): { codec_type: string; codec_name: string; duration: string; nb_frames: string }[] =>
    JSON.parse(spawnSync('ffprobe', ['-v', 'error', '-show_streams', '-of', 'json', path], { encoding: 'utf8' }).stdout)
      .streams;

  describe('readVideo', () => {
    test('gives every frame, with its time', async () => {
      const source = await readVideo(film);
      expect(source).toMatchObject({ frameRate: 25, exactFrameRate: '25/1', frameCount: 20, hasAudio: false });
      const frames = await readAll(film);
      expect(frames.map(({ index, timeMs }) => [index, timeMs])).toEqual(
        Array.from({ length: 20 }, (_, i) => [i, 40 * i]),
      );
      expect(frames.every(({ image }) => image.width === 96 && image.height === 64)).toBe(true);
    });

    test('frames that come irregularly are given once each, with their own times', async () => {
      const times = Array.from({ length: 21 }, (_, i) => 20 * (3 * i + (i % 3)));
      const irregular = makeFilm('irregular.mp4', [
        ...['-f', 'lavfi', '-i', 'testsrc2=size=96x64:rate=25', '-frames:v', '21', '-pix_fmt', 'yuv420p'],
        ...[
          '-vf',
          "settb=1/1000,setpts='60*N+20*mod(N,3)'",
          '-vsync',
          'passthrough',
          '-enc_time_base',
          '1/1000',
          '-qp',
          '0',
        ],
      ]);
      const source = await readVideo(irregular);
      expect(source.isRegular).toBe(false);
      expect(source.frameRate).toBeCloseTo(1000 / 60, 0);
      const frames = await readAll(irregular);
      expect(frames.map(({ index, timeMs }) => [index, timeMs])).toEqual(times.map((time, i) => [i, time]));
      // The same pictures as those of the regular film, each its own.
      const regular = makeFilm('regular.mp4', [...pattern('96x64', 25, 21), '-qp', '0']);
      expect((await readVideo(regular)).isRegular).toBe(true);
      for (const [i, { image }] of (await readAll(regular)).entries()) {
        expect(Buffer.from(image.data).equals(Buffer.from(frames[i]?.image.data ?? []))).toBe(true);
      }
      // Matroska has no rate: what ffprobe says is a guess.
      const copied = makeFilm('irregular.mkv', ['-i', irregular, '-c', 'copy']);
      expect((await readAll(copied)).map(({ timeMs }) => timeMs)).toEqual(times);
      const part = await readAll(irregular, { start: 4, end: 6 });
      expect(part.map(({ index, timeMs }) => [index, timeMs])).toEqual([4, 5, 6].map((i) => [i, times[i]]));
      expect(Buffer.from(part[0]?.image.data ?? []).equals(Buffer.from(frames[4]?.image.data ?? [0]))).toBe(true);
    });

    test('times of a long irregular film are exact', async () => {
      const late = makeFilm('late.mp4', [
        ...['-f', 'lavfi', '-i', 'testsrc2=size=32x32:rate=25', '-frames:v', '4', '-pix_fmt', 'yuv420p'],
        ...['-vf', "setpts='if(N,12345.68/TB,0)+(N*N)/25/TB'", '-vsync', 'passthrough', '-enc_time_base', '1/1000'],
      ]);
      expect((await readAll(late)).map(({ timeMs }) => timeMs)).toEqual([0, 12_345_720, 12_345_840, 12_346_040]);
    });

    test('a range is those frames of the whole', async () => {
      const all = await readAll(film);
      const part = await readAll(film, { start: 7, end: 9 });
      expect(part.map(({ index }) => index)).toEqual([7, 8, 9]);
      for (const { index, image } of part)
        expect(Buffer.from(image.data).equals(Buffer.from(all[index]?.image.data ?? []))).toBe(true);
      expect((await readAll(film, { start: 18, end: 99 })).map(({ index }) => index)).toEqual([18, 19]);
      expect(await readAll(film, { start: 20 })).toEqual([]);
      await expect(readVideo(film, { start: 3, end: 2 })).rejects.toThrow(RangeError);
    });

    test('turns a phone video upright', async () => {
      const turned = inFolder('turned.mov');
      const { status } = spawnSync('ffmpeg', [
        '-v',
        'error',
        '-i',
        film,
        '-c',
        'copy',
        '-metadata:s:v',
        'rotate=90',
        turned,
      ]);
      expect(status).toBe(0);
      const [first] = await readAll(turned, { end: 0 });
      expect([first?.image.width, first?.image.height]).toEqual([64, 96]);
    });

    test('makes pixels square', async () => {
      const squeezed = makeFilm('squeezed.mp4', [...pattern('96x64', 25, 2), '-vf', 'setsar=4/3']);
      const [first] = await readAll(squeezed);
      expect([first?.image.width, first?.image.height]).toEqual([128, 64]);
    });

    test('keeps odd rates', async () => {
      const source = await readVideo(makeFilm('ntsc.mp4', pattern('32x32', '30000/1001', 5)));
      expect(source.exactFrameRate).toBe('30000/1001');
      expect(source.frameRate).toBeCloseTo(29.97, 2);
    });

    test('leaving the loop ends ffmpeg', async () => {
      const long = makeFilm('long.mp4', pattern('320x240', 25, 200));
      for await (const { index } of (await readVideo(long)).frames()) if (index === 3) break;
      // Nothing is left that would keep the process, or this test, alive; the whole is still readable.
      expect(await readAll(long, { end: 1 })).toHaveLength(2);
    });

    test('a signal ends the reading with its reason', async () => {
      const controller = new AbortController();
      const source = await readVideo(film, { signal: controller.signal });
      const reading = (async () => {
        for await (const { index } of source.frames()) if (index === 2) controller.abort(new Error('enough'));
      })();
      await expect(reading).rejects.toThrow('enough');
    });

    test('says in one line what is wrong with a file', async () => {
      const text = inFolder('text.mp4');
      await writeFile(text, 'this is no video\n'.repeat(100));
      const empty = inFolder('empty.mp4');
      await writeFile(empty, '');
      const song = makeFilm('song.wav', ['-f', 'lavfi', '-i', 'sine=duration=1']);
      const cut = inFolder('cut.mp4');
      await copyFile(film, cut);
      await truncate(cut, 1000);
      for (const [path, words] of [
        [inFolder('nowhere.mp4'), 'no such file'],
        [inFolder(), 'this is a folder'],
        [song, 'there is no video in this file'],
        [text, 'the file is not a video or is truncated'],
        [empty, 'the file is not a video or is truncated'],
        [cut, 'moov atom not found'],
      ] as const) {
        const error = await readVideo(path).catch((caught: unknown) => caught);
        if (!(error instanceof VideoFileError)) throw new Error(`${path}: ${String(error)}`);
        expect(error.message).toMatch(words);
        expect(error.message).not.toMatch(/\n|0x[0-9a-f]{6}/);
        expect(error.path).toBe(path);
      }
    });

    test('a film that is cut short in the middle fails, and does not end early', async () => {
      // The index comes first, so that the beginning can be played.
      const whole = makeFilm('streamable.mp4', [...pattern('160x120', 25, 100), '-movflags', '+faststart']);
      const { length } = await readFile(whole);
      await truncate(whole, Math.round(length * 0.6));
      await expect(readAll(whole)).rejects.toThrow(VideoFileError);
    });

    test('says how to get ffmpeg where it is missing', async () => {
      await expect(readVideo(film, { ffmpegFolder: inFolder('no-programs') })).rejects.toThrow(
        /ffprobe is required for videos but was not found/,
      );
    });
  });

  describe('writeVideo', () => {
    const colours = [
      [200, 30, 40],
      [20, 180, 60],
      [40, 60, 210],
      [128, 128, 128],
    ] as const;

    test.each(['mp4', 'mov', 'mkv', 'webm'])(
      'writes %s with the colours and the frames that it was given',
      async (ending) => {
        const path = inFolder('made', `colours.${ending}`);
        await write(
          path,
          colours.map((colour) => plain(64, 48, colour)),
        );
        const frames = await readAll(path);
        expect(frames).toHaveLength(colours.length);
        for (const [i, { image }] of frames.entries()) {
          for (let channel = 0; channel < 3; channel++) {
            let sum = 0;
            for (let at = channel; at < image.data.length; at += 4) sum += image.data[at];
            expect(Math.abs(sum / (64 * 48) - (colours[i]?.[channel] ?? 0))).toBeLessThan(COLOUR_MEAN_ABS);
          }
        }
        expect((await readdir(inFolder('made'))).filter((name) => name.includes('tmp'))).toEqual([]);
      },
    );

    test('writes odd sizes and animated pictures', async () => {
      await write(inFolder('odd.mp4'), [plain(33, 17, [9, 99, 199])]);
      expect((await readAll(inFolder('odd.mp4')))[0]?.image).toMatchObject({ width: 34, height: 18 });
      await write(inFolder('small.gif'), [plain(33, 17, [9, 99, 199]), plain(33, 17, [99, 9, 199])]);
      expect((await readAll(inFolder('small.gif')))[0]?.image).toMatchObject({ width: 33, height: 17 });
    });

    test('repeats frames and leaves some out where they come irregularly', async () => {
      const path = inFolder('irregular.mkv');
      const sink = writeVideo(path, { frameRate: 25 });
      const [red, green, blue, grey] = colours;
      const image = plain(64, 48, red);
      // Shown from 100 ms on: red, green for 4 frames, grey; blue is over before its frame begins.
      for (const [colour, timeMs] of [
        [red, 100],
        [green, 141],
        [blue, 299],
        [grey, 301],
      ] as const) {
        image.data.set(plain(64, 48, colour).data);
        await sink.write(image, timeMs);
      }
      await sink.finish();
      const frames = await readAll(path);
      const nearest = frames.map(({ image: { data } }) =>
        colours.findIndex((colour) => colour.every((value, i) => Math.abs(value - (data[i] ?? 0)) < 20)),
      );
      expect(nearest).toEqual([0, 1, 1, 1, 1, 2]);
    });

    test('keeps an exact rate', async () => {
      await write(inFolder('rate.mp4'), [plain(32, 32, [0, 0, 0]), plain(32, 32, [9, 9, 9])], {
        frameRate: '30000/1001',
      });
      expect((await probeVideo(inFolder('rate.mp4'))).frameRate).toBe('30000/1001');
    });

    test('keeps the sound, as long as there are frames', async () => {
      const images = Array.from({ length: 25 }, () => plain(32, 32, [50, 60, 70]));
      await write(inFolder('kept.mp4'), images, { audio: { path: filmWithSound, startMs: 400 } });
      const [picture, sound] = streamsOf(inFolder('kept.mp4'));
      expect([picture?.codec_name, picture?.nb_frames, sound?.codec_name]).toEqual(['h264', '25', 'aac']);
      expect(Math.abs(Number(sound?.duration) - 1)).toBeLessThan(0.06);
      // Where it cannot be copied it is encoded anew.
      await write(inFolder('kept.webm'), images, { audio: { path: filmWithSound, startMs: 0 } });
      expect(streamsOf(inFolder('kept.webm')).map(({ codec_name }) => codec_name)).toEqual(['vp9', 'opus']);
    });

    test('a sound that is shorter than the frames does not cut them', async () => {
      const images = Array.from({ length: 75 }, () => plain(32, 32, [50, 60, 70]));
      await write(inFolder('longer.mp4'), images, { audio: { path: filmWithSound, startMs: 0 } });
      expect(streamsOf(inFolder('longer.mp4'))[0]?.nb_frames).toBe('75');
    });

    test('nothing is left of a video that is given up, and the old one stays', async () => {
      await mkdir(inFolder('kept'));
      await writeFile(inFolder('kept', 'old.mp4'), 'old');
      const sink = writeVideo(inFolder('kept', 'old.mp4'), { frameRate: 25 });
      await sink.write(plain(32, 32, [1, 2, 3]));
      await sink.abort();
      await sink.abort();
      expect(await readdir(inFolder('kept'))).toEqual(['old.mp4']);
      expect(await readFile(inFolder('kept', 'old.mp4'), 'utf8')).toBe('old');
      await expect(sink.write(plain(32, 32, [1, 2, 3]))).rejects.toThrow('closed');
    });

    test('says in one line what is wrong', async () => {
      await mkdir(inFolder('wrong'));
      const image = plain(32, 32, [1, 2, 3]);
      await expect(write(inFolder('wrong', 'a.xyz'), [image, image])).rejects.toThrow(
        /a\.xyz: ffmpeg: .*(suitable output format|Invalid argument)/,
      );
      await expect(write(inFolder('wrong', 'a.mp4'), [])).rejects.toThrow('there are no frames to write');
      await expect(write(inFolder('film.mp4', 'below-a-file.mp4'), [image])).rejects.toThrow(VideoFileError);
      await expect(write(inFolder('wrong', 'a.mp4'), [image], { ffmpegFolder: inFolder('none') })).rejects.toThrow(
        'ffmpeg is required for videos',
      );
      const sink = writeVideo(inFolder('wrong', 'b.mp4'), { frameRate: 25 });
      await sink.write(image);
      await expect(sink.write(plain(64, 32, [1, 2, 3]))).rejects.toThrow('expected 32x32 px as before, got 64x32');
      await sink.abort();
      const error = await write(inFolder('wrong', 'a.xyz'), [image]).catch((caught: Error) => caught);
      expect(String(error)).not.toMatch(/\n|tmp\.|0x[0-9a-f]{6}/);
      expect(await readdir(inFolder('wrong'))).toEqual([]);
    });

    test('the frame may be changed once it is taken', async () => {
      const image = plain(256, 256, [250, 250, 250]);
      const sink = writeVideo(inFolder('reused.mkv'), { frameRate: 25 });
      await sink.write(image);
      image.data.fill(0);
      await sink.finish();
      const [first] = await readAll(inFolder('reused.mkv'));
      expect(first?.image.data[0]).toBeGreaterThan(240);
    });
  });
});
