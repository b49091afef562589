/** A film for Chromium's camera: the sample portrait slides to the right and back, so that the film can loop. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from './paths.ts';

/** How fast the portrait slides, px per frame. */
export const SLIDE_PX = 8;

/**
 * Writes the film, 640 x 480 and 120 frames long.
 * @param framesPerSecond - the camera's frame rate.
 * @returns its path.
 */
export function writeCameraFilm(folder: string, framesPerSecond = 30): string {
  const film = join(folder, 'camera.y4m');
  const rate = String(framesPerSecond);
  const slide = `${SLIDE_PX}*abs(mod(n\\,40)-20)`;
  execFileSync('ffmpeg', [
    ...['-v', 'error', '-y', '-f', 'lavfi', '-i', `color=gray:s=640x480:r=${rate}:d=${120 / framesPerSecond}`],
    ...['-loop', '1', '-r', rate, '-i', join(repositoryRoot, 'examples/astronaut.png')],
    ...['-filter_complex', `[1]scale=480:480[face];[0][face]overlay=x='${slide}':y=0:shortest=1,format=yuv420p`],
    film,
  ]);
  return film;
}

/** Flags that make Chromium's camera show a film and allow it without a prompt. */
export function cameraFlags(film: string): string[] {
  return [
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    `--use-file-for-fake-video-capture=${film}`,
  ];
}
