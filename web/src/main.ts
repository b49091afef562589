import './style.css';
import type { BackendName } from '../../src/index.ts';
import { button, canvas, complain, element, input, say, select } from './elements.ts';
import { cameraProblem, Player } from './player.ts';
import { Sliders } from './sliders.ts';
import { Studio } from './studio.ts';
import type { ExportKind, FaceEdit, LoadedPack, Overlays, PackChoice, SeenPicture } from './studio-protocol.ts';
import { FaceViewer } from './viewer.ts';

/** Where the open pack is, beside the page. */
const DEFAULT_PACK = 'weights/open/';
const SAMPLE = 'sample.png';

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
const viewer = new FaceViewer(element('turntable', HTMLElement), canvas('viewer'), (message) =>
  note(`The 3D view cannot be shown: ${message}`),
);
await newTask();
const expression = new Sliders(element('expression', HTMLElement), onSlider);
const shape = new Sliders(element('shape', HTMLElement), onSlider);

const pictureCanvas = canvas('picture');
pictureCanvas.dataset.drawings = '0';
const faceSelect = select('face');
const backendSelect = select('backend');
const regressorSelect = select('regressor');

let choice: PackChoice = {
  url: new URL(new URLSearchParams(location.search).get('pack') ?? DEFAULT_PACK, document.baseURI).href,
};
let pack: LoadedPack | undefined;
let picture: SeenPicture | undefined;
/** The photo that is shown, for looking at it again; none where a video is. */
let photo: { readonly blob: Blob; readonly name: string } | undefined;
let name = 'face';

const offscreen = pictureCanvas.transferControlToOffscreen();
void studio.ask('canvas', offscreen, [offscreen]);
void studio.ask('overlays', chosenOverlays());
studio.onWarning = (warning) => say(`The model is not kept for the next visit: ${warning}`);

/** Loads the chosen pack; says what is the matter where that fails. */
async function loadPack(next: PackChoice, regressor?: string): Promise<boolean> {
  const loaded = new Map<string, { loaded: number; total: number }>();
  const progress = element('progress', HTMLProgressElement);
  studio.onProgress = ({ file, loadedBytes, totalBytes = loadedBytes }) => {
    loaded.set(file, { loaded: loadedBytes, total: totalBytes });
    const sums = [...loaded.values()];
    progress.max = sums.reduce((sum, { total }) => sum + total, 0) || 1;
    progress.value = sums.reduce((sum, file) => sum + file.loaded, 0);
    progress.hidden = false;
  };
  complain(undefined);
  say('Loading the model …');
  try {
    const backend = backendSelect.value as BackendName;
    pack = await studio.ask('load', { pack: next, backend, regressor });
    choice = next;
    showPack(pack);
    return true;
  } catch (error) {
    refusePack(next, error as Error);
    return false;
  } finally {
    progress.hidden = true;
  }
}

function refusePack(refused: PackChoice, error: Error): void {
  say(pack === undefined ? 'No model is loaded.' : `The model before stays: ${pack.name}.`);
  if (pack !== undefined) backendSelect.value = pack.backend;
  const isDefault = 'url' in refused && refused.url === new URL(DEFAULT_PACK, document.baseURI).href;
  const isMissing = /answered 404|is a web page, not JSON/.test(error.message);
  if (isDefault && isMissing) {
    complain(
      'This page came without a model. Choose a pack folder, or give the address of one, under “Use another model”.',
    );
  } else {
    complain(`The model was refused: ${error.message}`);
  }
  if (pack === undefined) {
    element('packs', HTMLDetailsElement).open = true;
    document.body.classList.add('no-model');
    setReady(false);
  }
}

function showPack(loaded: LoadedPack): void {
  regressorSelect.replaceChildren(...loaded.regressors.map((value) => new Option(value, value)));
  regressorSelect.value = loaded.regressor;
  expression.build(loaded.expression);
  shape.build(loaded.shape);
  element('model', HTMLElement).textContent = `Model “${loaded.name}”:`;
  element('licences', HTMLElement).replaceChildren(
    ...loaded.licences.map(({ model, name: licence, notice }) => {
      const text = `${model}: ${licence}${notice === undefined ? '' : `. ${notice}`}`;
      return Object.assign(document.createElement('li'), { textContent: text });
    }),
  );
  document.body.classList.remove('no-model');
  setReady(true);
}

function setReady(isReady: boolean): void {
  for (const id of ['camera', 'sample']) button(id).disabled = !isReady;
  input('file').disabled = !isReady;
  element('file-label', HTMLElement).classList.toggle('disabled', !isReady);
  setHasFace(false);
}

function setHasFace(hasFace: boolean): void {
  for (const id of ['neutral', 'frontal', 'reset']) button(id).disabled = !hasFace;
  expression.disabled = !hasFace;
  shape.disabled = !hasFace;
  for (const control of exportButtons) control.disabled = !hasFace;
}

const exportButtons = [...document.querySelectorAll<HTMLButtonElement>('[data-export]')];

