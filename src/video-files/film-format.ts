import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { VideoFileError } from '../errors.ts';
import { detectImageFormat, fitsSignature } from '../image-files/image-format.ts';

/**
 * Containers by their first bytes, under the names of ffmpeg's demuxers; `?` is any byte.
 *
 * ffmpeg guesses a format by content and name, and some formats are lists of other files and URLs. A video is therefore
 * opened with the demuxer named here and no other: nothing in a file can make ffmpeg open another one.
 */
const SIGNATURES: readonly (readonly [signature: string, demuxer: string])[] = [
  ...['ftyp', 'moov', 'mdat', 'wide', 'free', 'skip', 'pnot'].map((box) => [`????${box}`, 'mov'] as const),
  ['\x1a\x45\xdf\xa3', 'matroska'],
  ['RIFF????AVI ', 'avi'],
  ['GIF87a', 'gif'],
  ['GIF89a', 'gif'],
  ['\x89PNG\r\n\x1a\n', 'apng'],
  ['FLV\x01', 'flv'],
  ['OggS', 'ogg'],
  ['\x30\x26\xb2\x75\x8e\x66\xcf\x11', 'asf'],
  ['.RMF', 'rm'],
  ['YUV4MPEG2', 'yuv4mpegpipe'],
  ['DKIF', 'ivf'],
  ['\x06\x0e\x2b\x34', 'mxf'],
  ['nut/multimedia container', 'nut'],
  ['RIFF????AMV ', 'avi'],
  ['\x1f\x07\0', 'dv'],
  ['\x12\0\x0a', 'obu'],
  ['\0\0\x01\xba', 'mpeg'],
  ['\0\0\x01\xb3', 'mpegvideo'],
  ['\0\0\x01\xb0', 'm4v'],
];
/** First units of raw H.264 and HEVC: parameter sets, a delimiter, a message. */
const H264_UNITS: readonly number[] = [6, 7, 9];
const HEVC_UNITS: readonly number[] = [32, 33, 35, 39];
/** Audio only: passed to ffmpeg, so that the error is that there is no video. */
const SOUNDS: readonly (readonly [signature: string, demuxer: string])[] = [
  ['RIFF????WAVE', 'wav'],
  ['fLaC', 'flac'],
  ['ID3', 'mp3'],
  ...['\xfb', '\xfa', '\xf3', '\xf2'].map((flags) => [`\xff${flags}`, 'mp3'] as const),
  ...['\xf1', '\xf9'].map((flags) => [`\xff${flags}`, 'aac'] as const),
  ['FORM????AIF', 'aiff'],
  ['#!AMR', 'amr'],
];
/** Unsupported videos: ffmpeg reports wrong lengths for them, or has not been tested on them. */
const UNREAD: readonly (readonly [signature: string, name: string])[] = [
  ['\0\0\0\0\x01\xbc', 'GXF'],
  ['\xb7\xd8\0\x20', 'WTV'],
  ['RIFF????CDXA', 'Video CD (DAT)'],
  ['BIKi', 'Bink'],
  ['SMK', 'Smacker'],
  ['FWS', 'Flash (SWF)'],
  ['CWS', 'Flash (SWF)'],
  ['ZWS', 'Flash (SWF)'],
];
/** Files that refer to other files. */
const LISTS: readonly (readonly [signature: string, name: string])[] = [
  ['#EXTM3U', 'an HLS or M3U playlist'],
  ['ffconcat', 'a list of videos (ffconcat)'],
  ['[playlist]', 'a PLS playlist'],
  ['[reference]', 'a playlist (ASX)'],
  ['<asx', 'a playlist (ASX)'],
  ['<smil', 'a playlist (SMIL)'],
  ['<mpd', 'a DASH manifest'],
  ['<svg', 'an SVG picture'],
  ['<?xml', 'an XML document, such as a DASH manifest'],
  ['v=0', 'a stream description (SDP)'],
  ['file ', 'a list of videos'],
  ['http://', 'an address'],
  ['https://', 'an address'],
  ['rtsp://', 'an address'],
];

