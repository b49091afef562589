import './style.css';
import { enableCopyButtons } from './copy-buttons.ts';
import { DownloadPanel } from './download-panel.ts';
import { complain, element, say } from './elements.ts';
import { EnginePanel } from './engine-panel.ts';
import { FacesPanel } from './faces-panel.ts';
import { InputPanel } from './input-panel.ts';
import { keepPageState, readPageState } from './page-state.ts';
import { PhotoPanel } from './photo-panel.ts';
import { cameraProblem, Player } from './player.ts';
import { Recorder } from './recorder.ts';
import { Studio } from './studio.ts';
import type { SeenPicture } from './studio-protocol.ts';
import { TurnPanel } from './turn-panel.ts';

/** The first is shown at once, the others in turn. */
const SAMPLES = ['sample.png', 'sample-two.jpg', 'sample-side.jpg'] as const;

interface Photo {
  readonly blob: Blob;
  readonly name: string;
}

let picture: SeenPicture | undefined;
/** The photo that is shown, kept for processing it again; none while a video is shown. */
let photo: Photo | undefined;
/** The photo that was shown last. */
let lastPhoto: Photo | undefined;
let name = 'face';
/** Which of the samples was shown last. */
let sample = 0;
/** Counts what was opened, so that an answer about something older is not mistaken for one about what is shown. */
let openings = 0;

/**
 * Lets the browser do other pending work. The start is split by it, so that nothing blocks the page for long: the first
 * style and layout of the whole page were one task with the script's evaluation: 17 ms of processor time and, as it
 * waits for the browser process at every new font, up to 66 ms on the clock. So the page comes with its lower panels
 * hidden.
 */
const newTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

// The browser lays the page out for the first time in the task that evaluates this: workers start in the next.
await newTask();
checkBrowser();
readPageState();
const studio = new Studio();
for (const panel of document.querySelectorAll<HTMLElement>('.panel[hidden]')) {
  await newTask();
  panel.hidden = false;
  // Laid out now, not with all the others before the next screen frame.
  panel.getBoundingClientRect();
}
await newTask();
const player = new Player(element('video', HTMLVideoElement), studio, {
  onPicture: onFrame,
  onError: onPlayerError,
  chosenFace: () => facesPanel.chosen,
});
const downloads = new DownloadPanel(studio, () => ({ name, edit: turnPanel.editOf(facesPanel.chosen) }));
const turnPanel = new TurnPanel(studio, {
  onShow: () => void showMesh(),
  onHasFace: (hasFace) => {
    downloads.disabled = !hasFace;
  },
});
const facesPanel = new FacesPanel(() => {
  photoPanel.showPose(picture?.faces[facesPanel.chosen]);
  void showMesh();
});
await newTask();
const inputPanel = new InputPanel({
  onFile: (file) => void openFile(file),
  onCamera: (deviceId) => void openCamera(deviceId),
  onSample: () => {
    sample = (sample + 1) % SAMPLES.length;
    void showSample();
  },
});
const photoPanel = new PhotoPanel(studio, player, {
  onDrawn(milliseconds) {
    if (picture !== undefined && !player.isPlaying) enginePanel.showDrawTime(milliseconds);
  },
  onPlay: () => {},
  onPause: async () => {
    recorder.stop();
    await showMesh();
  },
  onClose: () => void keepLastFrame(),
});
const recorder = new Recorder(
  () => name.replace(/\.[^.]*$/, ''),
  () => player.isMirrored,
);
const enginePanel = new EnginePanel(studio, (pack) => {
  turnPanel.build(pack);
  inputPanel.disabled = false;
  void lookAgain();
});

enginePanel.start();
keepPageState();
enableCopyButtons();
if (import.meta.env.MODE === 'production' && 'serviceWorker' in navigator) {
  // The page works without it, but not offline.
  navigator.serviceWorker.register('./offline-worker.js').catch(() => {});
}

/** Shows what this browser lacks, before anything is asked of it. */
function checkBrowser(): void {
  const missing = [
    typeof Worker === 'function' ? '' : 'workers',
    'transferControlToOffscreen' in HTMLCanvasElement.prototype ? '' : 'drawing in workers (OffscreenCanvas)',
    typeof WebAssembly === 'object' ? '' : 'WebAssembly',
  ].filter((what) => what !== '');
  if (missing.length === 0) return;
  const text = `This browser has no ${missing.join(' and no ')}, which this page needs.`;
  complain(`${text} Chrome 105, Firefox 114, Safari 17 and later versions support all of it.`);
  say('');
  throw new Error(text);
}

/** Whatever is opened next supersedes what came before it. @returns whether this is still the newest. */
function beginOpening(): () => boolean {
  const opening = ++openings;
  recorder.stop();
  return () => opening === openings;
}