async function lookAt(blob: Blob, title: string): Promise<void> {
  player.close();
  showPlayer();
  complain(undefined);
  say('Looking …');
  try {
    showPicture(await studio.ask('look', blob), undefined);
    photo = { blob, name: title };
    name = title;
  } catch (error) {
    say('');
    complain(`${title}: ${(error as Error).message}`);
    return;
  }
  await showMesh();
}

async function watch(open: () => Promise<void>, title: string, explain: (error: Error) => string): Promise<void> {
  const before = { photo, picture, name };
  complain(undefined);
  say('Starting …');
  viewer.clear();
  photo = undefined;
  picture = undefined;
  name = title;
  try {
    await open();
  } catch (error) {
    player.close();
    // What was there before is there still.
    ({ photo, picture, name } = before);
    say(picture === undefined ? '' : summary(picture));
    complain(explain(error as Error));
    await showMesh();
  }
  showPlayer();
}

function openFile(file: File): Promise<void> {
  if (!file.type.startsWith('video/')) return lookAt(file, file.name);
  const explain = () => `${file.name}: the browser cannot play this video.`;
  return watch(() => player.openFile(file), file.name, explain);
}

function onFrame(seen: SeenPicture, framesPerSecond: number | undefined): void {
  showPicture(seen, framesPerSecond);
  if (player.canSeek && document.activeElement !== input('seek')) input('seek').value = String(player.position);
  if (!player.isPlaying) void showMesh();
}

/** Shows what was found, in words and numbers. */
function showPicture(seen: SeenPicture, framesPerSecond: number | undefined): void {
  const isVideo = player.isOpen;
  const countBefore = picture?.faces.length;
  picture = seen;
  const { faces, timings } = seen;
  const milliseconds = [timings.read, timings.detect, timings.align, timings.reconstruct, timings.draw].map((value) =>
    value.toFixed(1),
  );
  const cells = element('timings', HTMLElement).children;
  [...milliseconds, framesPerSecond === undefined ? '-' : framesPerSecond.toFixed(0)].forEach((text, index) => {
    const cell = cells[index];
    if (cell) cell.textContent = text;
  });
  // Not with every frame, or a screen reader would never be silent.
  if (!isVideo || countBefore !== faces.length) say(summary(seen));
  const [face] = faces.slice(chosenFace());
  const angles = face && { Yaw: face.yawDegrees, Pitch: face.pitchDegrees, Roll: face.rollDegrees };
  element('pose', HTMLElement).replaceChildren(
    ...Object.entries(angles ?? {}).map(([term, degrees]) => {
      const pair = document.createElement('div');
      const dt = Object.assign(document.createElement('dt'), { textContent: term });
      pair.append(dt, Object.assign(document.createElement('dd'), { textContent: `${degrees.toFixed(1)}°` }));
      return pair;
    }),
  );
  if (faceSelect.options.length !== faces.length) {
    faceSelect.replaceChildren(...faces.map((_, index) => new Option(String(index + 1), String(index))));
    element('face-label', HTMLElement).hidden = faces.length < 2;
  }
  if (isVideo && player.isPlaying) setHasFace(false);
}

function summary({ faces }: SeenPicture): string {
  const [first] = faces;
  if (first === undefined) return 'No face was found. Try a picture in which a face is larger or turned less.';
  const found = faces.length === 1 ? '1 face found' : `${faces.length} faces found`;
  if (first.score === undefined) return `${found}.`;
  const confidence = `${(first.score * 100).toFixed(0)} % confidence`;
  return faces.length === 1 ? `${found}, with ${confidence}.` : `${found}, the best with ${confidence}.`;
}

function chosenFace(): number {
  return Math.max(0, faceSelect.selectedIndex);
}

function note(text: string | undefined): void {
  const paragraph = element('viewer-note', HTMLElement);
  paragraph.textContent = text ?? '';
  paragraph.hidden = text === undefined;
}

/** Gives the chosen face to the 3D view, with the sliders as found. */
async function showMesh(): Promise<void> {
  const face = picture?.faces[chosenFace()];
  if (face === undefined || pack?.hasModel !== true || pack.hasMaps !== true) {
    viewer.clear();
    setHasFace(false);
    note(face === undefined ? 'There is no face to turn.' : 'This pack has no mesh, so there is nothing to turn.');
    return;
  }
  note(undefined);
  expression.values = face.expression;
  shape.values = face.shape;
  setFrontal(false);
  try {
    viewer.show(await studio.ask('mesh', edit()));
    setHasFace(true);
  } catch (error) {
    complain((error as Error).message);
  }
}

function edit(): FaceEdit {
  return { face: chosenFace(), expression: expression.values, shape: shape.values, frontal: isFrontal() };
}

let isEditing = false;
let isEditDue = false;

/** Shows the sliders' face: the newest position when the one before is drawn. */
async function onSlider(): Promise<void> {
  isEditDue = true;
  if (isEditing) return;
  isEditing = true;
  try {
    while (isEditDue) {
      isEditDue = false;
      viewer.change(await studio.ask('edit', edit()));
    }
  } catch (error) {
    complain((error as Error).message);
  } finally {
    isEditing = false;
  }
}

const isFrontal = () => button('frontal').getAttribute('aria-pressed') === 'true';

