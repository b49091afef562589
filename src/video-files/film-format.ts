import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { VideoFileError } from '../errors.ts';
import { detectImageFormat, fitsSignature } from '../image-files/image-format.ts';

/**
 * Containers by the bytes at their beginning, under the names of ffmpeg's demuxers; `?` is any byte.
 *
 * ffmpeg guesses a format by content and name, and some formats are lists of other files and addresses. A film is therefore
 * opened by the demuxer named here and no other: what a file says cannot make ffmpeg open another one.
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
/** What raw H.264 and HEVC may begin with: parameter sets, a delimiter, a message. */
const H264_UNITS: readonly number[] = [6, 7, 9];
const HEVC_UNITS: readonly number[] = [32, 33, 35, 39];
/** Sound alone: ffmpeg is asked, so that what is said is what is missing. */
const SOUNDS: readonly (readonly [signature: string, demuxer: string])[] = [
  ['RIFF????WAVE', 'wav'],
  ['fLaC', 'flac'],
  ['ID3', 'mp3'],
  ...['\xfb', '\xfa', '\xf3', '\xf2'].map((flags) => [`\xff${flags}`, 'mp3'] as const),
  ...['\xf1', '\xf9'].map((flags) => [`\xff${flags}`, 'aac'] as const),
  ['FORM????AIF', 'aiff'],
  ['#!AMR', 'amr'],
];
/** Films that are not read: ffmpeg gives them wrong lengths, or has not been tried on them. */
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
/** What names other files. */
const LISTS: readonly (readonly [signature: string, name: string])[] = [
  ['#EXTM3U', 'an HLS or M3U playlist'],
  ['ffconcat', 'a list of films (ffconcat)'],
  ['[playlist]', 'a PLS playlist'],
  ['[reference]', 'a playlist (ASX)'],
  ['<asx', 'a playlist (ASX)'],
  ['<smil', 'a playlist (SMIL)'],
  ['<mpd', 'a DASH manifest'],
  ['<svg', 'an SVG picture'],
  ['<?xml', 'an XML document, such as a DASH manifest'],
  ['v=0', 'a description of a stream (SDP)'],
  ['file ', 'a list of films'],
  ['http://', 'an address'],
  ['https://', 'an address'],
  ['rtsp://', 'an address'],
];

const TS_SYNC = 0x47;
/** Lengths of the packets of MPEG-TS: plain, with a time before each as cameras and discs have it, with a sum after each. */
const TS_PACKETS = [188, 192, 204] as const;
/** A stream may begin amid a packet, or with a damaged one: this many in a row are no chance. */
const TS_PACKETS_IN_A_ROW = 5;
const BEGINNING_BYTES = 4096;

/**
 * Tells by which demuxer ffmpeg is to open a film: by its first bytes, never by its name.
 * @throws VideoFileError where it is none that is known, or a list of other files.
 */
export async function detectDemuxer(path: string): Promise<string> {
  const bytes = await readBeginning(path);
  const beginning = String.fromCharCode(...bytes.subarray(0, 64));
  const known = [...SIGNATURES, ...SOUNDS].find(([signature]) => fitsSignature(beginning, signature));
  if (known !== undefined) return known[1];
  const unread = UNREAD.find(([signature]) => fitsSignature(beginning, signature));
  if (unread !== undefined) throw new VideoFileError(path, `${unread[1]} films are not supported; use MP4 or MKV`);
  const text = beginning.replace(/^[\xef\xbb\xbf\s]+/, '').toLowerCase();
  const list = LISTS.find(([signature]) => text.startsWith(signature.toLowerCase()));
  if (list !== undefined) throw new VideoFileError(path, `this is ${list[1]}, not a film; what it names is not opened`);
  const { format, otherName = format } = detectImageFormat(bytes);
  if (otherName !== undefined) throw new VideoFileError(path, `this is a picture (${otherName}), not a film`);
  const found = isTransportStream(bytes) ? 'mpegts' : rawDemuxer(bytes);
  if (found === undefined) throw new VideoFileError(path, 'the file is no video or is cut short');
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

/** By the first unit of a raw stream, which follows some zeros and a one. @see ITU-T H.264, annex B */
function rawDemuxer(bytes: Uint8Array): 'h264' | 'hevc' | undefined {
  const one = bytes.findIndex((byte) => byte !== 0);
  if (one < 2 || bytes[one] !== 1 || one + 2 >= bytes.length) return undefined;
  const [header, second] = [bytes[one + 1], bytes[one + 2]];
  const [importance, h264Unit] = [header >> 5, header & 31];
  // Parameter sets matter to what follows; messages and delimiters do not.
  if (header < 128 && H264_UNITS.includes(h264Unit) && importance > 0 === (h264Unit === 7)) return 'h264';
  return (header & 129) === 0 && HEVC_UNITS.includes(header >> 1) && second === 1 ? 'hevc' : undefined;
}

/** Whether a file is a WebP by its first bytes: ffmpeg does not read those that move. */
export async function isWebp(path: string): Promise<boolean> {
  return fitsSignature(String.fromCharCode(...(await readBeginning(path)).subarray(0, 16)), 'RIFF????WEBP');
}

/** Arguments with which ffmpeg and ffprobe open a film and nothing else. */
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

/** All names under which ffmpeg's white list knows a demuxer. */
function demuxerFamily(demuxer: string): string {
  if (demuxer === 'mov') return 'mov,mp4,m4a,3gp,3g2,mj2';
  return demuxer === 'matroska' ? 'matroska,webm' : demuxer;
}

async function readBeginning(path: string): Promise<Uint8Array> {
  // A pipe that nobody writes to would keep the opening waiting for ever.
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