async function lookAt(blob: Blob, title: string): Promise<void> {
  const isNewest = beginOpening();
  const wasPlaying = player.isPlaying;
  // If the picture turns out not to be one, a video resumes; a camera that is still being opened is abandoned.
  if (player.isOpen) await player.pause();
  else player.close();
  complain(undefined);
  say('Finding faces …');
  try {
    const seen = await studio.ask('look', blob);
    if (!isNewest()) return;
    player.close();
    showMirrored();
    picture = seen;
    photo = { blob, name: title };
    lastPhoto = photo;
    name = title;
    facesPanel.offer(seen.faces);
    photoPanel.showWipe(seen.faces[0]);
    showPicture(seen, undefined);
    say(summary(seen));
  } catch (error) {
    if (!isNewest()) return;
    const { message } = error as Error;
    say(picture === undefined ? '' : summary(picture));
    complain(message.startsWith(title) ? message : `${title}: ${message}`);
    if (wasPlaying) await player.play();
    photoPanel.showPlayer();
    return;
  }
  photoPanel.showPlayer();
  await showMesh();
}

async function showSample(): Promise<void> {
  const file = SAMPLES[sample];
  try {
    const response = await fetch(new URL(file, document.baseURI));
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const blob = await response.blob();
    // Meanwhile the next one may have been requested.
    if (file === SAMPLES[sample]) await lookAt(blob, file);
  } catch (error) {
    complain(`The sample photo could not be loaded: ${(error as Error).message}`);
  }
}

/** With another model. */
async function lookAgain(): Promise<void> {
  if (photo !== undefined) await lookAt(photo.blob, photo.name);
  else if (!player.isOpen) await (lastPhoto === undefined ? showSample() : lookAt(lastPhoto.blob, lastPhoto.name));
  else if (!player.isPlaying) await player.showAgain();
  else say('Another model is in use.');
}

function openFile(file: File): Promise<void> {
  if (!file.type.startsWith('video/')) return lookAt(file, file.name);
  const explain = () => `${file.name}: the browser cannot play this video.`;
  return watch(() => player.openFile(file), file.name, explain);
}

async function openCamera(deviceId: string | undefined): Promise<void> {
  await watch(() => player.openCamera(deviceId === undefined ? {} : { deviceId }), 'camera', cameraProblem);
  if (player.camera !== undefined) await inputPanel.offerCameras(player.camera);
}

async function watch(start: () => Promise<void>, title: string, explain: (error: Error) => string): Promise<void> {
  const isNewest = beginOpening();
  const before = { photo, picture, name };
  complain(undefined);
  say('Starting …');
  photo = undefined;
  picture = undefined;
  name = title;
  try {
    await start();
    if (!isNewest()) return;
  } catch (error) {
    if (!isNewest()) return;
    player.close();
    // What was there before is still there.
    ({ photo, picture, name } = before);
    say(picture === undefined ? '' : summary(picture));
    complain(explain(error as Error));
    await showMesh();
  }
  showMirrored();
  photoPanel.showPlayer();
}

/** Playback stops, and the last frame stays, to be turned. */
async function keepLastFrame(): Promise<void> {
  beginOpening();
  showMirrored();
  if (picture !== undefined) await showMesh();
  else if (lastPhoto !== undefined) await lookAt(lastPhoto.blob, lastPhoto.name);
}

function onPlayerError(error: Error): void {
  const explained = player.camera === undefined ? error.message : cameraProblem(error);
  player.close();
  photoPanel.showPlayer();
  complain(explained);
  void keepLastFrame();
}

function showMirrored(): void {
  turnPanel.isMirrored = player.isMirrored;
}

function onFrame(seen: SeenPicture, framesPerSecond: number | undefined): void {
  facesPanel.follow(seen.faces);
  const countBefore = picture?.faces.length;
  picture = seen;
  showPicture(seen, framesPerSecond);
  // Not with every frame, or a screen reader would never be silent.
  if (countBefore !== seen.faces.length) say(summary(seen));
  photoPanel.showPosition();
  if (player.isPlaying) turnPanel.follow(seen.faces[facesPanel.chosen]);
  else void showMesh();
}

/** Shows what was found, in numbers. */
function showPicture(seen: SeenPicture, framesPerSecond: number | undefined): void {
  enginePanel.showTimings(seen.timings, framesPerSecond);
  photoPanel.showSize(seen);
  photoPanel.showPose(seen.faces[facesPanel.chosen]);
}

/** Shows the chosen face in 3D. */
function showMesh(): Promise<void> {
  const index = facesPanel.chosen;
  return turnPanel.show(picture?.faces[index], enginePanel.pack, { index, isPhoto: photo !== undefined });
}

function summary({ faces }: SeenPicture): string {
  const [first] = faces;
  if (first === undefined) return 'No face was found. Try a picture with a larger face, or one that is turned less.';
  const found = faces.length === 1 ? '1 face found' : `${faces.length} faces found`;
  if (first.score === undefined) return `${found}.`;
  const score = first.score.toFixed(2);
  return faces.length === 1 ? `${found}, with a score of ${score}.` : `${found}, the best with a score of ${score}.`;
}
