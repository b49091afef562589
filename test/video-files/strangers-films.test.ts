import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { copyFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { exifOf } from '../../development/formats/new-variant.ts';
import { withPngChunk } from '../../development/formats/png-chunk.ts';
import { ImageDecodeError, TddfaError, VideoFileError } from '../../src/errors.ts';
import { animationFormat } from '../../src/image-files/animation-format.ts';
import { readImage } from '../../src/image-files/read-image.ts';
import { turnUpright } from '../../src/image-files/turn-upright.ts';
import type { RgbaImage } from '../../src/types.ts';
import { probeVideo } from '../../src/video-files/probe-video.ts';
import { readAnimatedWebp } from '../../src/video-files/read-animated-webp.ts';
import { readVideo } from '../../src/video-files/read-video.ts';
import { writeVideo } from '../../src/video-files/write-video.ts';
import { describeWithFfmpeg } from '../support/ffmpeg.ts';
import { describeWithShared, sharedPath } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

/** As wished: how far a flash and its beep may be apart. */
const SYNC_SECONDS = 0.04;

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
const ffmpeg = (...args: string[]): string => run('ffmpeg', '-v', 'error', '-y', ...args);

/** A WebP with VP8X, whose first flags are at byte 20, and EXIF of orientation 6 at its end. */
function withWebpExif(bytes: Buffer): Buffer {
  const exif = exifOf(6);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(exif.length);
  const changed = Buffer.concat([bytes, Buffer.from('EXIF', 'latin1'), length, exif]);
  changed[20] = (changed[20] ?? 0) | 8;
  changed.writeUInt32LE(changed.length - 8, 4);
  return changed;
}

async function readTimes(path: string, options: Parameters<typeof readVideo>[1] = {}): Promise<number[]> {
  const times: number[] = [];
  for await (const { timeMs } of (await readVideo(path, options)).frames()) times.push(timeMs);
  return times;
}

describeWithFfmpeg('films from strangers', () => {
  const inFolder = useTemporaryFolder();
  const requests: string[] = [];
  let server: Server;
  let address: string;

  beforeAll(async () => {
    server = createServer((request, response) => {
      requests.push(request.url ?? '');
      response.end('nothing');
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    // What must not be read: it would be a film of its own.
    ffmpeg(
      '-f',
      'lavfi',
      '-i',
      'color=red:size=64x48:rate=25:duration=1',
      '-pix_fmt',
      'yuv420p',
      inFolder('marker.mp4'),
    );
    await copyFile(inFolder('marker.mp4'), inFolder('marker.ts'));
  });
  afterAll(() => {
    server.close();
  });

  /** Texts that name the marker, and the listener, in every way that ffmpeg knows. */
  const texts = (target: string): readonly (readonly [name: string, text: string])[] => [
    ['hls', `#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n${target}\n#EXT-X-ENDLIST\n`],
    ['hls-bom', `\ufeff#EXTM3U\n#EXTINF:5,\n${target}\n#EXT-X-ENDLIST\n`],
    ['hls-key', `#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="${target}"\n#EXTINF:5,\n${target}\n`],
    ['m3u8-master', `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${target}\n`],
    ['ffconcat', `ffconcat version 1.0\nfile '${target}'\n`],
    ['ffconcat-unsafe', `ffconcat version 1.0\nfile '${target}'\nduration 1\n`],
    ['concat-list', `file '${target}'\n`],
    ['dash', `<?xml version="1.0"?><MPD><Period><BaseURL>${target}</BaseURL></Period></MPD>`],
    [
      'mpd',
      `<MPD type="static"><Period><AdaptationSet><Representation><BaseURL>${target}</BaseURL></Representation></AdaptationSet></Period></MPD>`,
    ],
    [
      'svg',
      `<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9"><image xlink:href="${target}" width="9" height="9"/></svg>`,
    ],
    ['pls', `[playlist]\nFile1=${target}\nNumberOfEntries=1\n`],
    ['asx', `<asx version="3.0"><entry><ref href="${target}"/></entry></asx>`],
    ['smil', `<smil><body><video src="${target}"/></body></smil>`],
    ['sdp', `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n`],
    ['address', target],
    ['rtsp-text', `[Reference]\nRef1=${target}\n`],
    ['vpk', `\0${target}`],
  ];

  /** Every hostile file: those texts with a path and an address, under names of films and of their own; and strange names. */
  async function hostileFiles(): Promise<string[]> {
    const paths: string[] = [];
    for (const target of [inFolder('marker.ts'), `http://${address}/film.ts`]) {
      for (const [name, text] of texts(target)) {
        const ending = name.startsWith('hls') || name.startsWith('m3u8') ? 'm3u8' : 'mp4';
        const path = inFolder(`${name}-${paths.length}.${ending}`);
        await writeFile(path, text);
        paths.push(path);
      }
    }
    return paths;
  }

  test('lists, playlists and addresses are refused, and nothing that they name is opened', async () => {
    const paths = [
      ...(await hostileFiles()),
      `concat:${inFolder('marker.ts')}|${inFolder('marker.ts')}`,
      `http://${address}/film.mp4`,
      `https://${address}/film.mp4`,
      `tcp://${address}`,
      `crypto:${inFolder('marker.ts')}`,
      `subfile,,start,0,end,0,,:${inFolder('marker.ts')}`,
      'data:video/mp4;base64,AAAA',
      'pipe:0',
    ];
    expect(paths.length).toBeGreaterThanOrEqual(40);
    for (const path of paths) {
      const error = await readTimes(path).catch((caught: unknown) => caught);
      if (!(error instanceof VideoFileError)) throw new Error(`${path}: ${String(error)}`);
      expect(error.message).not.toContain('\n');
      const asPicture = await readImage(path).catch((caught: unknown) => caught);
      if (!(asPicture instanceof ImageDecodeError)) throw new Error(`${path}: ${String(asPicture)}`);
    }
    expect(requests).toEqual([]);
  });

  test('a playlist in the place of a film says what it is', async () => {
    await writeFile(inFolder('upload.mp4'), '#EXTM3U\n#EXTINF:5,\nmarker.ts\n');
    await expect(readVideo(inFolder('upload.mp4'))).rejects.toThrow(
      'this is an HLS or M3U playlist, not a video; nothing it refers to is opened',
    );
  });

  test('no sound is taken from what a list names either', async () => {
    await writeFile(inFolder('sound.mp4'), `ffconcat version 1.0\nfile marker.mp4\n`);
    const sink = writeVideo(inFolder('out.mp4'), { frameRate: 25, audio: { path: inFolder('sound.mp4') } });
    await sink.write({ width: 16, height: 16, data: new Uint8Array(1024) });
    await expect(sink.finish()).rejects.toThrow(VideoFileError);
  });

  test('a name like an option, a protocol or a pattern is a name', async () => {
    mkdirSync(inFolder('odd'));
    for (const name of ['-i.mp4', 'concat:a.mp4', '%05d.mp4', 'a b\n.mp4', '日本.mp4']) {
      await copyFile(inFolder('marker.mp4'), inFolder('odd', name));
      expect(await readTimes(inFolder('odd', name))).toHaveLength(25);
    }
  });

  test('ffprobe that says nothing sensible is a typed error', async () => {
    mkdirSync(inFolder('bin'));
    for (const answer of ['', '{}', '{"streams": 3}', 'null', '{"streams":[{"codec_type":7}]}']) {
      await writeFile(inFolder('bin', 'ffprobe'), `#!/bin/sh\necho '${answer}'\n`, { mode: 0o755 });
      const probing = probeVideo(inFolder('marker.mp4'), { ffmpegFolder: inFolder('bin') });
      await expect(probing).rejects.toThrow(TddfaError);
    }
  });
});

describeWithFfmpeg('films as they are', () => {
  const inFolder = useTemporaryFolder();
  const counts = (path: string): number =>
    Number(
      run(
        'ffprobe',
        '-v',
        'error',
        '-count_frames',
        '-select_streams',
        'V:0',
        '-show_entries',
        'stream=nb_read_frames',
        '-of',
        'default=nw=1:nk=1',
        path,
      )
        .trim()
        .split('\n')[0],
    );

  const RATES = ['24', '25', '30000/1001', '50', '12'] as const;
  const KINDS: readonly (readonly [ending: string, args: readonly string[]])[] = [
    ['mp4', ['-pix_fmt', 'yuv420p']],
    ['mkv', ['-pix_fmt', 'yuv420p']],
    ['ts', ['-pix_fmt', 'yuv420p', '-c:v', 'libx264']],
    ['avi', ['-pix_fmt', 'yuv420p', '-c:v', 'mpeg4']],
    ['webm', ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8']],
    ['mov', ['-pix_fmt', 'yuv420p', '-bf', '0']],
  ];
  const films = KINDS.flatMap(([ending, args]) =>
    RATES.map((rate) => [`${rate} a second in ${ending}`, ending, rate, args] as const),
  );

  test.each(films)('%s: as many frames as ffprobe counts', async (_, ending, rate, args) => {
    const path = inFolder(`${rate.replace('/', '-')}.${ending}`);
    ffmpeg('-f', 'lavfi', '-i', `testsrc2=size=48x32:rate=${rate}:duration=1.7`, ...args, path);
    expect(await readTimes(path)).toHaveLength(counts(path));
  });

  test.each([
    ['gif', []],
    ['apng', []],
    ['avif', ['-c:v', 'libaom-av1', '-cpu-used', '8', '-pix_fmt', 'yuv420p']],
  ])('an animated %s is a film', async (ending, args) => {
    const path = inFolder(`moving.${ending}`);
    ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=48x32:rate=10:duration=1', ...args, path);
    expect(animationFormat(await readFile(path))).toBe({ gif: 'GIF', apng: 'PNG', avif: 'AVIF' }[ending]);
    expect(await readTimes(path)).toEqual(Array.from({ length: 10 }, (_, i) => 100 * i));
    ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=48x32:rate=10:duration=0.2', ...args, path);
    expect(await readTimes(path)).toEqual([0, 100]);
  });

  test('an animated WebP is a film, each frame with its own time', async () => {
    const path = inFolder('moving.webp');
    const moving = ['-f', 'lavfi', '-i', 'testsrc2=size=48x32:rate=10:duration=1,format=rgb24'];
    ffmpeg(...moving, '-lossless', '1', path);
    const png = (i: number): string => inFolder(`moving-${i}.png`);
    ffmpeg(...moving, inFolder('moving-%d.png'));
    const { frames } = await readAnimatedWebp(path);
    let lastMs = -1;
    for await (const { image, timeMs } of frames()) {
      expect(timeMs).toBeGreaterThan(lastMs);
      lastMs = timeMs;
      // The encoder joins frames that are the same; each is there when it is due.
      const expected = await readImage(png(Math.round(timeMs / 100) + 1));
      expect(Buffer.from(image.data).equals(Buffer.from(expected.data))).toBe(true);
    }
    expect(lastMs).toBe(900);
  });

  test('animated pictures are films of readVideo, and are turned as their EXIF says', async () => {
    const shown = async (path: string): Promise<{ count: number; first: RgbaImage | undefined }> => {
      let first: RgbaImage | undefined;
      let count = 0;
      for await (const { image } of (await readVideo(path)).frames()) {
        first ??= image;
        count++;
      }
      return { count, first };
    };
    const moving = ['-f', 'lavfi', '-i', 'testsrc2=size=48x32:rate=10:duration=0.5,format=rgb24'];
    for (const [ending, args, turn] of [
      ['webp', ['-lossless', '1'], withWebpExif],
      ['apng', [], withPngChunk('eXIf', exifOf(6))],
    ] as const) {
      const path = inFolder(`turned.${ending}`);
      ffmpeg(...moving, ...args, path);
      const stored = await shown(path);
      expect(stored.count).toBe(5);
      await writeFile(path, turn(await readFile(path)));
      const turned = await shown(path);
      expect(turned.count).toBe(5);
      if (stored.first === undefined) throw new Error('there is no frame');
      expect(turned.first).toEqual(turnUpright(stored.first, 6));
    }
  });

  test('streams that begin amid a packet, and raw ones by any of their first units', async () => {
    const source = ['-f', 'lavfi', '-i', 'testsrc2=size=64x48:rate=25:duration=1', '-pix_fmt', 'yuv420p'];
    for (const [ending, args] of [
      ['ts', []],
      ['m2ts', ['-mpegts_m2ts_mode', '1', '-f', 'mpegts']],
    ] as const) {
      const path = inFolder(`amid.${ending}`);
      ffmpeg(...source, ...args, path);
      await writeFile(path, (await readFile(path)).subarray(101));
      expect(await readTimes(path)).toHaveLength(25);
    }
    const raw = inFolder('raw.h264');
    ffmpeg(...source, '-x264opts', 'sps-id=0', raw);
    const h264 = await readFile(raw);
    const importance = Buffer.from(h264);
    importance[h264.indexOf(Buffer.from([0, 0, 1, 0x67])) + 3] = 0x27;
    const message = Buffer.from([0, 0, 0, 1, 6, 5, 17, ...Array.from({ length: 16 }, () => 0xdc), 1, 0x80]);
    const delimiter = Buffer.from([0, 0, 0, 1, 9, 0xf0]);
    for (const bytes of [h264, importance, Buffer.concat([message, h264]), Buffer.concat([delimiter, h264])]) {
      await writeFile(raw, bytes);
      expect(await readTimes(raw)).toHaveLength(25);
    }
    for (const delimiters of [0, 1]) {
      const path = inFolder(`raw-${delimiters}.hevc`);
      ffmpeg(...source, '-c:v', 'libx265', '-x265-params', `log-level=none:aud=${delimiters}`, path);
      expect(await readTimes(path)).toHaveLength(25);
    }
  });

  test('pictures that change their size on the way: all of them, in the size of the first', async () => {
    const path = inFolder('sizes.ts');
    const parts: Buffer[] = [];
    for (const [i, size] of ['64x48', '32x24'].entries()) {
      const part = inFolder(`size-${i}.ts`);
      const source = `testsrc2=size=${size}:rate=25:duration=1`;
      ffmpeg('-f', 'lavfi', '-i', source, '-pix_fmt', 'yuv420p', '-bf', '0', '-output_ts_offset', String(i), part);
      parts.push(await readFile(part));
    }
    await writeFile(path, Buffer.concat(parts));
    const count = counts(path);
    expect(count).toBeGreaterThanOrEqual(49);
    for (const start of [0, 10, 30]) {
      const sizes = new Set<string>();
      const times: number[] = [];
      for await (const { image, timeMs } of (await readVideo(path, { start })).frames()) {
        sizes.add(`${image.width}x${image.height}`);
        times.push(timeMs);
      }
      expect(times).toEqual(Array.from({ length: count - start }, (_, i) => (i + start) * 40));
      expect(sizes.size).toBe(1);
    }
  });

  test('a picture in the place of a film says what it is', async () => {
    ffmpeg('-f', 'lavfi', '-i', 'color=red:size=64x48', '-frames:v', '1', inFolder('still.jpg'));
    await expect(readVideo(inFolder('still.jpg'))).rejects.toThrow('this is a picture (JPEG), not a video');
    ffmpeg('-i', inFolder('still.jpg'), inFolder('still.png'));
    await expect(readVideo(inFolder('still.png'))).rejects.toThrow('this is a picture (PNG), not a video');
  });

  test('odd sizes, alpha and interlaced films keep their frames', async () => {
    const transparent = 'color=0xc86432@0.5:size=33x17:rate=5:duration=1,format=argb';
    ffmpeg('-f', 'lavfi', '-i', transparent, '-c:v', 'qtrle', inFolder('alpha.mov'));
    for await (const { image } of (await readVideo(inFolder('alpha.mov'))).frames()) {
      expect([image.width, image.height]).toEqual([33, 17]);
      expect([...image.data.subarray(0, 4)]).toEqual([200, 100, 50, 127]);
    }
    const fields = ['-vf', 'tinterlace=interleave_top', '-flags', '+ildct+ilme', '-pix_fmt', 'yuv420p'];
    for (const [ending, codec] of [
      ['mp4', ['-c:v', 'libx264', '-x264opts', 'tff=1']],
      ['ts', ['-c:v', 'mpeg2video', '-q:v', '2']],
    ] as const) {
      const path = inFolder(`interlaced.${ending}`);
      ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=64x48:rate=50:duration=1', ...fields, ...codec, path);
      expect(await readTimes(path)).toEqual(Array.from({ length: 25 }, (_, i) => 40 * i));
    }
  });

  test('frames that are left out, and cut beginnings', async () => {
    const path = inFolder('vfr.mp4');
    const source = ['-f', 'lavfi', '-i', 'testsrc2=size=48x32:rate=25:duration=3', '-pix_fmt', 'yuv420p'];
    ffmpeg(...source, '-vf', "select='not(eq(mod(n,7),3))'", '-vsync', 'vfr', path);
    expect(await readTimes(path)).toHaveLength(counts(path));
  });

  test('a film that is cut off gives its frames, and then says how many of how many', async () => {
    for (const [ending, args] of [
      ['mp4', ['-movflags', '+faststart']],
      ['mkv', []],
      ['webm', ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8']],
      ['avi', ['-c:v', 'mpeg4']],
      ['flv', []],
    ] as const) {
      const path = inFolder(`cut.${ending}`);
      ffmpeg(
        '-f',
        'lavfi',
        '-i',
        'testsrc2=size=160x120:rate=25:duration=4',
        '-pix_fmt',
        'yuv420p',
        '-g',
        '25',
        ...args,
        path,
      );
      expect(await readTimes(path, { onWarning: (line) => expect(line).toBe('') })).toHaveLength(100);
      await truncate(path, Math.round((await readFile(path)).length * 0.6));
      const times: number[] = [];
      const reading = (async () => {
        for await (const { timeMs } of (await readVideo(path)).frames()) times.push(timeMs);
      })();
      const error: unknown = await reading.catch((caught: unknown) => caught);
      if (!(error instanceof VideoFileError)) throw new Error(`${ending}: ${String(error)}`);
      expect(error.message).toMatch(/the video ends early, after \d+ of \d+ frames/);
      expect(error.framesRead).toBe(times.length);
      expect(times.length).toBeGreaterThan(30);
    }
  });

  test('a kind of file that holds no sound is written without it, with a word', async () => {
    const film = inFolder('sound.mp4');
    const inputs = [
      '-f',
      'lavfi',
      '-i',
      'testsrc2=size=32x32:rate=25:duration=1',
      '-f',
      'lavfi',
      '-i',
      'sine=duration=1',
    ];
    ffmpeg(...inputs, '-pix_fmt', 'yuv420p', film);
    const warnings: string[] = [];
    const options = { frameRate: 25, audio: { path: film }, onWarning: (line: string) => warnings.push(line) };
    for (const ending of ['gif', 'y4m']) {
      const sink = writeVideo(inFolder(`silent.${ending}`), options);
      for (let i = 0; i < 5; i++) await sink.write({ width: 32, height: 32, data: new Uint8Array(4096) });
      await sink.finish();
    }
    expect(warnings).toEqual(
      ['gif', 'y4m'].map(
        (ending) => `${inFolder(`silent.${ending}`)}: written without audio, which .${ending} files cannot contain`,
      ),
    );
  });

  test.each([
    ['PQ', 'smpte2084'],
    ['HLG', 'arib-std-b67'],
  ])('bright colours (%s) are tone-mapped', async (hdr, transfer) => {
    const path = inFolder(`${hdr}.mkv`);
    const screen = 'setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv';
    const bright = `zscale=p=bt2020:t=${transfer}:m=bt2020nc:r=tv:npl=100,format=yuv420p10le`;
    const filters = `format=yuv420p,${screen},zscale=t=linear:npl=100,format=gbrpf32le,${bright}`;
    const names = `log-level=none:colorprim=bt2020:transfer=${transfer}:colormatrix=bt2020nc`;
    const grey = ['-f', 'lavfi', '-i', 'color=0x808080:size=64x48:rate=5:duration=0.4'];
    ffmpeg(...grey, '-vf', filters, '-c:v', 'libx265', '-x265-params', names, path);
    const info = await probeVideo(path);
    expect(info.hdr).toBe(hdr);
    for await (const { image } of (await readVideo(path)).frames()) {
      // The grey that went in; as it is stored it comes out as 90.
      expect(Math.abs(image.data[0] - 128)).toBeLessThan(12);
    }
  });
});

describeWithShared('films that were once read wrongly', () => {
  const inFolder = useTemporaryFolder();
  const film = (name: string): string => sharedPath('cases', 'videos', name);

  test('a stream joined of two gives all frames, and a word', async () => {
    const warnings: string[] = [];
    const times = await readTimes(film('joined.ts'), { onWarning: (line) => warnings.push(line) });
    expect(times).toHaveLength(20);
    expect(times.every((time, i) => i === 0 || time > times[i - 1])).toBe(true);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('joined from several videos or damaged: 20 frames, but its timestamps promise 10');
  });

  test('ten frames of a GIF', async () => {
    expect(await readTimes(film('ten-frames.gif'))).toHaveLength(10);
  });

  const timeOf = (path: string, map: string, filter: string): number => {
    const args = [
      '-v',
      'error',
      '-copyts',
      '-i',
      path,
      '-map',
      map,
      map.includes('a') ? '-af' : '-vf',
      filter,
      '-f',
      'null',
      '-',
    ];
    return firstEvent(run('ffmpeg', ...args), map.includes('a'));
  };
  /** The time of the first loud piece of sound, or of the first bright frame. */
  function firstEvent(printed: string, isSound: boolean): number {
    let time = Number.NaN;
    for (const line of printed.split('\n')) {
      time = Number(/pts_time:(\S+)/.exec(line)?.[1] ?? time);
      const level = /RMS_level=(\S+)/.exec(line)?.[1];
      const black = /pblack=(\S+)/.exec(line)?.[1];
      if (isSound ? level !== undefined && Number(level) > -30 : black !== undefined && Number(black) < 50) return time;
    }
    return Number.NaN;
  }
  const flash = (path: string): number =>
    timeOf(path, '0:v:0', 'blackframe=amount=0:threshold=128,metadata=print:key=lavfi.blackframe.pblack:file=-');
  const beep = (path: string): number =>
    timeOf(path, '0:a:0', 'astats=metadata=1:reset=1,ametadata=print:key=lavfi.astats.Overall.RMS_level:file=-');

  /** Writes the frames of a film from one on, with its sound. @returns how far flash and beep are apart, s. */
  async function distanceOnceDrawn(path: string, out: string, start: number): Promise<number> {
    const source = await readVideo(path, { start });
    let sink: ReturnType<typeof writeVideo> | undefined;
    for await (const { image, timeMs } of source.frames()) {
      sink ??= writeVideo(out, {
        frameRate: source.exactFrameRate,
        audio: { path, startMs: timeMs, isWhole: start === 0 },
      });
      await sink.write(image, source.isRegular ? undefined : timeMs);
    }
    await sink?.finish();
    return Math.abs(flash(out) - beep(out));
  }

  test.each([
    ['mp4', 0],
    ['mkv', 0],
    ['ts', 0],
    ['mp4', 10],
    ['mkv', 10],
    ['ts', 10],
  ])('sound stays in step where the pictures begin late: %s, from frame %i', async (ending, start) => {
    const late = inFolder(`late.${ending}`);
    ffmpeg('-i', film('video-starts-0.8s-late.mp4'), '-c', 'copy', late);
    expect(await distanceOnceDrawn(late, inFolder(`drawn-${start}.${ending}`), start)).toBeLessThan(SYNC_SECONDS);
  });

  test.each([0, 10])('and where frames come irregularly, from frame %i', async (start) => {
    const late = inFolder('irregular.mp4');
    const left = ['-vf', "select='not(eq(mod(n,7),3))'", '-vsync', 'vfr', '-pix_fmt', 'yuv420p'];
    ffmpeg('-i', film('video-starts-0.8s-late.mp4'), ...left, '-c:a', 'copy', late);
    expect((await readVideo(late)).isRegular).toBe(false);
    expect(await distanceOnceDrawn(late, inFolder(`drawn-irregular-${start}.mp4`), start)).toBeLessThan(SYNC_SECONDS);
  });

  test('a film with sound has all its frames', async () => {
    expect((await readVideo(film('with-sound.mp4'))).audioCodec).toBe('aac');
    expect(await readTimes(film('with-sound.mp4'))).toHaveLength(10);
  });
});

describe('animated WebP', () => {
  test('a file that is none is refused', async () => {
    await expect(readAnimatedWebp('/dev/null')).rejects.toThrow(TddfaError);
  });
});
