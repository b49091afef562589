/** A film for Chromium's camera: the sample portrait, which slides to the right and back, so that the film can be repeated. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../../development/paths.ts';

/** How fast the portrait slides, px a frame, at 30 frames/s. */
export const SLIDE_PX = 8;

/** Writes the film, 640 x 480 and 4 s long. @returns its path. */
export function writeCameraFilm(folder: string): string {
  const film = join(folder, 'camera.y4m');
  const slide = `${SLIDE_PX}*abs(mod(n\\,40)-20)`;
  execFileSync('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'color=gray:s=640x480:r=30:d=4'],
    ...['-loop', '1', '-r', '30', '-i', join(repositoryRoot, 'examples/astronaut.png')],
    ...['-filter_complex', `[1]scale=480:480[face];[0][face]overlay=x='${slide}':y=0:shortest=1,format=yuv420p`],
    film,
  ]);
  return film;
}

/** Flags with which Chromium's camera shows a film, and is allowed without a question. */
export function cameraFlags(film: string): string[] {
  return [
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    `--use-file-for-fake-video-capture=${film}`,
  ];
}