function setFrontal(pressed: boolean): void {
  button('frontal').setAttribute('aria-pressed', String(pressed));
}

function chosenOverlays(): Overlays {
  const isChecked = (key: string) => document.querySelector<HTMLInputElement>(`#lines [name=${key}]`)?.checked === true;
  const surface = document.querySelector<HTMLInputElement>('#surfaces :checked')?.value ?? 'none';
  return {
    surface: surface as Overlays['surface'],
    landmarks: isChecked('landmarks'),
    points: isChecked('points'),
    boxes: isChecked('boxes'),
    pose: isChecked('pose'),
    black: isChecked('black'),
  };
}

/** How often the overlays were changed and drawn. */
let drawings = 0;

async function onOverlays(): Promise<void> {
  try {
    const milliseconds = await studio.ask('overlays', chosenOverlays());
    drawings++;
    pictureCanvas.dataset.drawings = String(drawings);
    const cell = element('timings', HTMLElement).children[4];
    if (cell && picture !== undefined && !player.isPlaying) cell.textContent = milliseconds.toFixed(1);
  } catch (error) {
    complain((error as Error).message);
  }
}

function showPlayer(): void {
  element('player', HTMLElement).hidden = !player.isOpen;
  button('play').textContent = player.isPlaying ? 'Pause and turn it' : 'Play';
  element('seek-label', HTMLElement).hidden = !player.canSeek;
  if (player.isPlaying) {
    note('Pause the picture to turn the face.');
    viewer.clear();
  }
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

async function lookAgain(): Promise<void> {
  if (photo !== undefined) await lookAt(photo.blob, photo.name);
  else if (!player.isOpen) await showSample();
}

async function usePack(next: PackChoice, regressor?: string): Promise<void> {
  if (await loadPack(next, regressor)) await lookAgain();
}

async function download(kind: ExportKind): Promise<void> {
  try {
    const file = await studio.ask('export', { kind, name, edit: edit() });
    const link = Object.assign(document.createElement('a'), {
      href: URL.createObjectURL(file.blob),
      download: file.name,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    say(`${file.name} is saved: ${(file.blob.size / 1e6).toFixed(2)} MB.`);
  } catch (error) {
    complain((error as Error).message);
  }
}

input('file').addEventListener('change', ({ target }) => {
  const [file] = (target as HTMLInputElement).files ?? [];
  if (file) void openFile(file);
  (target as HTMLInputElement).value = '';
});
button('sample').addEventListener('click', () => void showSample());
button('camera').addEventListener('click', () => void watch(() => player.openCamera(), 'camera', cameraProblem));
button('play').addEventListener('click', async () => {
  if (player.isPlaying) {
    await player.pause();
    await showMesh();
  } else {
    await player.play();
  }
  showPlayer();
});
button('stop').addEventListener('click', () => {
  player.close();
  showPlayer();
  void showSample();
});
input('seek').addEventListener('input', ({ target }) => {
  player.position = Number((target as HTMLInputElement).value);
});

element('surfaces', HTMLElement).addEventListener('change', onOverlays);
element('lines', HTMLElement).addEventListener('change', onOverlays);
faceSelect.addEventListener('change', () => void showMesh());
select('material').addEventListener('change', ({ target }) => {
  viewer.material((target as HTMLSelectElement).value as 'photo' | 'clay' | 'wireframe');
});
button('neutral').addEventListener('click', () => {
  expression.values = expression.values.map(() => 0);
  void onSlider();
});
button('frontal').addEventListener('click', () => {
  setFrontal(!isFrontal());
  void onSlider();
});
button('reset').addEventListener('click', () => {
  viewer.reset();
  void showMesh();
});
for (const control of exportButtons) {
  control.addEventListener('click', () => void download(control.dataset.export as ExportKind));
}

backendSelect.addEventListener('change', () => void usePack(choice, pack?.regressor));
regressorSelect.addEventListener('change', () => void usePack(choice, regressorSelect.value));
element('pack-form', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const text = input('pack-url').value.trim();
  if (!URL.canParse(text, document.baseURI) || text === '') complain('That is not an address.');
  else void usePack({ url: new URL(text, document.baseURI).href });
});
input('pack-folder').addEventListener('change', ({ target }) => {
  const files = [...((target as HTMLInputElement).files ?? [])];
  if (files.length > 0)
    void usePack({ files: files.map((file) => ({ path: file.webkitRelativePath || file.name, file })) });
  (target as HTMLInputElement).value = '';
});

addEventListener('dragover', (event) => {
  event.preventDefault();
  document.body.classList.add('dropping');
});
addEventListener('dragleave', (event) => {
  if (event.relatedTarget === null) document.body.classList.remove('dropping');
});
addEventListener('drop', (event) => {
  event.preventDefault();
  document.body.classList.remove('dropping');
  const [file] = event.dataTransfer?.files ?? [];
  if (file && pack !== undefined) void openFile(file);
});
addEventListener('paste', (event) => {
  const [file] = event.clipboardData?.files ?? [];
  if (file && pack !== undefined) void openFile(file);
});

setReady(false);
void usePack(choice);