const TS_SYNC = 0x47;
/** Packet lengths of MPEG-TS: plain, with a timestamp before each (cameras and discs), with a checksum after each. */
const TS_PACKETS = [188, 192, 204] as const;
/** A stream may begin in the middle of a packet or with a damaged one: this many in a row are no coincidence. */
const TS_PACKETS_IN_A_ROW = 5;
const BEGINNING_BYTES = 4096;

/**
 * Determines the demuxer with which ffmpeg opens a video: by its first bytes, never by its name.
 * @throws VideoFileError if the format is unknown, or a list of other files.
 */
export async function detectDemuxer(path: string): Promise<string> {
  const bytes = await readBeginning(path);
  const beginning = String.fromCharCode(...bytes.subarray(0, 64));
  const known = [...SIGNATURES, ...SOUNDS].find(([signature]) => fitsSignature(beginning, signature));
  if (known !== undefined) return known[1];
  const unread = UNREAD.find(([signature]) => fitsSignature(beginning, signature));
  if (unread !== undefined) throw new VideoFileError(path, `${unread[1]} videos are not supported; use MP4 or MKV`);
  const text = beginning.replace(/^[\xef\xbb\xbf\s]+/, '').toLowerCase();
  const list = LISTS.find(([signature]) => text.startsWith(signature.toLowerCase()));
  if (list !== undefined)
    throw new VideoFileError(path, `this is ${list[1]}, not a video; nothing it refers to is opened`);
  const { format, otherName = format } = detectImageFormat(bytes);
  if (otherName !== undefined) throw new VideoFileError(path, `this is a picture (${otherName}), not a video`);
  const found = isTransportStream(bytes) ? 'mpegts' : rawDemuxer(bytes);
  if (found === undefined) throw new VideoFileError(path, 'the file is not a video or is truncated');
  return found;
}

function isTransportStream(bytes: Uint8Array): boolean {
  return TS_PACKETS.some((length) => {
    const count = Math.min(TS_PACKETS_IN_A_ROW, Math.floor(bytes.length / length));
    const isRow = (start: number): boolean => {
      for (let i = 0; i < count; i++) if (bytes[start + i * length] !== TS_SYNC) return false;
      return true;
    };
    return count > 1 && bytes.some((_, start) => isRow(start));
  });
}

/** Detects a raw stream by its first unit, which follows some zeros and a one. @see ITU-T H.264, annex B */
function rawDemuxer(bytes: Uint8Array): 'h264' | 'hevc' | undefined {
  const one = bytes.findIndex((byte) => byte !== 0);
  if (one < 2 || bytes[one] !== 1 || one + 2 >= bytes.length) return undefined;
  const [header, second] = [bytes[one + 1], bytes[one + 2]];
  const [importance, h264Unit] = [header >> 5, header & 31];
  // Later units refer to parameter sets, but not to messages and delimiters.
  if (header < 128 && H264_UNITS.includes(h264Unit) && importance > 0 === (h264Unit === 7)) return 'h264';
  return (header & 129) === 0 && HEVC_UNITS.includes(header >> 1) && second === 1 ? 'hevc' : undefined;
}

/** Whether a file is a WebP by its first bytes: ffmpeg does not read animated ones. */
export async function isWebp(path: string): Promise<boolean> {
  return fitsSignature(String.fromCharCode(...(await readBeginning(path)).subarray(0, 16)), 'RIFF????WEBP');
}

/** Arguments with which ffmpeg and ffprobe open a video and nothing else. */
export function filmArguments(path: string, demuxer: string): string[] {
  return [
    '-protocol_whitelist',
    'file',
    '-format_whitelist',
    demuxerFamily(demuxer),
    '-f',
    demuxer,
    '-i',
    `file:${path}`,
  ];
}

/** All names of a demuxer in ffmpeg's whitelist. */
function demuxerFamily(demuxer: string): string {
  if (demuxer === 'mov') return 'mov,mp4,m4a,3gp,3g2,mj2';
  return demuxer === 'matroska' ? 'matroska,webm' : demuxer;
}

async function readBeginning(path: string): Promise<Uint8Array> {
  // Opening a pipe that nobody writes to would otherwise wait for ever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw new VideoFileError(path, `cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause });
  });
  try {
    if (!(await file.stat()).isFile()) throw new VideoFileError(path, 'this is a device or pipe, not a file');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(BEGINNING_BYTES), 0, BEGINNING_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
