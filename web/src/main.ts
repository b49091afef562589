import './style.css';
import { DownloadPanel } from './download-panel.ts';
import { complain, element, say } from './elements.ts';
import { EnginePanel } from './engine-panel.ts';
import { InputPanel } from './input-panel.ts';
import { PhotoPanel } from './photo-panel.ts';
import { cameraProblem, Player } from './player.ts';
import { Studio } from './studio.ts';
import type { SeenPicture } from './studio-protocol.ts';
import { TurnPanel } from './turn-panel.ts';

const SAMPLE = 'sample.png';

let picture: SeenPicture | undefined;
/** The photo that is shown, for looking at it again; none where a video is. */
let photo: { readonly blob: Blob; readonly name: string } | undefined;
let name = 'face';
/** Counts what was opened, so that an answer about something older is not taken for one about what is shown. */
let openings = 0;

/**
 * Lets the browser do what else is due. What happens at the start is cut by it, so that nothing blocks the page for long: the
 * first style and layout of the whole page were one task with the script's evaluation: 17 ms of processor time, and since it
 * waits for the browser's process at every new font, up to 66 ms on the clock. So the page comes with its lower panels hidden.
 */
const newTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

// The browser lays the page out for the first time in the task that evaluates this: workers start in the next.
await newTask();
const studio = new Studio();
for (const panel of document.querySelectorAll<HTMLElement>('.panel[hidden]')) {
  await newTask();
  panel.hidden = false;
  // Laid out now, not with all the others before the next picture of the screen.
  panel.getBoundingClientRect();
}
await newTask();
const player = new Player(element('video', HTMLVideoElement), studio, onFrame, (error) => complain(error.message));
const downloads = new DownloadPanel(studio, () => ({ name, edit: turnPanel.edit }));
const turnPanel = new TurnPanel(studio, {
  onShow: () => void showMesh(),
  onHasFace: (hasFace) => {
    downloads.disabled = !hasFace;
  },
});
await newTask();
const inputPanel = new InputPanel({
  onFile: (file) => void openFile(file),
  onCamera: () => void watch(() => player.openCamera(), 'camera', cameraProblem),
  onSample: () => void showSample(),
});
const photoPanel = new PhotoPanel(studio, player, {
  onDrawn(milliseconds) {
    if (picture !== undefined && !player.isPlaying) enginePanel.showDrawTime(milliseconds);
  },
  onPlay: waitForPause,
  onPause: showMesh,
  onClose: () => void showSample(),
});
const enginePanel = new EnginePanel(studio, (pack) => {
  turnPanel.build(pack);
  inputPanel.disabled = false;
  void lookAgain();
});

enginePanel.start();

/** Whatever is opened next makes what came before it old. @returns whether this is still the newest. */
function beginOpening(): () => boolean {
  const opening = ++openings;
  return () => opening === openings;
}

async function lookAt(blob: Blob, title: string): Promise<void> {
  const isNewest = beginOpening();
  player.close();
  photoPanel.showPlayer();
  complain(undefined);
  say('Looking …');
  try {
    const seen = await studio.ask('look', blob);
    if (!isNewest()) return;
    showPicture(seen, undefined);
    photo = { blob, name: title };
    name = title;
  } catch (error) {
    if (!isNewest()) return;
    say('');
    complain(`${title}: ${(error as Error).message}`);
    return;
  }
  await showMesh();
}

async function showSample(): Promise<void> {
  try {
    const response = await fetch(new URL(SAMPLE, document.baseURI));
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    await lookAt(await response.blob(), SAMPLE);
  } catch (error) {
    complain(`The sample photo could not be loaded: ${(error as Error).message}`);
  }
}

/** With another model. */
async function lookAgain(): Promise<void> {
  if (photo !== undefined) await lookAt(photo.blob, photo.name);
  else if (!player.isOpen) await showSample();
}

function openFile(file: File): Promise<void> {
  if (!file.type.startsWith('video/')) return lookAt(file, file.name);
  const explain = () => `${file.name}: the browser cannot play this video.`;
  return watch(() => player.openFile(file), file.name, explain);
}

async function watch(start: () => Promise<void>, title: string, explain: (error: Error) => string): Promise<void> {
  const isNewest = beginOpening();
  const before = { photo, picture, name };
  complain(undefined);
  say('Starting …');
  turnPanel.clear();
  photo = undefined;
  picture = undefined;
  name = title;
  try {
    await start();
    if (!isNewest()) return;
    waitForPause();
  } catch (error) {
    if (!isNewest()) return;
    player.close();
    // What was there before is there still.
    ({ photo, picture, name } = before);
    say(picture === undefined ? '' : summary(picture));
    complain(explain(error as Error));
    await showMesh();
  }
  photoPanel.showPlayer();
}

/** While a video plays, there is nothing to turn. */
function waitForPause(): void {
  if (player.isPlaying) turnPanel.clear('Pause the picture to turn the face.');
}

function onFrame(seen: SeenPicture, framesPerSecond: number | undefined): void {
  showPicture(seen, framesPerSecond);
  photoPanel.showPosition();
  if (!player.isPlaying) void showMesh();
}

/** Shows what was found, in words and numbers. */
function showPicture(seen: SeenPicture, framesPerSecond: number | undefined): void {
  const countBefore = picture?.faces.length;
  picture = seen;
  const { faces, timings } = seen;
  enginePanel.showTimings(timings, framesPerSecond);
  // Not with every frame, or a screen reader would never be silent.
  if (!player.isOpen || countBefore !== faces.length) say(summary(seen));
  photoPanel.showPose(faces[turnPanel.chosenFace]);
  turnPanel.offer(faces.length);
}

/** Shows the chosen face in 3D. */
function showMesh(): Promise<void> {
  return turnPanel.show(picture?.faces[turnPanel.chosenFace], enginePanel.pack);
}

function summary({ faces }: SeenPicture): string {
  const [first] = faces;
  if (first === undefined) return 'No face was found. Try a picture in which a face is larger or turned less.';
  const found = faces.length === 1 ? '1 face found' : `${faces.length} faces found`;
  if (first.score === undefined) return `${found}.`;
  const confidence = `${(first.score * 100).toFixed(0)} % confidence`;
  return faces.length === 1 ? `${found}, with ${confidence}.` : `${found}, the best with ${confidence}.`;
}
